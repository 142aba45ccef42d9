"""A report on an outline of the readings says the same as one on every reading."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.account import Account
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Estimate, Reading
from balance_watch.domain.report import AccountReport, Past, period, report_of
from balance_watch.domain.state import AccountState
from balance_watch.store.accounts import Accounts
from balance_watch.store.outlines import Detail, Outline
from balance_watch.store.packs import hour_of, pack_to_item
from balance_watch.store.table import serialize

BEGIN = datetime(2026, 11, 3, 0, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)
HOUR = timedelta(hours=1)
DAYS = 5
NAME = "a"

# What happens at a reading: mostly a little is spent; at times nothing is read, the balance falls
# and comes back, is topped up, or another attribute changes.
EVENTS = st.lists(
    st.tuples(
        st.integers(1, DAYS * 288 - 1),
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
    for index in range(DAYS * 288):
        kind, size = by_index.get(index, ("", 0))
        missing = size * 3 if kind == "miss" else max(0, missing - 1)
        balance -= Decimal("0.03") * (index % 4)
        balance += {"fall": -8 * size, "back": 8 * size, "top up": 100 * size}.get(kind, 0)
        status = f"{size}" if kind == "status" else status
        unit = "EUR" if kind == "unit" else unit
        if not missing:
            readings.append(replace(Reading(BEGIN + index * STEP, balance, unit), status=status))
    return readings


class StoredTable:
    """A table that holds the packs of one account, and no state."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        hours = groupby(readings, key=lambda it: hour_of(NAME, it.observed_at))
        self.items = [pack_to_item(NAME, list(own), 400) for _, own in hours]

    def query_serialized(self, _partition: str, sorts: tuple[str, str]) -> Iterator[Any]:
        return (serialize(item) for item in self.items if sorts[0] <= item["sk"] <= sorts[1])


def outlined(readings: Sequence[Reading], step: timedelta) -> Outline:
    """Returns the outline of readings that are all in the history."""
    table: Any = StoredTable(readings)
    until = BEGIN + DAYS * 288 * STEP
    return Accounts(table, 400).outline(AccountState(NAME), BEGIN, until, Detail(step, until))


def reported(readings: Sequence[Reading], times: Sequence[int] | None) -> AccountReport:
    """Returns the report on the account over the last four days."""
    until = BEGIN + DAYS * 288 * STEP
    state = AccountState(NAME, checked_at=until, reading=readings[-1])
    past = Past(Account(NAME, "you", {}), state, readings, [], times=times)
    (account,) = report_of([past], Policy(), period(until, DAYS - 1)).accounts
    return account._replace(samples=())


@given(EVENTS, st.sampled_from([HOUR, 3 * HOUR, 7 * HOUR]))
@settings(max_examples=40)
def test_an_outline_of_the_readings_tells_the_same(
    events: list[tuple[int, str, int]], step: timedelta
) -> None:
    readings = series(events)
    outline = outlined(readings, step)
    assert outline.times == [int(it.observed_at.timestamp()) for it in readings]
    assert reported(*outline) == reported(readings, None)


@given(EVENTS)
@settings(max_examples=20)
def test_an_outline_of_costs_tells_the_same(events: list[tuple[int, str, int]]) -> None:
    since = BEGIN.date().toordinal()
    readings = [
        replace(it, estimate=Estimate(date.fromordinal(since), 5000 - it.balance, Decimal(5000)))
        for it in series(events)
    ]
    outline = outlined(readings, 3 * HOUR)
    assert reported(*outline) == reported(readings, None)


def test_an_outline_of_costs_has_few_readings_though_they_change_at_each() -> None:
    bought = Decimal(5000)
    readings = [
        replace(it, estimate=Estimate(BEGIN.date(), bought - it.balance, bought))
        for it in series([(700, "back", 3)])
    ]
    assert len(outlined(readings, 3 * HOUR).readings) < DAYS * (8 + 12) + 3 * 12


@pytest.mark.parametrize("step", [HOUR, 3 * HOUR])
def test_an_outline_of_what_only_falls_has_little_more_than_a_reading_for_each_step(
    step: timedelta,
) -> None:
    readings = series([])
    outline, _ = outlined(readings, step)
    assert len(outline) < DAYS * (timedelta(days=1) / step) + 3 * 12 + 2 * DAYS
    assert outline[-1] == readings[-1]


def test_what_counts_for_no_sum_makes_an_outline_little_longer() -> None:
    readings = [
        replace(it, provider_time=it.observed_at - timedelta(seconds=index % 60))
        for index, it in enumerate(series([]))
    ]
    assert len(outlined(readings, 3 * HOUR).readings) < DAYS * (8 + 12) + 3 * 12


def test_the_time_before_another_purse_is_in_an_outline_as_it_is_before_a_rise() -> None:
    readings = series([])
    anew = readings[777].observed_at
    table: Any = StoredTable(readings)
    detail = Detail(3 * HOUR, BEGIN + DAYS * 288 * STEP, [anew])
    found = Accounts(table, 400).outline(AccountState(NAME), BEGIN, detail.whole_since, detail)
    assert set(readings[770:778]) <= set(found.readings)
