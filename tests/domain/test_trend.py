"""The last day of a balance: one sample an hour, drawn as bars."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.formatting import BARS, sparkline
from balance_watch.domain.trend import SPAN, Sample, add_sample
from tests.support.watchman import HOUR, START, TICK

amounts = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents) / 100)


def test_an_hour_has_its_latest_balance() -> None:
    trend = add_sample(add_sample((), START, Decimal(5)), START + TICK, Decimal(4))
    assert trend == (Sample(START + TICK, Decimal(4)),)


def test_each_hour_has_its_own_sample() -> None:
    trend = add_sample(add_sample((), START, Decimal(5)), START + HOUR, Decimal(4))
    assert [sample.balance for sample in trend] == [5, 4]


def test_what_is_older_than_a_day_goes() -> None:
    trend = add_sample((), START, Decimal(5))
    assert len(add_sample(trend, START + SPAN, Decimal(4))) == 2
    assert len(add_sample(trend, START + SPAN + HOUR, Decimal(4))) == 1


@given(st.lists(st.tuples(st.integers(1, 2000), amounts), max_size=40))
def test_a_trend_is_a_day_in_order_whenever_the_looks_were(
    looks: list[tuple[int, Decimal]],
) -> None:
    trend: tuple[Sample, ...] = ()
    now = START
    for minutes, balance in looks:
        now += timedelta(minutes=minutes)
        trend = add_sample(trend, now, balance)
        hours = [sample.at.replace(minute=0) for sample in trend]
        assert hours == sorted(set(hours))
        assert len(trend) <= 25
        assert now - hours[0] <= SPAN + HOUR
        assert trend[-1].balance == balance


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ((), ""),
        ((5,), "▄"),
        ((5, 5, 5), "▄▄▄"),
        ((8, 7, 5, 3, 1), "█▇▅▃▁"),
        ((0, 7), "▁█"),
        ((-7, 0), "▁█"),
    ],
)
def test_a_plot_runs_from_the_lowest_to_the_highest(values: tuple[int, ...], drawn: str) -> None:
    assert sparkline(tuple(map(Decimal, values))) == drawn


@given(st.lists(amounts, min_size=1, max_size=25))
def test_a_plot_has_a_bar_for_each_value(values: list[Decimal]) -> None:
    drawn = sparkline(tuple(values))
    assert len(drawn) == len(values)
    assert set(drawn) <= set(BARS)


@given(st.lists(amounts, min_size=2, max_size=25))
def test_a_higher_value_has_no_lower_bar(values: list[Decimal]) -> None:
    drawn = sparkline(tuple(values))
    pairs = sorted(zip(values, drawn, strict=True))
    assert [bar for _, bar in pairs] == sorted(drawn)
