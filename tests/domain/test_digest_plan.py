"""When digests are due, in time zones whose clocks change too."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.digest_plan import DigestMark, DigestPlan

EVERY_DAY = frozenset(range(7))
BERLIN = ZoneInfo("Europe/Berlin")
HALF_HOUR = timedelta(minutes=30)
START = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Africa/Cairo")


def told(plan: DigestPlan, since: datetime, until: datetime) -> list[datetime]:
    """Returns the times that digests are told for, by a run every half hour."""
    mark, now, found = DigestMark(since), since, []
    while now < until:
        now += HALF_HOUR
        if (at := plan.due(mark, now)) is not None:
            found.append(at)
        mark = DigestMark(now)
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_local_time_is_told_on_each_of_its_days() -> None:
    plan = DigestPlan(time(9), frozenset({0, 4}), BERLIN)
    times = told(plan, utc("2026-11-19"), utc("2026-11-28"))
    assert times == [utc("2026-11-20T08:00"), utc("2026-11-23T08:00"), utc("2026-11-27T08:00")]


def test_a_time_that_does_not_exist_is_told_once() -> None:
    plan = DigestPlan(time(2, 30), EVERY_DAY, BERLIN)
    times = told(plan, utc("2026-03-28T12:00"), utc("2026-03-30T12:00"))
    assert times == [utc("2026-03-29T01:30"), utc("2026-03-30T00:30")]


def test_a_time_that_exists_twice_is_told_once() -> None:
    plan = DigestPlan(time(2, 30), EVERY_DAY, BERLIN)
    times = told(plan, utc("2026-10-24T12:00"), utc("2026-10-26T12:00"))
    assert times == [utc("2026-10-25T00:30"), utc("2026-10-26T01:30")]


def test_several_missed_times_are_one() -> None:
    plan = DigestPlan(time(9), EVERY_DAY, UTC)
    mark = DigestMark(utc("2026-11-01T10:00"))
    assert plan.due(mark, utc("2026-11-20T10:00")) == utc("2026-11-20T09:00")


@pytest.mark.parametrize("now", ["2026-11-23T09:00", "2026-11-23T09:00:01", "2026-11-30T08:59"])
def test_the_latest_time_is_at_or_before_now(now: str) -> None:
    plan = DigestPlan(time(9), frozenset({0}), UTC)
    assert plan.latest(utc(now)) == utc("2026-11-23T09:00")
    assert plan.before(utc("2026-11-23T09:00")) == utc("2026-11-16T09:00")


@given(
    st.times(),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from(ZONES),
    st.integers(0, 350),
)
def test_each_date_has_one_time(at: time, days: frozenset[int], zone: str, first: int) -> None:
    """Whatever the clocks do, as many digests are told as there are such days."""
    plan = DigestPlan(at.replace(second=0, microsecond=0, fold=0), days, ZoneInfo(zone))
    since = START + timedelta(days=first)
    until = since + timedelta(days=14)
    times = told(plan, since, until)
    assert times == sorted(set(times))
    local = [one.astimezone(plan.zone).date() for one in times]
    assert len(set(local)) == len(local)
    assert abs(len(times) - 2 * len(days)) <= 1
