"""Edits while an alert fires: rules renamed, metrics changed, providers exchanged."""

from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from balance_watch.domain.rules import Metric, PendingPeriod, Rule
from balance_watch.domain.silences import Silence
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

FIRED = ["fired sns", "fired slack:default"]


def edited(watchman: Watchman, *rules: Rule) -> None:
    watchman.policy = replace(watchman.policy, rules=rules)


def test_renaming_a_rule_while_the_account_cannot_be_read_resolves_nothing() -> None:
    watchman = watching(below("20", name="low"))
    watchman.announces("8")
    edited(watchman, below("20", name="low balance"))
    assert watchman.announces(failure()) == []
    assert [it.reason for it in watchman.notifies("8")] == []
    assert watchman.announces("50") == ["resolved sns", "resolved slack:default"]


def test_a_rule_of_the_same_name_on_another_metric_starts_over() -> None:
    watchman = watching(below("20", name="low"))
    for _ in range(4):
        watchman.announces("8")
    edited(watchman, Rule("low", Metric.CREDITS, below=Decimal(5), pending_period=PendingPeriod(3)))
    watchman.announces(replace(reading("8"), credits=Decimal(1)))
    assert watchman.state.rules["low"].checks == 1
    assert Metric.CREDITS not in watchman.state.alerts


def test_moving_an_account_to_another_provider_is_no_top_up() -> None:
    watchman = watching()
    watchman.announces("8")
    watchman.account = replace(watchman.account, provider="you")
    assert watchman.top_up_entries("500") == []
    assert len(watchman.state.trend) == 1


def test_a_debt_that_shrinks_is_no_top_up() -> None:
    watchman = watching()
    watchman.announces("-100")
    assert watchman.top_up_entries("-94") == []


def test_small_top_ups_every_day_do_not_hide_the_spending() -> None:
    watchman = watching(Rule("soon", Metric.RUNWAY, below=Decimal(30 * 86400)))
    balance, announced = Decimal(1000), list[str]()
    for hour in range(24 * 8):
        balance += -2 + (48 if hour % 24 == 23 else 0)  # 4.8 % of the balance
        announced += watchman.announces(f"{balance}", HOUR)
    assert "resolved sns" not in announced
    assert watchman.state.pace.per_day is not None
    assert watchman.state.pace.per_day > 40


def test_a_suppressed_end_waits_for_a_number_past_recovery() -> None:
    watchman = watching(below("20"))
    watchman.announces("12")
    watchman.silences = [Silence("s", {"account": "*"}, START + HOUR, "r", START)]
    watchman.announces("400")
    assert watchman.announces("20", HOUR) == []
    assert watchman.announces("22") == ["resolved sns", "resolved slack:default"]


def test_a_suppressed_end_says_when_the_alert_ended() -> None:
    watchman = watching(below("20"))
    watchman.announces("12")
    watchman.silences = [Silence("s", {"account": "*"}, START + DAY, "r", START)]
    watchman.announces("400", 2 * HOUR)
    (notification,) = watchman.notifies("400", DAY)
    assert notification.ended_at == START + 2 * HOUR
    assert notification.lasted == 2 * HOUR


def test_a_suppressed_top_up_is_announced_with_the_current_balance() -> None:
    watchman = watching()
    watchman.announces("10")
    watchman.silences = [Silence("s", {"account": "*"}, START + HOUR, "r", START)]
    watchman.announces("400")
    (notification, _) = (it.notification for it in watchman.top_up_entries("390", HOUR + TICK))
    assert (notification.value, notification.detail) == (
        "390",
        "The balance rose by 390.00 EUR, from 10.00 EUR to 400.00 EUR.",
    )
    assert notification.since == START + TICK
    assert notification.said_at - notification.since > timedelta(minutes=30)
