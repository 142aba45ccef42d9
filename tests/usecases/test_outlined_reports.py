"""A report on an outline of the readings says the same as one on every reading."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Estimate, Reading
from balance_watch.domain.report import AccountReport, Past, period, report_of
from balance_watch.domain.state import AccountState
from balance_watch.domain.use_profile import NO_PROFILE
from balance_watch.store.accounts import Accounts
from balance_watch.store.outlines import Detail, Item, Outline, outline_of
from balance_watch.store.packs import hour_of, pack_to_item
from balance_watch.store.table import serialize

BEGIN = datetime(2026, 11, 3, 0, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)
HOUR = timedelta(hours=1)
DAYS = 5
LOOKS = DAYS * 288
UNTIL = BEGIN + LOOKS * STEP
NAME = "a"

# What happens at a reading: mostly a little is spent; at times nothing is read, the balance falls
# and comes back, is topped up, or another attribute changes.
EVENTS = st.lists(
    st.tuples(
        st.integers(1, LOOKS - 1),
        st.sampled_from(["miss", "fall", "back", "top up", "status", "unit"]),
        st.integers(1, 30),
    ),
    max_size=6,
)


def series(events: Sequence[tuple[int, str, int]]) -> list[Reading]:
    """Returns five days of readings every five minutes in which these events happen."""
    by_index = {index: (kind, size) for index, kind, size in events}
    balance, status, unit, missing = Decimal(1000), None, "USD", 0
    readings: list[Reading] = []
    for index in range(LOOKS):
        kind, size = by_index.get(index, ("", 0))
        missing = size * 3 if kind == "miss" else max(0, missing - 1)
        balance -= Decimal("0.03") * (index % 4)
        balance += {"fall": -8 * size, "back": 8 * size, "top up": 100 * size}.get(kind, 0)
        status = f"{size}" if kind == "status" else status
        unit = "EUR" if kind == "unit" else unit
        if not missing:
            readings.append(replace(Reading(BEGIN + index * STEP, balance, unit), status=status))
    return readings


class Wild(NamedTuple):
    """A balance that does what it likes, as a seed has it.

    Attributes:
        seed: what the series follows from.
        minutes: the time between two looks; some are missed.
        size: the largest of usual changes, as a share of the balance.
        rises: the share of changes that are rises.
        stays: the share of looks at which it stays.
    """

    seed: int
    minutes: int = 5
    size: float = 0.004
    rises: float = 0.4
    stays: float = 0

    def readings(self) -> list[Reading]:
        """Returns five days of readings, with large falls, some taken back, and top-ups."""
        random = Random(self.seed)  # noqa: S311 (no secret)
        balance, fall, at, readings = 100.0, 0.0, BEGIN, []
        while at < UNTIL:
            if random.random() >= self.stays:
                sign = 1 if random.random() < self.rises else -1
                balance *= 1 + random.random() * self.size * sign
            if random.random() < 0.002 * self.minutes**0.5:
                change = random.choice([-0.6, -0.3, 0.04, 0.06, 0.5, 1, 0, 0]) * abs(balance)
                balance, fall = balance + (change or fall), max(0.0, -change)
            if random.random() > 0.02:
                readings.append(Reading(at, Decimal(f"{balance:.3f}").normalize() + 0, "USD"))
            at += timedelta(minutes=self.minutes) * random.choice([1] * 30 + [2, 9])
        return readings


WILD = st.builds(
    Wild,
    st.integers(0, 2**32),
    st.sampled_from([5, 15, 60, 300]),
    st.sampled_from([0.0001, 0.004, 0.03, 0.08]),
    st.sampled_from([0, 0.1, 0.5, 0.9, 1]),
    st.sampled_from([0, 0.5, 0.98]),
)


class StoredTable:
    """A table that holds the packs of one account, and no state."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        hours = groupby(readings, key=lambda it: hour_of(NAME, it.observed_at))
        self.items = [pack_to_item(NAME, list(own), 400) for _, own in hours]

    def query_serialized(self, _partition: str, sorts: tuple[str, str]) -> Iterator[Any]:
        return (serialize(item) for item in self.items if sorts[0] <= item["sk"] <= sorts[1])


def outlined(readings: Sequence[Reading], recent: int = 0) -> Outline:
    """Returns the outline of readings, of which so many are in the state, the rest in packs."""
    packed = len(readings) - recent
    table: Any = StoredTable(readings[:packed])
    state = AccountState(NAME, recent=tuple(readings[packed:]))
    return Accounts(table, 400).outline(state, BEGIN, UNTIL, Detail(UNTIL))


def reported(readings: Sequence[Reading], outline: Outline | None = None) -> AccountReport:
    """Returns the report on the account over the last four days, on an outline if there is one."""
    state = AccountState(NAME, checked_at=UNTIL, reading=readings[-1])
    past = Past(Account(NAME, "you", {}), state, readings, [])
    if outline is not None:
        past = past._replace(readings=outline.readings, times=outline.times, curve=outline.curve)
    (account,) = report_of([past], Policy(), period(UNTIL, DAYS - 1)).accounts
    return account


@given(EVENTS, st.integers(0, 30))
@settings(max_examples=40)
def test_an_outline_of_the_readings_tells_the_same(
    events: list[tuple[int, str, int]], recent: int
) -> None:
    readings = series(events)
    assert reported(readings, outlined(readings, recent)) == reported(readings)


@given(WILD, st.integers(0, 3))
@settings(max_examples=80)
def test_an_outline_of_a_balance_that_does_what_it_likes_tells_the_same(
    wild: Wild, recent: int
) -> None:
    readings = wild.readings()
    assert reported(readings, outlined(readings, recent)) == reported(readings)


def test_a_fall_before_hours_of_rises_alone_is_in_an_outline() -> None:
    # A large fall waits for a reading that does not rise; then the balance comes back.
    balances = [Decimal(1000) - index for index in range(600)]
    balances += [Decimal(200) + Decimal(index) / 100 for index in range(130)]
    balances += [Decimal(410) - Decimal(index) / 100 for index in range(300)]
    readings = [Reading(BEGIN + it * STEP, each, "USD") for it, each in enumerate(balances)]
    assert reported(readings, outlined(readings)) == reported(readings)
    assert not reported(readings).top_ups


def test_small_rises_up_to_midnight_are_no_top_up_in_an_outline() -> None:
    rising, midnight = [Decimal(100), Decimal(103), Decimal(106), Decimal(109)], 2 * 288 - 1
    balances = [Decimal(100)] * (midnight - 3) + rising + rising[:0:-1] + [Decimal(100)] * 600
    readings = [Reading(BEGIN + it * STEP, each, "USD") for it, each in enumerate(balances)]
    assert readings[midnight].observed_at.date() < readings[midnight + 1].observed_at.date()
    assert reported(readings, outlined(readings)) == reported(readings)


def test_the_reading_before_those_that_matter_to_a_top_up_is_in_an_outline() -> None:
    # Without it, the fall of the hours before would seem to be a later one, which is taken back.
    balances = [*range(1000, 200, -50), 250, 250, 290, 280, 270]
    readings = [
        Reading(BEGIN + index * 5 * HOUR, Decimal(each), "USD")
        for index, each in enumerate(balances)
    ]
    assert reported(readings, outlined(readings)) == reported(readings)
    assert len(reported(readings).top_ups) == 1


@given(EVENTS)
@settings(max_examples=20)
def test_an_outline_of_costs_tells_the_same(events: list[tuple[int, str, int]]) -> None:
    since = BEGIN.date().toordinal()
    readings = [
        replace(it, estimate=Estimate(date.fromordinal(since), 5000 - it.balance, Decimal(5000)))
        for it in series(events)
    ]
    assert reported(readings, outlined(readings)) == reported(readings)


def test_an_outline_of_costs_has_few_readings_though_they_change_at_each() -> None:
    bought = Decimal(5000)
    readings = [
        replace(it, estimate=Estimate(BEGIN.date(), bought - it.balance, bought))
        for it in series([(700, "back", 3)])
    ]
    assert len(outlined(readings).readings) < DAYS + 5 * 12


def test_an_outline_of_what_only_falls_has_little_more_than_a_reading_for_each_day() -> None:
    readings = series([])
    outline = outlined(readings)
    assert len(outline.readings) < DAYS + 3 * 12
    assert outline.readings[-1] == readings[-1]
    assert outline.times == [int(it.observed_at.timestamp()) for it in readings]


def test_an_outline_of_a_balance_that_jitters_has_few_readings() -> None:
    readings = Wild(3).readings()
    assert len(outlined(readings).readings) < len(readings) / 2


def test_what_counts_for_no_sum_makes_an_outline_little_longer() -> None:
    readings = [
        replace(it, provider_time=it.observed_at - timedelta(seconds=index % 60))
        for index, it in enumerate(series([]))
    ]
    assert len(outlined(readings).readings) < DAYS + 3 * 12


def test_the_latest_reading_of_an_outline_has_all_that_was_stored_of_it() -> None:
    readings = [replace(it, status="fine", credits=it.balance) for it in series([])]
    assert outlined(readings).readings[-1] == readings[-1]


def of_the_past(readings: Sequence[Reading], *, outlined: bool) -> AccountReport:
    """Returns the report on the last four days up to a time at which there were more readings."""
    end = UNTIL - 5 * STEP
    state = AccountState(NAME, checked_at=UNTIL, reading=readings[-1])
    past = Past(
        Account(NAME, "you", {}), state, [it for it in readings if it.observed_at <= end], []
    )
    if outlined:
        table: Any = StoredTable(readings)
        outline = Accounts(table, 400).outline(state, BEGIN, end, Detail(end, BEGIN))
        past = past._replace(readings=outline.readings, times=outline.times, curve=outline.curve)
    (account,) = report_of([past], Policy(), period(end, DAYS - 1)).accounts
    return account


def without_estimates(account: AccountReport) -> AccountReport:
    """Returns a report on an account without the estimates that follow from each reading's time."""
    return account._replace(
        state=replace(account.state, trend=(), days=(), fall=None, gaps=(), profile=NO_PROFILE),
        per_day=None,
        month_forecast=None,
        runs_dry_at=None,
    )


@given(EVENTS)
@settings(max_examples=40)
def test_an_outline_of_the_past_tells_the_same(events: list[tuple[int, str, int]]) -> None:
    readings = series(events)
    found, whole = of_the_past(readings, outlined=True), of_the_past(readings, outlined=False)
    assert without_estimates(found) == without_estimates(whole)


@given(EVENTS)
@settings(max_examples=40)
def test_an_outline_of_the_past_tells_the_same_pace(events: list[tuple[int, str, int]]) -> None:
    readings = series(events)
    found, whole = of_the_past(readings, outlined=True), of_the_past(readings, outlined=False)
    assert (found.per_day is None) == (whole.per_day is None)
    assert found.per_day == pytest.approx(whole.per_day, rel=Decimal("0.02"))


@pytest.mark.parametrize(("refund", "hours"), [(1, 2), (2, 3), (3, 6)])
def test_a_rise_at_the_first_reading_of_a_pack_takes_back_no_more_than_the_fall_before_it(
    refund: int, hours: int
) -> None:
    balance, before, readings = Decimal(1000), hour_of(NAME, BEGIN), list[Reading]()
    for index in range(LOOKS):
        at = BEGIN + index * STEP
        hour = hour_of(NAME, at)
        balance += refund if hour != before and hour % hours == 0 else Decimal("-0.10")
        before = hour
        readings.append(Reading(at, balance, "USD"))
    found, whole = of_the_past(readings, outlined=True), of_the_past(readings, outlined=False)
    assert found.per_day == pytest.approx(whole.per_day, rel=Decimal("0.02"))
    assert found.runs_dry_at == whole.runs_dry_at


def test_an_outline_of_the_past_has_few_readings_of_what_only_falls() -> None:
    table: Any = StoredTable(series([]))
    end = UNTIL - 5 * STEP
    found = Accounts(table, 400).outline(AccountState(NAME), BEGIN, end, Detail(end, BEGIN))
    assert len(found.readings) < DAYS * 24 + 5 * 12


def test_a_rise_in_an_outline_of_the_past_has_every_reading_of_its_hour() -> None:
    readings = [replace(it, credits=it.balance) for it in series([(700, "back", 1)])]
    table: Any = StoredTable(readings)
    found = Accounts(table, 400).outline(AccountState(NAME), BEGIN, UNTIL, Detail(UNTIL, BEGIN))
    rise = hour_of(NAME, readings[700].observed_at)
    hour = {it for it in readings if hour_of(NAME, it.observed_at) == rise}
    assert hour <= set(found.readings)


def test_the_latest_reading_up_to_a_time_of_the_past_has_all_that_was_stored_of_it() -> None:
    readings = [replace(it, credits=it.balance) for it in series([])]
    table: Any = StoredTable(readings)
    ends = [readings[index].observed_at for index in range(-30, 0)]
    for index, end in enumerate(ends, -30):
        found = Accounts(table, 400).outline(AccountState(NAME), BEGIN, end, Detail(end, BEGIN))
        assert found.readings[-1] == readings[index]


def test_readings_that_are_stored_twice_are_in_an_outline_once() -> None:
    readings = series([(700, "top up", 3)])
    table: Any = StoredTable(readings)
    # A run that ended before it could store the state wrote the beginning of this hour first.
    hour = [
        it
        for it in readings
        if hour_of(NAME, it.observed_at) == hour_of(NAME, BEGIN + DAYS * 9 * HOUR)
    ]
    table.items.append(pack_to_item(NAME, hour[:4], 400))
    table.items.sort(key=lambda it: it["sk"])
    state = AccountState(NAME, recent=tuple(readings[-4:]))
    found = Accounts(table, 400).outline(state, BEGIN, UNTIL, Detail(UNTIL))
    assert reported(readings, found) == reported(readings)
    assert found.times == [int(it.observed_at.timestamp()) for it in readings]


def test_the_time_before_another_purse_is_in_an_outline_as_it_is_before_a_top_up() -> None:
    readings = series([])
    anew = readings[777].observed_at
    table: Any = StoredTable(readings)
    found = Accounts(table, 400).outline(
        AccountState(NAME), BEGIN, UNTIL, Detail(UNTIL, anew=[anew])
    )
    times = {it.observed_at for it in found.readings}
    assert {it.observed_at for it in readings[770:778]} <= times


@pytest.mark.parametrize(
    "text", ["5:1\n5", "5:1:2", "0:1", "x:1", "5:1e9", "5:--1", f"5:{'1' * 40}"]
)
def test_a_pack_in_an_unusual_form_is_left_to_whoever_reads_it(text: str) -> None:
    table: Any = StoredTable(series([])[:24])
    table.items[0]["earlier"] = text
    asked = table.query_serialized(NAME, ("", "~"))
    seen: list[Any] = []

    def read(item: Item) -> tuple[()]:
        seen.append(item)
        return ()

    outline_of(asked, (), Detail(UNTIL), read)
    assert seen[0]["earlier"]["S"] == text
