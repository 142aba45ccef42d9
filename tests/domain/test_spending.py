"""How fast a balance is spent and how long it lasts, despite gaps, top-ups and flat lines."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.changes import Fall, change_between, is_top_up
from balance_watch.domain.forecast import LONGEST
from balance_watch.domain.spending import Day, Pace, add_spending, pace
from balance_watch.domain.trend import Sample, add_sample
from tests.support.watchman import DAY, HOUR, START, TICK


class Meter:
    """Follows a balance reading by reading."""

    def __init__(self) -> None:
        self.trend: tuple[Sample, ...] = ()
        self.days: tuple[Day, ...] = ()
        self.last: Sample | None = None
        self.fall: Fall | None = None

    def reads(self, balance: Decimal | str | int, at: datetime) -> None:
        now = Sample(at, Decimal(balance))
        if self.last is not None:
            change = change_between(self.last, now, self.fall)
            self.days, self.fall = add_spending(self.days, change, at), change.fall
            now = replace(now, spent=change.spent, covered=change.covered)
        self.trend = add_sample(self.trend, now)
        self.last = now

    @property
    def pace(self) -> Pace:
        assert self.last is not None
        return pace(self.trend, self.days, self.last.at)

    @property
    def lasts(self) -> timedelta | None:
        assert self.last is not None
        return self.pace.lasts(self.last.balance)


def metered(readings: Iterable[tuple[datetime, Decimal | str | int]]) -> Meter:
    meter = Meter()
    for at, balance in readings:
        meter.reads(balance, at)
    return meter


def steady(hours: int, per_hour: str, start: str = "1000", every: timedelta = HOUR) -> Meter:
    steps = int(hours * HOUR / every)
    share = Decimal(per_hour) * Decimal(every / HOUR)
    return metered((START + n * every, Decimal(start) - n * share) for n in range(steps + 1))


def test_nothing_is_known_after_a_first_reading() -> None:
    meter = metered([(START, 100)])
    assert (meter.pace.per_day, meter.lasts) == (None, None)


def test_a_few_hours_are_not_enough() -> None:
    assert steady(11, "1").lasts is None


def test_half_a_day_is_enough() -> None:
    assert steady(12, "1").pace.per_day == 24


@pytest.mark.parametrize("every", [TICK, timedelta(minutes=20), HOUR, 6 * HOUR, DAY])
def test_the_rate_does_not_depend_on_how_often_the_balance_is_read(every: timedelta) -> None:
    meter = steady(72, "0.5", every=every)
    assert meter.pace.per_day == 12
    assert meter.lasts == timedelta(days=964 / 12)


def test_a_balance_that_is_not_spent_lasts_for_ever() -> None:
    meter = steady(48, "0")
    assert (meter.pace.per_day, meter.lasts) == (Decimal(0), LONGEST)


@pytest.mark.parametrize("balance", [0, -5])
def test_a_balance_that_is_used_up_lasts_no_longer(balance: int) -> None:
    assert Pace(per_day=Decimal(1)).lasts(Decimal(balance)) == timedelta()
    assert Pace().lasts(Decimal(balance)) == timedelta()


def test_a_top_up_is_no_spending_and_hides_none() -> None:
    readings = [(START + n * HOUR, Decimal(100) - n + (500 if n >= 20 else 0)) for n in range(40)]
    assert metered(readings).pace.per_day == 24


def test_small_top_ups_all_day_are_no_spending_and_hide_none() -> None:
    meter, balance = Meter(), Decimal(100)
    for n in range(300):
        balance -= 1
        if n % 10 == 9:
            balance += 10 + 1  # in the same five minutes
        meter.reads(balance, START + n * TICK)
    assert meter.pace.per_day is not None
    assert 270 < meter.pace.per_day <= 288


def test_corrections_of_the_provider_are_no_spending() -> None:
    """A replica that lags shows an earlier balance now and then."""
    readings = [
        (START + n * TICK, Decimal(1000) - Decimal(n) / 12 + (Decimal("0.5") if n % 3 else 0))
        for n in range(12 * 30)
    ]
    rate = metered(readings).pace.per_day
    assert rate is not None
    assert abs(rate - 24) < 2


def test_a_gap_is_bridged() -> None:
    hours = [*range(10), *range(40, 60)]
    meter = metered((START + n * HOUR, 1000 - n) for n in hours)
    assert meter.pace.per_day == 24


def test_a_gap_with_a_top_up_in_it_makes_no_rate() -> None:
    meter = metered([(START, 10), (START + 30 * HOUR, 500)])
    assert meter.pace.per_day is None


def test_a_leap_raises_the_rate_within_hours() -> None:
    calm = [(START + n * HOUR, Decimal(2000) - n) for n in range(24 * 6)]
    last = calm[-1][1]
    leap = [(calm[-1][0] + n * HOUR, last - 10 * n) for n in range(1, 13)]
    rate = metered([*calm, *leap]).pace.per_day
    assert rate is not None
    assert rate > 120


def test_a_quiet_day_does_not_lower_the_rate() -> None:
    busy = [(START + n * HOUR, Decimal(2000) - n) for n in range(24 * 5)]
    quiet = [(busy[-1][0] + n * HOUR, busy[-1][1]) for n in range(1, 25)]
    meter = metered([*busy, *quiet])
    assert meter.pace.today == 0
    assert meter.pace.per_day is not None
    assert 18 < meter.pace.per_day < 24


def test_days_older_than_a_week_are_forgotten() -> None:
    meter = steady(24 * 20, "1")
    assert len(meter.days) == 8
    assert {each.rate for each in meter.days[:-1]} == {24}


def test_the_usual_is_the_median_of_past_days() -> None:
    assert steady(24 * 2, "1").pace.usual is None
    assert steady(24 * 5, "1").pace.usual == 24


def test_one_wild_day_is_not_usual() -> None:
    readings, balance = [], Decimal(10_000)
    for n in range(24 * 6):
        balance -= 100 if 24 <= n < 48 else 1
        readings.append((START + n * HOUR, balance))
    assert metered(readings).pace.usual == 24


@pytest.mark.parametrize(
    ("before", "after", "rose"),
    [
        ("100", "105", True),
        ("100", "104.99", False),
        ("100", "99", False),
        ("0", "0.01", False),
        ("0.02", "0.04", False),
        ("0", "0.05", True),
        ("0", "20", True),
        ("-10", "-9.6", False),
        ("-10", "5", True),
        ("1E+30", "1.05E+30", True),
    ],
)
def test_a_twentieth_more_is_a_top_up(before: str, after: str, *, rose: bool) -> None:
    assert is_top_up(Decimal(before), Decimal(after)) is rose


amounts = st.decimals(0, 10**9, places=2, allow_nan=False, allow_infinity=False)
gaps = st.integers(1, 3000)


@given(st.lists(st.tuples(gaps, amounts), min_size=1, max_size=60))
def test_no_life_of_a_balance_makes_an_impossible_rate(
    life: list[tuple[int, Decimal]],
) -> None:
    now, meter, spent = START, Meter(), Decimal(0)
    for minutes, balance in life:
        now += timedelta(minutes=minutes)
        if meter.last is not None:
            spent += max(Decimal(0), meter.last.balance - balance)
        meter.reads(balance, now)
    rate, lasts = meter.pace.per_day, meter.lasts
    assert rate is None or 0 <= rate <= spent * 2, "nothing is spent twice: 12 hours are a day"
    assert lasts is None or timedelta() <= lasts <= LONGEST
    assert len(meter.days) <= 8


@given(
    st.lists(st.tuples(gaps, st.decimals(0, 5, places=2)), min_size=1, max_size=60),
    st.data(),
)
def test_top_ups_make_no_balance_last_longer_than_its_spending_says(
    life: list[tuple[int, Decimal]], data: st.DataObject
) -> None:
    """The same spending with top-ups between the readings: the rate is the same or unknown."""
    now, plain, topped, balance, extra = START, Meter(), Meter(), Decimal(1000), Decimal(0)
    for minutes, spent in life:
        now += timedelta(minutes=minutes)
        balance -= spent
        plain.reads(balance, now)
        topped.reads(balance + extra, now)
        if data.draw(st.booleans()):
            now += timedelta(seconds=1)
            # A smaller rise is taken for a correction, and takes back the fall before it.
            extra += ((balance + extra) * Decimal("0.06")).quantize(Decimal("0.01"))
            topped.reads(balance + extra, now)
    for rate in (topped.pace.today, topped.pace.per_day):
        assert rate is None or rate >= 0
    if plain.days and topped.days:
        assert sum(each.spent for each in topped.days) == sum(each.spent for each in plain.days)
