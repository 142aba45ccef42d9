"""A balance that jumps up is told of, once, and never as spending."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from balance_watch.domain.policy import Route
from balance_watch.domain.silences import Silence
from tests.support.watchman import HOUR, START, TICK, Watchman, below, failure, reading, watching


def notices(watchman: Watchman, *balances: str, after: timedelta = TICK) -> list[str]:
    return [
        f"{it.notification.reason} {it.channel}"
        for balance in balances
        for it in watchman.notices(balance, after)
    ]


def test_a_balance_that_jumps_up_is_told_of() -> None:
    assert notices(watching(), "8.2", "108.2") == ["topped_up sns", "topped_up slack:default"]


def test_it_says_from_where_to_where() -> None:
    watchman = watching()
    notices(watchman, "8.2", "108.2")
    said = watchman.said[0].notification
    assert (said.metric, said.rule, said.severity) == ("balance", "topped_up", "info")
    assert (said.value, said.balance, said.threshold) == ("108.2", Decimal("108.2"), None)
    assert said.detail == "The balance rose by 100.00 EUR, from 8.20 EUR to 108.20 EUR."


def test_a_rise_is_told_to_its_last_digit() -> None:
    watchman = watching()
    notices(watchman, "0.00000000000000000000000000000000000001", "12345678901234567890")
    assert "by 12,345,678,901,234,567,889.99999" in watchman.said[0].notification.detail


@pytest.mark.parametrize("after", ["8.2", "8.1", "8.6"])
def test_what_is_no_jump_is_not_told_of(after: str) -> None:
    assert notices(watching(), "8.2", after) == []


def test_a_first_look_is_no_jump() -> None:
    assert notices(watching(), "108.2") == []


def test_another_currency_is_no_jump() -> None:
    watchman = watching()
    watchman.sees("8")
    assert watchman.notices(replace(reading("100"), currency="USD")) == []


def test_a_jump_over_a_failed_look_is_told_of() -> None:
    watchman = watching()
    watchman.sees("8")
    watchman.sees(failure())
    assert len(watchman.notices("100")) == 2


def test_a_balance_that_flaps_is_told_of_once_in_a_gap() -> None:
    watchman = watching()
    assert len(notices(watchman, *["10", "20"] * 30)) == 2


def test_the_latest_jump_within_a_gap_is_told_of_when_it_ends() -> None:
    watchman = watching()
    notices(watchman, "10", "20", "15", "40")
    late = watchman.notices("39", 6 * HOUR)
    assert [it.channel for it in late] == ["sns", "slack:default"]
    assert (
        late[0].notification.detail == "The balance rose by 25.00 EUR, from 15.00 EUR to 40.00 EUR."
    )
    assert late[0].notification.since == START + 3 * TICK


def test_a_route_may_send_it_elsewhere() -> None:
    route = Route({"rule": "topped_up"}, ("slack:oncall",))
    assert notices(watching(routes=(route,)), "1", "9") == ["topped_up slack:oncall"]


def test_it_stands_beside_the_end_of_an_alert() -> None:
    watchman = watching(below("20"))
    watchman.sees("8")
    said = {it.notification.reason for it in watchman.owes("100")}
    assert said == {"resolved", "topped_up"}


def test_what_a_silence_held_back_is_told_when_it_ends() -> None:
    watchman = watching()
    until = START + 3 * TICK
    watchman.silences = [Silence("s", {"account": "sms"}, until, "migration", START)]
    assert notices(watchman, "1", "9", "9", "9") == ["topped_up sns", "topped_up slack:default"]
    assert watchman.said[0].notification.said_at == until
