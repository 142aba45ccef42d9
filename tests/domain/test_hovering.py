"""A balance that hovers around its threshold: recovery, minimum gap, pending period."""

from datetime import timedelta
from decimal import Decimal

import pytest

from balance_watch.domain.policy import Defaults
from balance_watch.domain.rules import PendingPeriod, Severity
from tests.support.watchman import (
    HOUR,
    START,
    TICK,
    above,
    below,
    failure,
    watching,
)

EVERYWHERE = ["fired sns", "fired slack:default"]
CRITICAL = below("5", name="nearly empty", severity=Severity.CRITICAL)


def resolved(*channels: str) -> list[str]:
    return [f"resolved {channel}" for channel in channels]


def test_a_balance_at_its_threshold_is_ok() -> None:
    assert watching(below("20")).announces("20") == []


@pytest.mark.parametrize(
    ("rule", "breached", "not_yet", "recovered"),
    [
        (below("20"), "19", "21.99", "22"),
        (below("20", recover=Decimal(25)), "19", "24.99", "25"),
        (below("20", recover=Decimal(20)), "19", "19.99", "20"),
        (below("-20"), "-21", "-18.01", "-18"),
        (above("100"), "101", "90.01", "90"),
        (above("100", recover=Decimal(80)), "101", "80.01", "80"),
    ],
    ids=["by default 10 %", "explicit", "none", "negative", "above", "above, explicit"],
)
def test_an_alert_ends_only_past_its_recovery(
    rule: object, breached: str, not_yet: str, recovered: str
) -> None:
    watchman = watching(rule, defaults=Defaults(empty=False))  # type: ignore[arg-type]
    assert watchman.announces(breached) == EVERYWHERE
    assert watchman.announces(not_yet) == []
    assert watchman.announces(recovered) == resolved("sns", "slack:default")


def test_a_balance_between_threshold_and_recovery_fires_nothing() -> None:
    assert watching(below("20")).announces("21") == []


def test_a_second_episode_within_the_minimum_gap_is_not_announced() -> None:
    watchman = watching(below("20"))
    watchman.announces("19")
    watchman.announces("23")
    assert watchman.announces("19") == []
    assert watchman.announces("23") == []


def test_an_episode_that_outlasts_the_gap_is_announced_then_with_its_own_beginning() -> None:
    watchman = watching(below("20"))
    watchman.announces("19")
    watchman.announces("23")
    watchman.announces("19")
    assert watchman.announces("18", after=6 * HOUR - 3 * TICK) == []
    (notification,) = watchman.notifies("18")
    assert (notification.reason, notification.since) == ("fired", START + 2 * TICK)


def test_after_the_gap_a_new_episode_is_announced_at_once() -> None:
    watchman = watching(below("20"))
    watchman.announces("19")
    watchman.announces("23")
    assert watchman.announces("19", after=6 * HOUR) == EVERYWHERE


def test_the_minimum_gap_does_not_delay_a_graver_alert() -> None:
    watchman = watching(below("20"), CRITICAL)
    watchman.announces("19")
    watchman.announces("23")
    assert watchman.announces("4") == ["worsened sns", "worsened slack:default"]


def test_a_delayed_announcement_waits_for_a_reading() -> None:
    watchman = watching(below("20"), defaults=Defaults(unreadable_after=99))
    watchman.announces("19")
    watchman.announces("23")
    watchman.announces("19")
    assert watchman.announces(failure(), after=7 * HOUR) == []
    assert watchman.announces("19") == EVERYWHERE


def test_a_delayed_announcement_waits_for_a_number_past_the_threshold() -> None:
    watchman = watching(below("20"))
    watchman.announces("19")
    watchman.announces("23")
    watchman.announces("19")
    assert watchman.announces("21", after=7 * HOUR) == []
    assert watchman.announces("19") == EVERYWHERE


def test_a_delayed_announcement_names_the_rule_that_is_breached_now() -> None:
    watchman = watching(below("20"), CRITICAL)
    watchman.announces("4")
    watchman.announces("23")
    watchman.announces("4")
    (notification,) = watchman.notifies("5.2", after=7 * HOUR)
    assert (notification.reason, notification.rule, notification.threshold) == (
        "fired",
        "low balance",
        Decimal(20),
    )


def test_hovering_around_the_threshold_is_announced_once() -> None:
    watchman = watching(below("20"))
    for balance in ("19.9", "22.1") * 10:
        watchman.announces(balance)
    assert [it.notification.reason for it in watchman.entries if it.channel == "sns"] == [
        "fired",
        "resolved",
        "topped_up",
    ]


def test_a_pending_period_can_be_two_checks_in_a_row() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(2)))
    assert watchman.announces("19") == []
    assert watchman.announces("20") == []
    assert watchman.announces("19") == []
    assert watchman.announces("19") == EVERYWHERE


def test_a_pending_period_can_be_a_time() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(lasting=timedelta(minutes=30))))
    watchman.announces("19")
    assert watchman.announces("19", after=timedelta(minutes=29)) == []
    (notification,) = watchman.notifies("19", after=timedelta(minutes=1))
    assert (notification.reason, notification.since) == ("fired", START)


def test_a_breach_that_ended_starts_a_new_pending_period() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(lasting=timedelta(minutes=30))))
    watchman.announces("19")
    watchman.announces("20")
    assert watchman.announces("19", after=HOUR) == []


def test_a_failed_read_does_not_count_as_a_check() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(2)))
    watchman.announces("19")
    assert watchman.announces(failure()) == []
    assert watchman.announces("19") == EVERYWHERE
