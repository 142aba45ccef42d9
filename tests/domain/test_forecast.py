"""Edges and robustness of the forecast; run with pytest."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from balance_watch.domain.forecast import LONGEST, runs_dry_at
from balance_watch.domain.forecast import lasts as forecast_runway
from balance_watch.domain.use_profile import Profile
from balance_watch.store.use_profiles import parse_profile, serialize_profile

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = 168 * HOUR
Rate = Callable[[datetime], float]
EMPTY = Profile()


def lasting(profile: Profile, balance: Decimal, at: datetime) -> timedelta:
    """The runway of a profile that knows one."""
    lasts = forecast_runway(profile, balance, at)
    assert lasts is not None
    return lasts


def office(at: datetime) -> float:
    return 10.0 if at.weekday() < 5 and 9 <= at.hour < 18 else 0.3


def fed(
    rate: Rate,
    until: timedelta,
    profile: Profile = EMPTY,
    start: datetime = MONDAY,
    every: timedelta = HOUR,
    lost: Callable[[int], bool] = lambda _: False,
) -> tuple[Profile, datetime]:
    """Looks at regular times; spending by the hour; some looks fail."""
    at, seen, spent, count = start, start, Decimal(0), 0
    while at < start + until:
        step = at
        while step < at + every:
            piece = min(at + every, step.replace(minute=0, second=0) + HOUR) - step
            spent += Decimal(str(round(rate(step) * (piece / HOUR), 9)))
            step += piece
        at += every
        count += 1
        if not lost(count):
            profile, seen, spent = profile.added(seen, at, spent), at, Decimal(0)
    return profile, at


def truth(balance: float, now: datetime, rate: Rate) -> timedelta:
    at = now
    while balance > rate(at):
        balance -= rate(at)
        at += HOUR
    return at - now + HOUR * (balance / rate(at))


def test_nothing_is_said_before_a_week() -> None:
    profile, now = fed(office, WEEK - HOUR)
    assert forecast_runway(profile, Decimal(100), now) is None
    profile, now = fed(office, HOUR, profile, now)
    assert lasting(profile, Decimal(100), now) is not None


def test_a_spent_balance_lasts_no_longer() -> None:
    assert lasting(Profile(), Decimal(0), MONDAY) == timedelta()
    assert lasting(Profile(), Decimal(-3), MONDAY) == timedelta()
    assert forecast_runway(Profile(), Decimal(3), MONDAY) is None


def test_an_account_that_is_never_used_lasts_longest() -> None:
    profile, now = fed(lambda _: 0.0, 2 * WEEK)
    assert lasting(profile, Decimal(1), now) == LONGEST
    assert runs_dry_at(now, LONGEST) is None


def test_a_few_seconds_of_an_hour_are_not_taken_for_the_hour() -> None:
    start = MONDAY + timedelta(minutes=59, seconds=55)
    profile = Profile().added(start, MONDAY + HOUR, Decimal(5))
    profile, now = fed(lambda _: 5.0, WEEK, profile, MONDAY + HOUR)
    assert lasting(profile, Decimal(360), now) / (72 * HOUR) == pytest.approx(1, abs=0.02)


def test_flat_use_is_flat() -> None:
    profile, now = fed(lambda _: 5.0, 2 * WEEK)
    for hours in (1, 24, 100, 200, 1000, 20000):
        lasts = lasting(profile, Decimal(5 * hours), now)
        assert lasts / (hours * HOUR) == pytest.approx(1, abs=0.05 if hours < 168 else 0.01)
    assert lasting(profile, Decimal(5 * 24 * 3700), now) == LONGEST


@pytest.mark.parametrize("balance", [90, 200, 300, 700, 2000])
@pytest.mark.parametrize("hours", [0, 13, 60, 113, 130])
def test_office_hours_in_a_month(balance: int, hours: int) -> None:
    profile, now = fed(office, 5 * WEEK + hours * HOUR)
    lasts = lasting(profile, Decimal(balance), now)
    # As if use were 10 % less or more: at the end of a Friday that makes a weekend.
    least, most = (truth(balance * part, now, office) for part in (0.9, 1.1))
    assert least - HOUR <= lasts <= most + HOUR


@pytest.mark.parametrize("every", [5, 10, 20, 60, 180])
def test_how_often_is_looked_makes_no_difference(every: int) -> None:
    hourly, now = fed(office, 15 * WEEK / 7)
    other, _ = fed(office, 15 * WEEK / 7, every=timedelta(minutes=every))
    for balance in (20, 200, 2000):
        ratio = lasting(other, Decimal(balance), now) / lasting(hourly, Decimal(balance), now)
        assert ratio == pytest.approx(1, abs=0.001 if every <= 60 else 0.15)


def test_a_look_a_day_knows_the_weekdays() -> None:
    profile, now = fed(office, 3 * WEEK, every=24 * HOUR)
    lasts = lasting(profile, Decimal(300), now)
    assert lasts / truth(300, now, office) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("minute", [1, 7, 30, 59])
def test_looks_need_not_be_on_the_hour(minute: int) -> None:
    start = MONDAY + timedelta(minutes=minute)
    profile, now = fed(office, 15 * WEEK / 7, start=start)
    exact, _ = fed(office, 15 * WEEK / 7 + HOUR)
    for balance in (40, 200, 2000):
        ratio = lasting(profile, Decimal(balance), now) / lasting(exact, Decimal(balance), now)
        assert ratio == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_looks_that_fail(share: float) -> None:
    random = Random(1)  # noqa: S311 (made-up use)
    profile, now = fed(office, 3 * WEEK, lost=lambda _: random.random() < share)
    profile, now = fed(office, HOUR, profile, now)
    assert lasting(profile, Decimal(300), now) / truth(300, now, office) == pytest.approx(
        1, abs=0.15
    )


def test_a_silence_of_two_weeks_is_spread_and_one_of_five_begins_anew() -> None:
    profile, now = fed(office, 2 * WEEK)
    later = profile.added(now, now + 2 * WEEK, Decimal(1013))
    assert lasting(later, Decimal(300), now + 2 * WEEK) / truth(300, now, office) == pytest.approx(
        1, abs=0.2
    )
    assert profile.added(now, now + 5 * WEEK, Decimal(2500)) == Profile()


def test_a_top_up_hides_its_look_and_no_more() -> None:
    profile, now = fed(office, 2 * WEEK)
    topped, at = fed(office, 10 * HOUR, profile, now)
    topped, at = fed(office, WEEK - 11 * HOUR, topped, at + HOUR)
    plain, _ = fed(office, WEEK, profile, now)
    ratio = lasting(topped, Decimal(300), at) / lasting(plain, Decimal(300), at)
    assert ratio == pytest.approx(1, abs=0.03)


def test_a_day_that_is_lost_to_a_top_up_in_the_first_week() -> None:
    profile, now = fed(lambda _: 5.0, 3 * 24 * HOUR, every=24 * HOUR)
    profile, now = fed(lambda _: 5.0, 3 * 24 * HOUR, profile, now + 24 * HOUR, every=24 * HOUR)
    assert lasting(profile, Decimal(360), now) / (72 * HOUR) == pytest.approx(1, abs=0.02)


def test_a_correction_takes_back() -> None:
    profile, now = fed(lambda _: 5.0, 2 * WEEK)
    wrong = profile.added(now, now + HOUR, Decimal(55)).added(
        now + HOUR, now + 2 * HOUR, Decimal(-45)
    )
    right, at = fed(lambda _: 5.0, 2 * HOUR, profile, now)
    assert lasting(wrong, Decimal(500), at) / lasting(right, Decimal(500), at) == pytest.approx(
        1, abs=0.05
    )


def test_nothing_but_corrections() -> None:
    profile, now = fed(lambda _: -5.0, 2 * WEEK)
    assert lasting(profile, Decimal(5), now) == LONGEST


@pytest.mark.parametrize("factor", [3, 10, 100])
def test_a_leap_shortens_the_runway_at_once(factor: int) -> None:
    profile, now = fed(lambda _: 5.0, 3 * WEEK)
    before = lasting(profile, Decimal(1000), now)
    leapt, at = fed(lambda _: 5.0 * factor, 6 * HOUR, profile, now)
    lasts = forecast_runway(leapt, Decimal(1000), at)
    assert lasts is None or lasts < before * 0.92
    leapt, at = fed(lambda _: 5.0 * factor, 24 * HOUR, profile, now)
    lasts = forecast_runway(leapt, Decimal(1000), at)
    assert lasts is None or lasts < before * 0.8


def test_an_account_that_wakes_up_is_left_to_the_flat_rate_until_a_week_is_known() -> None:
    profile, now = fed(lambda _: 0.0, 3 * WEEK)
    for day in range(1, 15):
        profile, now = fed(lambda _: 5.0, 24 * HOUR, profile, now)
        lasts = forecast_runway(profile, Decimal(360), now)
        if lasts is None:
            assert day < 8
        else:
            assert lasts / (72 * HOUR) == pytest.approx(1, abs=0.35), day
    assert lasts is not None


@pytest.mark.parametrize("hour_of_bill", [lambda _: 3, lambda week: 3 + week])
def test_a_bill_a_week(hour_of_bill: Callable[[int], int]) -> None:
    def rate(at: datetime) -> float:
        week, hour = divmod(int((at - MONDAY) / HOUR), 168)
        return 840.0 if hour == hour_of_bill(week) else 0.0

    profile, now = fed(rate, 10 * WEEK)
    assert lasting(profile, Decimal(840 * 4), now) / (4 * WEEK) == pytest.approx(1, abs=0.5)


def test_summer_time_moves_the_day_by_an_hour() -> None:
    profile, now = fed(office, 4 * WEEK)
    moved = lambda at: office(at + HOUR)  # noqa: E731
    for _ in range(14):
        profile, now = fed(moved, 24 * HOUR, profile, now)
        for balance in (150, 300):
            least, most = (truth(balance * part, now, moved) for part in (0.9, 1.1))
            assert least - 2 * HOUR <= lasting(profile, Decimal(balance), now) <= most + 2 * HOUR


@pytest.mark.parametrize("scale", ["1e-30", "1e-9", "1", "1e9", "1e30", "1e100"])
def test_any_unit(scale: str) -> None:
    start, profile, lasts = MONDAY, Profile(), []
    for _ in range(400):
        amount = Decimal(str(office(start))) * Decimal(scale)
        profile, start = profile.added(start, start + HOUR, amount), start + HOUR
    lasts.append(lasting(profile, Decimal(900) * Decimal(scale), start) / HOUR)
    plain, _ = fed(office, 400 * HOUR)
    assert lasts[0] == pytest.approx(lasting(plain, Decimal(900), start) / HOUR, rel=0.06)
    assert len(serialize_profile(profile)[1]) < 90


def test_a_burst_a_million_times_as_large_is_forgotten() -> None:
    profile, now = fed(lambda _: 5.0, 2 * WEEK)
    profile = profile.added(now, now + HOUR, Decimal(5_000_000))
    profile, now = fed(lambda _: 5.0, 6 * WEEK, profile, now + HOUR)
    lasts = lasting(profile, Decimal(360), now)
    assert lasts / (72 * HOUR) == pytest.approx(1, abs=0.1)


def test_use_that_ends_stretches_the_runway() -> None:
    profile, now = fed(lambda _: 5.0, 3 * WEEK)
    before = lasting(profile, Decimal(360), now)
    stopped, at = fed(lambda _: 0.0, WEEK, profile, now)
    assert lasting(stopped, Decimal(360), at) > 2 * before
    stopped, at = fed(lambda _: 0.0, 5 * WEEK, stopped, at)
    assert lasting(stopped, Decimal(360), at) > 20 * before


def test_a_clock_that_goes_back_and_spans_of_no_time() -> None:
    profile, now = fed(office, 2 * WEEK)
    assert profile.added(now, now, Decimal(5)) == profile
    assert profile.added(now, now - HOUR, Decimal(5)) == profile
    assert profile.added(now - 5 * HOUR, now - 3 * HOUR, Decimal(5)) == profile


def test_packed_and_unpacked_at_any_time() -> None:
    random = Random(2)  # noqa: S311 (made-up use)
    profile, at = Profile(), MONDAY
    assert parse_profile(*serialize_profile(profile)).hours == profile.hours
    for _ in range(3000):
        until = at + timedelta(seconds=random.choice([1, 60, 300, 3600, 7201, 86400]))
        amount = Decimal(str(round(random.choice([-1, 0, 1e-6, 1, 50, 1e7]) * random.random(), 6)))
        profile, at = profile.added(at, until, amount), until
        hours, text = serialize_profile(profile)
        assert parse_profile(hours, text) == profile
        assert len(hours) == 168
        assert len(text) < 90
        lasts = forecast_runway(profile, Decimal(str(round(random.random() * 1e5, 2))), at)
        assert lasts is None or timedelta() <= lasts <= LONGEST


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (bytes(167), "1 2 3 4 5 6 7 8 9"),
        (bytes(168), ""),
        (bytes(168), "1 2 3 4 5 6 7 8"),
        (bytes(168), "1 2 3 4 5 6 7 8 9 10"),
        (bytes(168), "1 2 3 4 nan 6 7 8 9"),
        (bytes(168), "1 2 3 4 5 6 7 8 inf"),
        (bytes(168), "1 2 3 99999 5 6 7 8 9"),
    ],
)
def test_what_is_no_profile(hours: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_profile(hours, text)


def test_the_runway_grows_with_the_balance_and_shrinks_as_it_is_spent() -> None:
    profile, now = fed(office, 3 * WEEK + 30 * HOUR)
    runways = [lasting(profile, Decimal(balance), now) for balance in range(1, 3000, 7)]
    assert runways == sorted(runways)
