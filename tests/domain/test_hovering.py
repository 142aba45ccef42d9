"""A balance around its threshold: recovery, minimum gap, how long a breach must last."""

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


def test_a_balance_at_its_threshold_is_well() -> None:
    assert watching(below("20")).sees("20") == []


@pytest.mark.parametrize(
    ("rule", "low", "not_yet", "well"),
    [
        (below("20"), "19", "21.99", "22"),
        (below("20", recover=Decimal(25)), "19", "24.99", "25"),
        (below("20", recover=Decimal(20)), "19", "19.99", "20"),
        (below("-20"), "-21", "-18.01", "-18"),
        (above("100"), "101", "90.01", "90"),
        (above("100", recover=Decimal(80)), "101", "80.01", "80"),
    ],
    ids=["by default 10 %", "explicit", "none wanted", "negative", "above", "above, explicit"],
)
def test_an_alert_ends_only_past_its_recovery(
    rule: object, low: str, not_yet: str, well: str
) -> None:
    watchman = watching(rule)  # type: ignore[arg-type]
    assert watchman.sees(low) == EVERYWHERE
    assert watchman.sees(not_yet) == []
    assert watchman.sees(well) == resolved("sns", "slack:default")


def test_a_balance_between_threshold_and_recovery_fires_nothing() -> None:
    assert watching(below("20")).sees("21") == []


def test_a_second_episode_within_the_minimum_gap_is_not_announced() -> None:
    watchman = watching(below("20"))
    watchman.sees("19")
    watchman.sees("23")
    assert watchman.sees("19") == []
    assert watchman.sees("23") == []


def test_an_episode_that_outlasts_the_gap_is_announced_then_with_its_own_beginning() -> None:
    watchman = watching(below("20"))
    watchman.sees("19")
    watchman.sees("23")
    watchman.sees("19")
    assert watchman.sees("18", after=6 * HOUR - 3 * TICK) == []
    (said,) = watchman.tells("18")
    assert (said.reason, said.since) == ("fired", START + 2 * TICK)


def test_after_the_gap_a_new_episode_is_announced_at_once() -> None:
    watchman = watching(below("20"))
    watchman.sees("19")
    watchman.sees("23")
    assert watchman.sees("19", after=6 * HOUR) == EVERYWHERE


def test_the_gap_holds_back_nothing_graver() -> None:
    watchman = watching(below("20"), CRITICAL)
    watchman.sees("19")
    watchman.sees("23")
    assert watchman.sees("4") == ["worsened sns", "worsened slack:default"]


def test_an_announcement_that_was_held_back_waits_for_a_good_look() -> None:
    watchman = watching(below("20"), defaults=Defaults(unreadable_after=99))
    watchman.sees("19")
    watchman.sees("23")
    watchman.sees("19")
    assert watchman.sees(failure(), after=7 * HOUR) == []
    assert watchman.sees("19") == EVERYWHERE


def test_an_announcement_that_was_held_back_waits_for_a_number_past_the_threshold() -> None:
    watchman = watching(below("20"))
    watchman.sees("19")
    watchman.sees("23")
    watchman.sees("19")
    assert watchman.sees("21", after=7 * HOUR) == []
    assert watchman.sees("19") == EVERYWHERE


def test_an_announcement_that_was_held_back_names_the_rule_that_is_breached_now() -> None:
    watchman = watching(below("20"), CRITICAL)
    watchman.sees("4")
    watchman.sees("23")
    watchman.sees("4")
    (said,) = watchman.tells("5.2", after=7 * HOUR)
    assert (said.reason, said.rule, said.threshold) == ("fired", "low balance", Decimal(20))


def test_many_turns_around_the_threshold_are_one_announcement() -> None:
    watchman = watching(below("20"))
    for balance in ("19.9", "22.1") * 10:
        watchman.sees(balance)
    assert [it.notification.reason for it in watchman.said if it.channel == "sns"] == [
        "fired",
        "resolved",
        "topped_up",
    ]


def test_two_checks_in_a_row_are_needed_if_so_asked() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(2)))
    assert watchman.sees("19") == []
    assert watchman.sees("20") == []
    assert watchman.sees("19") == []
    assert watchman.sees("19") == EVERYWHERE


def test_a_breach_must_last_if_so_asked() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(lasting=timedelta(minutes=30))))
    watchman.sees("19")
    assert watchman.sees("19", after=timedelta(minutes=29)) == []
    (said,) = watchman.tells("19", after=timedelta(minutes=1))
    assert (said.reason, said.since) == ("fired", START)


def test_a_breach_that_passed_by_begins_its_time_anew() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(lasting=timedelta(minutes=30))))
    watchman.sees("19")
    watchman.sees("20")
    assert watchman.sees("19", after=HOUR) == []


def test_a_failed_look_is_no_check_of_a_breach() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(2)))
    watchman.sees("19")
    assert watchman.sees(failure()) == []
    assert watchman.sees("19") == EVERYWHERE
