"""A host that answers HTTP 429 is asked more slowly."""

from dataclasses import dataclass

import pytest

from balance_watch.providers.host_pace import HostPace


@dataclass
class Time:
    now: float = 100.0

    def clock(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pace(time: Time) -> HostPace:
    return HostPace(time.clock)


def test_a_host_that_never_answers_429_has_every_turn_at_once(pace: HostPace) -> None:
    assert [pace.turn() for _ in range(3)] == [100.0, 100.0, 100.0]
    assert not pace.is_slow


def test_after_a_429_the_turns_are_apart(pace: HostPace) -> None:
    pace.slow_down(pace.turn(), None)
    assert [pace.turn() for _ in range(3)] == [100.25, 100.5, 100.75]
    assert pace.is_slow


def test_of_requests_that_were_under_way_together_one_counts(time: Time, pace: HostPace) -> None:
    together = [pace.turn() for _ in range(5)]
    time.now = 101.0
    for turn in together:
        pace.slow_down(turn, None)
    first, second = pace.turn(), pace.turn()
    assert second - first == 0.25


def test_each_429_after_that_doubles_the_time_between_two_turns(time: Time, pace: HostPace) -> None:
    apart = []
    for _ in range(9):
        turn = pace.turn()
        time.now = turn
        pace.slow_down(turn, None)
        first, second = pace.turn(), pace.turn()
        apart.append(second - first)
        time.now = second + 100
    assert apart == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0]


def test_the_pause_that_the_host_asks_for_is_kept(pace: HostPace) -> None:
    assert pace.slow_down(pace.turn(), 30.0) == 30.0
    assert pace.turn() == 130.0


def test_a_turn_that_was_taken_before_a_429_no_longer_stands(time: Time, pace: HostPace) -> None:
    first, second = pace.turn(), pace.turn()
    time.now = 101.0
    pace.slow_down(first, 30.0)
    assert not pace.is_due(second)
    assert pace.is_due(pace.turn())
