"""`for` counts what was seen: a gap of more than three periods begins a pending rule anew."""

from datetime import timedelta

import pytest

from balance_watch.domain.policy import Defaults
from balance_watch.domain.rules import Metric, PendingPeriod
from tests.support.watchman import DAY, HOUR, TICK, Watchman, below, failure, watching

FIRED = ["fired sns", "fired slack:default"]


def pending(lasting: timedelta, every: timedelta = TICK, checks: int = 1) -> Watchman:
    """A rule that has to be breached for so long, on an account that is checked regularly."""
    rule = below("20", pending_period=PendingPeriod(checks, lasting))
    watchman = watching(rule, defaults=Defaults(runs_dry=(), reminder=None))
    for _ in range(5):
        watchman.announces("50", every)
    return watchman


def test_a_breach_that_is_seen_all_the_time_fires_after_its_time() -> None:
    watchman = pending(2 * HOUR)
    assert [watchman.announces("8") for _ in range(25)] == [[]] * 24 + [FIRED]


@pytest.mark.parametrize("every", [TICK, timedelta(minutes=1), HOUR, DAY])
def test_a_gap_of_more_than_three_periods_begins_anew(every: timedelta) -> None:
    watchman = pending(2 * every, every)
    watchman.announces("8", every)
    assert watchman.announces("8", 4 * every) == []
    assert watchman.announces("8", every) == []
    assert watchman.announces("8", every) == FIRED


def test_a_gap_of_three_periods_counts() -> None:
    watchman = pending(4 * TICK)
    watchman.announces("8")
    assert watchman.announces("8", 3 * TICK) == []
    assert watchman.announces("8") == FIRED


def test_failed_reads_are_a_gap_for_a_rule_on_the_balance() -> None:
    watchman = pending(HOUR)
    watchman.announces("8")
    for _ in range(20):
        watchman.announces(failure())
    watchman.announces("8")
    assert not watchman.state.rules["low balance"].firing


def test_checks_that_are_counted_begin_anew_as_well() -> None:
    watchman = pending(timedelta(), checks=3)
    watchman.announces("8")
    watchman.announces("8")
    assert watchman.announces("8", HOUR) == []
    watchman.announces("8")
    assert watchman.announces("8") == FIRED


def test_a_rule_that_fires_goes_on_firing_over_a_gap() -> None:
    watchman = pending(timedelta())
    assert watchman.announces("8") == FIRED
    assert watchman.announces("8", HOUR) == []
    assert watchman.state.alerts[Metric.BALANCE].firing


def test_a_new_schedule_is_known_after_two_checks() -> None:
    watchman = pending(2 * DAY)
    said = [watchman.announces("8", DAY) for _ in range(6)]
    assert FIRED in said


def test_failures_count_only_if_they_are_seen_one_after_the_other() -> None:
    watchman = watching(defaults=Defaults(unreadable_after=3))
    for _ in range(5):
        watchman.announces("50")
    watchman.announces(failure())
    watchman.announces(failure())
    assert watchman.announces(failure(), 2 * HOUR) == []
    watchman.announces(failure())
    assert watchman.announces(failure()) == FIRED


def test_an_account_that_is_checked_in_pairs_is_told_of_if_it_can_never_be_read() -> None:
    """The schedule `0,5 8,20 * * *` has a pause after every second check."""
    watchman = watching(defaults=Defaults(unreadable_after=3))
    watchman.announces("50")
    pairs = [TICK, 12 * HOUR - TICK] * 4
    said = [watchman.announces(failure(), after) for after in pairs]
    assert FIRED in said
