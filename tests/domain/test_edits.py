"""What is edited while an alert fires: rules renamed, metrics changed, providers exchanged."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

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


def test_a_rule_that_is_renamed_while_the_account_cannot_be_read_resolves_nothing() -> None:
    watchman = watching(below("20", name="low"))
    watchman.sees("8")
    edited(watchman, below("20", name="low balance"))
    assert watchman.sees(failure()) == []
    assert [it.reason for it in watchman.tells("8")] == []
    assert watchman.sees("50") == ["resolved sns", "resolved slack:default"]


def test_a_rule_of_the_same_name_about_something_else_begins_anew() -> None:
    watchman = watching(below("20", name="low"))
    for _ in range(4):
        watchman.sees("8")
    edited(watchman, Rule("low", Metric.CREDITS, below=Decimal(5), pending_period=PendingPeriod(3)))
    watchman.sees(replace(reading("8"), credits=Decimal(1)))
    assert watchman.state.rules["low"].checks == 1
    assert Metric.CREDITS not in watchman.state.alerts


def test_an_account_that_moves_to_another_provider_was_not_topped_up() -> None:
    watchman = watching()
    watchman.sees("8")
    watchman.account = replace(watchman.account, provider="you")
    assert watchman.notices("500") == []
    assert len(watchman.state.trend) == 1


def test_a_debt_that_shrinks_is_no_top_up() -> None:
    watchman = watching()
    watchman.sees("-100")
    assert watchman.notices("-94") == []


def test_small_top_ups_every_day_do_not_hide_what_is_spent() -> None:
    watchman = watching(Rule("soon", Metric.RUNWAY, below=Decimal(30 * 86400)))
    balance, said = Decimal(1000), list[str]()
    for hour in range(24 * 8):
        balance += -2 + (48 if hour % 24 == 23 else 0)  # 4.8 % of the balance
        said += watchman.sees(f"{balance}", HOUR)
    assert "resolved sns" not in said
    assert watchman.state.pace.per_day is not None
    assert watchman.state.pace.per_day > 40


def test_an_end_that_was_held_back_waits_for_a_number_past_recovery() -> None:
    watchman = watching(below("20"))
    watchman.sees("12")
    watchman.silences = [Silence("s", {"account": "*"}, START + HOUR, "r", START)]
    watchman.sees("400")
    assert watchman.sees("20", HOUR) == []
    assert watchman.sees("22") == ["resolved sns", "resolved slack:default"]


def test_an_end_that_was_held_back_says_when_it_was() -> None:
    watchman = watching(below("20"))
    watchman.sees("12")
    watchman.silences = [Silence("s", {"account": "*"}, START + DAY, "r", START)]
    watchman.sees("400", 2 * HOUR)
    (said,) = watchman.tells("400", DAY)
    assert said.ended_at == START + 2 * HOUR
    assert said.lasted == 2 * HOUR


def test_a_top_up_that_was_held_back_is_told_with_what_is_there_now() -> None:
    watchman = watching()
    watchman.sees("10")
    watchman.silences = [Silence("s", {"account": "*"}, START + HOUR, "r", START)]
    watchman.sees("400")
    (said, _) = (it.notification for it in watchman.notices("390", HOUR + TICK))
    assert (said.value, said.detail) == (
        "390",
        "The balance rose by 390.00 EUR, from 10.00 EUR to 400.00 EUR.",
    )
    assert said.since == START + TICK
    assert said.said_at - said.since > timedelta(minutes=30)
