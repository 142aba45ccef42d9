"""A balance that jumps up is announced once, and never counts as spending."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.policy import Route
from balance_watch.domain.silences import Silence
from tests.support.watchman import HOUR, START, TICK, Watchman, below, failure, reading, watching


def notices(watchman: Watchman, *balances: str, after: timedelta = TICK) -> list[str]:
    return [
        f"{it.notification.reason} {it.channel}"
        for balance in balances
        for it in watchman.top_up_entries(balance, after)
    ]


def test_a_balance_that_jumps_up_is_announced() -> None:
    assert notices(watching(), "8.2", "108.2") == ["topped_up sns", "topped_up slack:default"]


def test_a_top_up_says_the_balance_before_and_after() -> None:
    watchman = watching()
    notices(watchman, "8.2", "108.2")
    notification = watchman.entries[0].notification
    assert (notification.metric, notification.rule, notification.severity) == (
        "balance",
        "topped_up",
        "info",
    )
    assert (notification.value, notification.balance, notification.threshold) == (
        "108.2",
        Decimal("108.2"),
        None,
    )
    assert notification.detail == "The balance rose by 100.00 EUR, from 8.20 EUR to 108.20 EUR."


def test_a_rise_is_written_to_its_last_digit() -> None:
    watchman = watching()
    notices(watchman, "0.00000000000000000000000000000000000001", "12345678901234567890")
    assert "by 12,345,678,901,234,567,889.99999" in watchman.entries[0].notification.detail


@pytest.mark.parametrize("after", ["8.2", "8.1", "8.6"])
def test_a_smaller_change_is_not_announced(after: str) -> None:
    assert notices(watching(), "8.2", after) == []


def test_a_first_reading_is_no_top_up() -> None:
    assert notices(watching(), "108.2") == []


def test_another_currency_is_no_top_up() -> None:
    watchman = watching()
    watchman.announces("8")
    assert watchman.top_up_entries(replace(reading("100"), currency="USD")) == []


def test_a_top_up_during_a_failed_read_is_announced() -> None:
    watchman = watching()
    watchman.announces("8")
    watchman.announces(failure())
    assert len(watchman.top_up_entries("100")) == 2


def test_a_balance_that_flaps_is_announced_once_per_minimum_gap() -> None:
    watchman = watching()
    assert len(notices(watchman, *["10", "20"] * 30)) == 2


def test_the_latest_top_up_within_a_minimum_gap_is_announced_when_it_ends() -> None:
    watchman = watching()
    notices(watchman, "10", "20", "15", "40")
    late = watchman.top_up_entries("39", 6 * HOUR)
    assert [it.channel for it in late] == ["sns", "slack:default"]
    assert (
        late[0].notification.detail == "The balance rose by 20.00 EUR, from 20.00 EUR to 40.00 EUR."
    )
    assert late[0].notification.since == START + 3 * TICK


def test_a_route_can_match_top_ups() -> None:
    route = Route({"rule": "topped_up"}, ("slack:oncall",))
    assert notices(watching(routes=(route,)), "1", "9") == ["topped_up slack:oncall"]


def test_a_top_up_is_announced_besides_the_end_of_an_alert() -> None:
    watchman = watching(below("20"))
    watchman.announces("8")
    notification = {it.notification.reason for it in watchman.check("100")}
    assert notification == {"resolved", "topped_up"}


def test_a_suppressed_top_up_is_announced_when_the_silence_ends() -> None:
    watchman = watching()
    until = START + 3 * TICK
    watchman.silences = [Silence("s", {"account": "sms"}, until, "migration", START)]
    assert notices(watchman, "1", "9", "9", "9") == ["topped_up sns", "topped_up slack:default"]
    assert watchman.entries[0].notification.said_at == until


@pytest.mark.parametrize(("renews", "announced"), [(True, 0), (False, 2), (None, 0)])
def test_the_reply_says_whether_a_rise_is_a_reset_or_else_the_provider(
    *, renews: bool | None, announced: int
) -> None:
    watchman = watching()
    watchman.traits = ProviderTraits(renews=True)
    watchman.announces("8")
    assert len(watchman.top_up_entries(reading("100", renews=renews))) == announced
