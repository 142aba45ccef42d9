"""A look that failed, or lacks the number asked for, is neither good news nor bad."""

from decimal import Decimal

import pytest

from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Metric
from tests.support.watchman import (
    DAY,
    START,
    TICK,
    below,
    failure,
    reading,
    watching,
)

EVERYWHERE = ["fired sns", "fired slack:default"]


def resolved(*channels: str) -> list[str]:
    return [f"resolved {channel}" for channel in channels]


def test_a_failed_look_fires_nothing_and_resolves_nothing() -> None:
    watchman = watching(below("20"), below("999", name="flagged", metric=Metric.PROVIDER_FLAG))
    watchman.sees("10")
    assert watchman.sees(failure()) == []
    assert watchman.state.alerts[Metric.BALANCE].firing


@pytest.mark.parametrize("metric", [Metric.CREDITS, Metric.POINTS])
def test_a_number_that_is_missing_fires_nothing_and_resolves_nothing(metric: Metric) -> None:
    watchman = watching(below("20", metric=metric))
    assert watchman.sees("1") == []
    assert watchman.sees(reading("1", **{metric.value: Decimal(19)})) == EVERYWHERE
    assert watchman.sees("1") == []
    gone = resolved("sns", "slack:default")
    assert watchman.sees(reading("1", **{metric.value: Decimal(22)})) == gone


def test_reminders_go_on_while_unreadable_with_the_last_number_known() -> None:
    watchman = watching(below("20"), defaults=Defaults(unreadable_after=99))
    watchman.sees("10")
    (said,) = watchman.tells(failure(), after=DAY)
    assert (said.reason, said.value, said.balance) == ("reminder", "10", Decimal(10))
    assert (said.threshold, said.observed_at) == (Decimal(20), START)
    assert (
        said.detail == "The balance cannot be read at the moment. This is the last known balance."
    )


def test_unreadable_fires_after_so_many_failures_and_names_their_kind() -> None:
    watchman = watching()
    assert watchman.sees(failure()) == []
    assert watchman.sees(failure()) == []
    (said,) = watchman.tells(failure(FailureKind.MALFORMED))
    assert (said.reason, said.rule, said.severity) == ("fired", "unreadable", "warning")
    assert (said.value, said.since) == ("malformed", START)
    assert said.detail == "Malformed: No whole reply came in time. Failed 3 times in a row."


def test_a_good_look_between_failures_begins_their_count_anew() -> None:
    watchman = watching(defaults=Defaults(unreadable_after=2))
    for _ in range(3):
        assert watchman.sees(failure()) == []
        assert watchman.sees("100") == []


@pytest.mark.parametrize("kind", list(FailureKind))
def test_only_what_is_about_the_key_fires_at_once(kind: FailureKind) -> None:
    about_the_key = kind in (FailureKind.KEY_REJECTED, FailureKind.NOT_ALLOWED)
    assert watching().sees(failure(kind)) == (EVERYWHERE if about_the_key else [])


def test_a_rejected_key_is_critical_also_after_other_failures() -> None:
    watchman = watching()
    for _ in range(3):
        watchman.sees(failure())
    (said,) = watchman.tells(failure(FailureKind.KEY_REJECTED))
    assert (said.reason, said.severity, said.value) == ("worsened", "critical", "key_rejected")


def test_unreadable_ends_at_the_next_good_look() -> None:
    watchman = watching()
    watchman.sees(failure(FailureKind.KEY_REJECTED))
    (said,) = watchman.tells("100")
    assert (said.reason, said.metric) == ("resolved", "unreadable")
    assert said.detail == "The balance can be read again."


def test_unreadable_and_low_are_told_apart() -> None:
    watchman = watching(below("20"), defaults=Defaults(unreadable_after=1))
    watchman.sees("10")
    assert {said.rule for said in watchman.tells(failure())} == {"unreadable"}
    assert [said.rule for said in watchman.tells("9")] == ["unreadable"]


def test_failures_are_counted_and_dated_in_the_state() -> None:
    watchman = watching()
    watchman.sees("100")
    watchman.sees(failure())
    watchman.sees(failure())
    state = watchman.state
    assert (state.failures, state.failing_since) == (2, START + TICK)
    assert (state.checked_at, state.failure) == (START + 2 * TICK, failure())
    assert state.reading is not None
    assert state.reading.balance == Decimal(100)
