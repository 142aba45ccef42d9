"""Plots share one scale of time, and run from nothing to the largest balance."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.cli.plots import bars, chart, resample
from balance_watch.domain.formatting import BARS
from tests.support.examples import TICK
from tests.support.strategies import amounts

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
values = st.lists(st.none() | amounts, min_size=1, max_size=30)


def last_day(samples: list[tuple[datetime, int]], lasting: timedelta = timedelta()) -> str:
    """Draws the last day in twenty-four bars."""
    balances = [(at, Decimal(balance)) for at, balance in samples]
    return bars(resample(balances, since=TICK - DAY, until=TICK, cells=24, lasting=lasting))


def hourly(hours: int, balance: int = 5) -> list[tuple[datetime, int]]:
    return [(TICK - hour * HOUR, balance) for hour in range(hours, -1, -1)]


def test_an_account_that_was_first_read_three_hours_ago_has_blanks_before() -> None:
    assert last_day(hourly(3)) == " " * 20 + "████"


def test_an_account_that_was_read_for_a_day_fills_the_plot() -> None:
    assert last_day(hourly(24)) == "█" * 24


def test_an_account_that_is_no_longer_read_has_blanks_at_the_end() -> None:
    assert last_day(hourly(24)[:-6]) == "█" * 18 + " " * 6


def test_a_balance_stands_until_the_next_reading_is_due() -> None:
    every_six_hours = hourly(24)[::6]
    assert last_day(every_six_hours, 6 * HOUR) == " " * 5 + "█" * 19
    assert last_day(every_six_hours) == "     █     █     █     █"


def test_what_is_older_than_the_plot_is_left_out() -> None:
    assert last_day([(TICK - 2 * DAY, 9), (TICK, 5)]) == " " * 23 + "█"


@pytest.mark.parametrize(
    ("balances", "drawn"),
    [
        ((100, 98, 96), "███"),
        ((100, 50, 1, 0), "█▅▂▁"),
        ((100, 2, 1), "█▂▂"),
        ((0, 0), "▁▁"),
        ((-5, -7), "▁▁"),
        ((-5, 7), "▁█"),
        ((5, 5, 5), "███"),
        ((), ""),
    ],
)
def test_a_bar_is_as_high_as_the_account_is_full(balances: tuple[int, ...], drawn: str) -> None:
    assert bars([Decimal(balance) for balance in balances]) == drawn


@given(values)
def test_a_plot_has_a_bar_for_each_known_balance_and_a_blank_for_any_other(
    balances: list[Decimal | None],
) -> None:
    drawn = bars(balances)
    assert [bar == " " for bar in drawn] == [balance is None for balance in balances]
    assert set(drawn) <= {*BARS, " "}


@given(st.lists(amounts, min_size=1, max_size=30))
def test_a_higher_balance_has_no_lower_bar_and_the_highest_reaches_the_top(
    balances: list[Decimal],
) -> None:
    drawn = bars(balances)
    pairs = sorted(zip(balances, drawn, strict=True))
    assert [bar for _, bar in pairs] == sorted(drawn)
    assert all((bar == BARS[0]) is (balance <= 0) for balance, bar in pairs)
    assert (pairs[-1][1] == BARS[-1]) is (pairs[-1][0] > 0)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(-20, 20))
def test_a_plot_is_the_same_in_any_unit(balances: list[int], exponent: int) -> None:
    plain = [Decimal(balance) for balance in balances]
    assert bars(plain) == bars([balance.scaleb(exponent) for balance in plain])


@given(values, st.integers(1, 12))
def test_a_chart_grows_from_the_bottom_without_gaps(
    balances: list[Decimal | None], height: int
) -> None:
    lines = list(chart(balances, height))
    assert len(lines) == height
    assert {len(line) for line in lines} == {len(balances)}
    for column, balance in zip(zip(*reversed(lines), strict=True), balances, strict=True):
        text = "".join(column).rstrip(" ")
        assert (text == "") is (balance is None)
        assert set(text[:-1]) <= {"█"}


@given(
    st.lists(st.integers(-3000, 500), max_size=40),
    st.integers(1, 60),
    st.integers(0, 300),
)
def test_a_part_of_the_time_shows_its_latest_balance_or_one_that_still_stands(
    minutes: list[int], cells: int, lasting: int
) -> None:
    minute = timedelta(minutes=1)
    samples = [(TICK + it * minute, Decimal(number)) for number, it in enumerate(sorted(minutes))]
    found = resample(samples, since=TICK - DAY, until=TICK, cells=cells, lasting=lasting * minute)
    assert len(found) == cells
    for cell, balance in enumerate(found):
        start, end = TICK - DAY + DAY * cell / cells, TICK - DAY + DAY * (cell + 1) / cells
        seen = [it for it in samples if it[0] > TICK - DAY and (it[0] <= end or end == TICK)]
        if not seen or seen[-1][0] + lasting * minute <= start:
            assert balance is None
        else:
            assert balance == seen[-1][1]
