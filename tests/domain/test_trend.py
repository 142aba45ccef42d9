"""The last day of a balance: one sample an hour, drawn as bars."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.trend import SPAN, Sample, add_sample
from tests.support.watchman import HOUR, START, TICK

amounts = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents) / 100)


def test_an_hour_keeps_its_latest_balance() -> None:
    trend = add_sample(add_sample((), Sample(START, Decimal(5))), Sample(START + TICK, Decimal(4)))
    assert trend == (Sample(START + TICK, Decimal(4)),)


def test_each_hour_has_its_own_sample() -> None:
    trend = add_sample(add_sample((), Sample(START, Decimal(5))), Sample(START + HOUR, Decimal(4)))
    assert [sample.balance for sample in trend] == [5, 4]


def test_samples_older_than_a_day_are_dropped() -> None:
    trend = add_sample((), Sample(START, Decimal(5)))
    assert len(add_sample(trend, Sample(START + SPAN, Decimal(4)))) == 2
    assert len(add_sample(trend, Sample(START + SPAN + HOUR, Decimal(4)))) == 1


def test_a_sample_adds_up_what_every_reading_of_its_hour_told() -> None:
    trend: tuple[Sample, ...] = ()
    for n in range(3):
        trend = add_sample(trend, Sample(START + n * TICK, Decimal(9 - n), Decimal(1), TICK))
    assert trend == (Sample(START + 2 * TICK, Decimal(7), Decimal(3), 3 * TICK),)


@given(st.lists(st.tuples(st.integers(1, 2000), amounts), max_size=40))
def test_a_trend_is_one_day_in_order_whenever_the_balance_was_read(
    readings: list[tuple[int, Decimal]],
) -> None:
    trend: tuple[Sample, ...] = ()
    now = START
    for minutes, balance in readings:
        now += timedelta(minutes=minutes)
        trend = add_sample(trend, Sample(now, balance))
        hours = [sample.at.replace(minute=0) for sample in trend]
        assert hours == sorted(set(hours))
        assert len(trend) <= 25
        assert now - hours[0] <= SPAN + HOUR
        assert trend[-1].balance == balance
