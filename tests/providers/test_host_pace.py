"""A host that answers HTTP 429 is asked more slowly."""

from dataclasses import dataclass

import pytest

from balance_watch.providers.host_pace import HostPace, Rate


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


# A documented rate.


def paced(time: Time, rate: str) -> HostPace:
    return HostPace(time.clock, Rate.parse(rate))


@pytest.mark.parametrize(
    ("rate", "turns"),
    [
        ("4/s", [100.0, 100.25, 100.5, 100.75]),
        ("1/2s", [100.0, 102.0, 104.0, 106.0]),
        ("60/min", [100.0, 101.0, 102.0, 103.0]),
        ("12/20min", [100.0, 100.0, 100.0, 200.0]),
        ("4/h", [100.0, 1000.0, 1900.0, 2800.0]),
    ],
)
def test_a_documented_rate_is_kept_from_the_first_request_on(
    time: Time, rate: str, turns: list[float]
) -> None:
    pace = paced(time, rate)
    assert [pace.turn() for _ in range(4)] == turns
    assert pace.is_slow


@pytest.mark.parametrize(("minutes", "at_once"), [(1, 2), (2, 4), (5, 10), (15, 10), (60, 10)])
def test_a_run_begins_with_its_share_of_a_long_rate_and_never_with_more_than_five_minutes_allow(
    time: Time, minutes: int, at_once: int
) -> None:
    pace = HostPace(time.clock, Rate.parse("40/20min"), every=60.0 * minutes)
    assert [pace.turn() for _ in range(20)].count(100.0) == at_once


@pytest.mark.parametrize(
    "rate", ["", "3", "3/", "0/s", "3/0s", "3/d", "-1/s", "1.5/s", 3, None, "٣/s"]
)
def test_a_rate_that_is_none_is_named(rate: object) -> None:
    with pytest.raises(ValueError, match="must be a number of requests in a time"):
        Rate.parse(rate)


def test_a_429_slows_a_documented_rate_too(time: Time) -> None:
    pace = paced(time, "4/s")
    pace.slow_down(pace.turn(), None)
    first, second = pace.turn(), pace.turn()
    assert second - first == 0.5


# A host that always refuses, and one that says when it will.


def test_a_host_that_only_refuses_is_left_alone_after_eight_seconds(
    time: Time, pace: HostPace
) -> None:
    while not pace.has_given_up:
        turn = time.now = pace.turn()
        pace.slow_down(turn, None)
    assert time.now - 100.0 == 0.25 + 0.5 + 1 + 2


def test_a_host_that_accepts_now_and_then_is_asked_on(time: Time, pace: HostPace) -> None:
    for _ in range(20):
        turn = time.now = pace.turn()
        pace.slow_down(turn, None)
        pace.accepted()
    assert not pace.has_given_up


def test_the_last_reply_within_a_limit_delays_the_next_request_if_it_is_for_a_moment(
    pace: HostPace,
) -> None:
    pace.exhausted(1.0)
    assert pace.turn() == 101.0
    pace.exhausted(3600.0)
    assert pace.turn() == 101.0
