"""A read that failed, or lacks a number that a rule needs, is neither good news nor bad."""

from decimal import Decimal

import pytest

from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Metric
from tests.support.watchman import (
    DAY,
    HOUR,
    START,
    TICK,
    Watchman,
    below,
    failure,
    reading,
    watching,
)

EVERYWHERE = ["fired sns", "fired slack:default"]


def resolved(*channels: str) -> list[str]:
    return [f"resolved {channel}" for channel in channels]


def test_a_failed_read_fires_nothing_and_resolves_nothing() -> None:
    watchman = watching(below("20"), below("999", name="flagged", metric=Metric.PROVIDER_FLAG))
    watchman.announces("10")
    assert watchman.announces(failure()) == []
    assert watchman.state.alerts[Metric.BALANCE].firing


@pytest.mark.parametrize("metric", [Metric.CREDITS, Metric.POINTS])
def test_a_missing_number_fires_nothing_and_resolves_nothing(metric: Metric) -> None:
    watchman = watching(below("20", metric=metric))
    assert watchman.announces("1") == []
    assert watchman.announces(reading("1", **{metric.value: Decimal(19)})) == EVERYWHERE
    assert watchman.announces("1") == []
    resolution = resolved("sns", "slack:default")
    assert watchman.announces(reading("1", **{metric.value: Decimal(22)})) == resolution


def test_reminders_continue_while_unreadable_with_the_last_known_number() -> None:
    watchman = watching(below("20"), defaults=Defaults(unreadable_after=99))
    watchman.announces("10")
    (notification,) = watchman.notifies(failure(), after=DAY)
    assert (notification.reason, notification.value, notification.balance) == (
        "reminder",
        "10",
        Decimal(10),
    )
    assert (notification.threshold, notification.observed_at) == (Decimal(20), START)
    assert (
        notification.detail
        == "The balance cannot be read at the moment. This is the last known balance."
    )


def test_unreadable_fires_after_so_many_failures_and_names_their_kind() -> None:
    watchman = watching()
    assert watchman.announces(failure()) == []
    assert watchman.announces(failure()) == []
    (notification,) = watchman.notifies(failure(FailureKind.MALFORMED))
    assert (notification.reason, notification.rule, notification.severity) == (
        "fired",
        "unreadable",
        "warning",
    )
    assert (notification.value, notification.since) == ("malformed", START)
    assert notification.detail == "Malformed: No whole reply came in time. Failed 3 times in a row."


def test_a_reading_between_failures_restarts_their_count() -> None:
    watchman = watching(defaults=Defaults(unreadable_after=2))
    for _ in range(3):
        assert watchman.announces(failure()) == []
        assert watchman.announces("100") == []


@pytest.mark.parametrize("kind", list(FailureKind))
def test_only_a_rejected_key_and_used_up_credit_fire_at_once(kind: FailureKind) -> None:
    lasting = (FailureKind.KEY_REJECTED, FailureKind.NOT_ALLOWED, FailureKind.OUT_OF_CREDIT)
    assert watching().announces(failure(kind)) == (EVERYWHERE if kind in lasting else [])


def test_a_rejected_key_is_critical_also_after_other_failures() -> None:
    watchman = watching()
    for _ in range(3):
        watchman.announces(failure())
    (notification,) = watchman.notifies(failure(FailureKind.KEY_REJECTED))
    assert (notification.reason, notification.severity, notification.value) == (
        "worsened",
        "critical",
        "key_rejected",
    )


def test_unreadable_ends_at_the_next_reading() -> None:
    watchman = watching()
    watchman.announces(failure(FailureKind.KEY_REJECTED))
    (notification,) = watchman.notifies("100")
    assert (notification.reason, notification.metric) == ("resolved", "unreadable")
    assert notification.detail == "The balance can be read again."


def test_unreadable_and_low_are_separate_alerts() -> None:
    watchman = watching(below("20"), defaults=Defaults(unreadable_after=1))
    watchman.announces("10")
    assert {notification.rule for notification in watchman.notifies(failure())} == {"unreadable"}
    assert [notification.rule for notification in watchman.notifies("9")] == ["unreadable"]


def test_failures_are_counted_and_dated_in_the_state() -> None:
    watchman = watching()
    watchman.announces("100")
    watchman.announces(failure())
    watchman.announces(failure())
    state = watchman.state
    assert (state.failures, state.failing_since) == (2, START + TICK)
    assert (state.checked_at, state.failure) == (START + 2 * TICK, failure())
    assert state.reading is not None
    assert state.reading.balance == Decimal(100)


def test_a_read_that_fails_wholly_is_worse_than_one_that_lacks_a_number() -> None:
    """A standing alert on a reply that lacks a field must not hide that nothing is read."""
    watchman = lacking_its_flag()
    assert watchman.announces(failure(), after=7 * HOUR) == []
    assert watchman.announces(failure()) == []
    assert watchman.announces(failure()) == ["worsened sns", "worsened slack:default"]
    assert watchman.announces(failure()) == []


def test_one_read_that_fails_is_no_news_of_an_account_that_lacks_a_number() -> None:
    watchman = lacking_its_flag()
    assert watchman.announces(failure(), after=7 * HOUR) == []
    assert watchman.announces("100") == []
    assert watchman.announces(failure()) == []
    assert watchman.announces(failure()) == []


def test_within_the_minimum_gap_a_read_that_fails_wholly_is_no_news_yet() -> None:
    watchman = lacking_its_flag()
    assert [watchman.announces(failure()) for _ in range(5)] == [[]] * 5


def lacking_its_flag() -> Watchman:
    """Returns a watchman that has told that the account's replies lack a number."""
    rule = below("1", metric=Metric.CREDITS)
    watchman = watching(rule, defaults=Defaults(reminder=None))
    watchman.traits = ProviderTraits(metrics=frozenset({Metric.CREDITS}))
    assert watchman.announces("100") == []
    assert watchman.announces("100") == []
    assert watchman.announces("100") == EVERYWHERE
    return watchman
