"""A report on an outline of the readings says the same as one on every reading."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.account import Account
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Reading
from balance_watch.domain.report import AccountReport, Past, period, report_of
from balance_watch.domain.state import AccountState
from balance_watch.store.accounts import Accounts
from balance_watch.store.packs import hour_of, pack_to_item

BEGIN = datetime(2026, 11, 3, 0, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)
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

    def read(self, _keys: object) -> Iterator[Any]:
        return iter(())

    def query(self, _partition: str, sorts: tuple[str, str]) -> Iterator[Any]:
        return (item for item in self.items if sorts[0] <= item["sk"] <= sorts[1])


def reported(readings: Sequence[Reading], times: Sequence[datetime] | None) -> AccountReport:
    """Returns the report on the account over the last four days."""
    until = BEGIN + DAYS * 288 * STEP
    state = AccountState(NAME, checked_at=until, reading=readings[-1])
    past = Past(Account(NAME, "you", {}), state, readings, [], times=times)
    (account,) = report_of([past], Policy(), period(until, DAYS - 1)).accounts
    return account._replace(samples=())


@given(EVENTS)
@settings(max_examples=40)
def test_an_outline_of_the_readings_tells_the_same(events: list[tuple[int, str, int]]) -> None:
    readings = series(events)
    table: Any = StoredTable(readings)
    until = BEGIN + DAYS * 288 * STEP
    outline, times = Accounts(table, 400).outline(NAME, BEGIN, until, until - STEP)
    assert times == [it.observed_at for it in readings]
    assert reported(outline, times) == reported(readings, None)


def test_an_outline_of_what_only_falls_has_little_more_than_a_reading_an_hour() -> None:
    readings = series([])
    table: Any = StoredTable(readings)
    outline, _ = Accounts(table, 400).outline(
        NAME, BEGIN, readings[-1].observed_at, readings[-1].observed_at
    )
    assert len(outline) < DAYS * 24 + 2 * 12 + DAYS
    assert outline[-1] == readings[-1]
