"""Counts the capacity units of quiet runs on DynamoDB Local."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn

from msgspec.structs import replace

from balance_watch.config.loading import Configuration
from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState
from balance_watch.providers.registry import catalogue_provider
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store
from balance_watch.store.packs import readings_of_item
from balance_watch.store.readings import reading_sort
from balance_watch.store.sizes import STORAGE_OVERHEAD, size_of
from balance_watch.store.table import deserialize
from balance_watch.usecases.check import Check
from balance_watch.usecases.payments import Pay
from tests.benchmarks.accounts import TICK, ordinary_states
from tests.support.dynamodb_local import DynamoDbLocal
from tests.support.metering import Meter
from tests.support.tables import client_of, new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MEASURED, _RUNS = timedelta(hours=2), 24
"""So long at least, in which each account begins another hour twice; and so many runs at least."""


@dataclass(frozen=True)
class Units:
    """The units that DynamoDB charges for a quiet run, on average over two hours or a day.

    They are for each account, and for the run itself.
    """

    write_per_account: float
    write_per_run: float
    read_per_account: float
    read_per_run: float
    reading_bytes: float
    """The bytes that a stored reading takes on average: it shares an item with others."""


def units(minutes: int = 5) -> Units:
    """Counts the units of quiet runs of 100 and of 200 accounts, each after a day of checks.

    Args:
        minutes: how often the accounts are checked.
    """
    every = timedelta(minutes=minutes)
    with DynamoDbLocal() as address:
        small, large = (_consumed(address, number, every) for number in (100, 200))
    write, read = ((large[which] - small[which]) / 100 for which in (0, 1))
    return Units(write, small[0] - 100 * write, read, small[1] - 100 * read, large[2])


def _consumed(address: str, number: int, every: timedelta) -> tuple[float, float, float]:
    """Returns the write and read units of a quiet run of this many accounts, and the bytes."""
    client = client_of(address)
    table = new_table(client)
    store = Store(client, table)
    spec = catalogue_provider("you")
    assert spec is not None
    states = [replace(it, gaps=(every,) * 4) for it in ordinary_states(number)]
    accounts = tuple((Account(state.account, "you"), spec) for state in states)
    configuration = Configuration(accounts=accounts, policy_text="")
    reads = _FallingReads({state.account: _reading_of(state) for state in states})
    check = Check(store, lambda **_: configuration, reads, _deliver, Pay(store, _pay))
    # The first run stores the policy; the states then get the days of checks that they lack.
    check.run(TICK - timedelta(minutes=5), seconds=100)
    store.accounts.save(states)
    meter = Meter()
    meter.attach(client)
    runs = max(_RUNS, _MEASURED // every)
    for run in range(runs):
        summary = check.run(TICK + run * every, seconds=100)
        if (summary.read, summary.fired) != (number, 0):
            raise RuntimeError(f"not a quiet run: {summary}")
    write, read = meter.write_units / runs, meter.read_units / runs
    return write, read, _bytes_of_a_reading(client, table)


def _bytes_of_a_reading(client: "DynamoDBClient", table: str) -> float:
    """Returns how many bytes the packs in the table take for each of their readings."""
    pages = client.get_paginator("scan").paginate(TableName=table)
    items = [deserialize(item) for page in pages for item in page["Items"]]
    packs = [item for item in items if item["sk"].startswith(reading_sort(TICK)[:3])]
    readings = sum(len(list(readings_of_item(item))) for item in packs)
    return sum(size_of(item) + STORAGE_OVERHEAD for item in packs) / readings


@dataclass(frozen=True)
class _FallingReads:
    """Reads that yield a little less of each account at each tick."""

    readings: dict[str, Reading]

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, Reading]]:
        del deadline
        for account, _ in accounts:
            reading = self.readings[account.name]
            spent = Decimal("0.0137") * ((now - reading.observed_at) // timedelta(minutes=1)) / 5
            as_of = reading.provider_time and now
            yield (
                account,
                replace(
                    reading,
                    observed_at=now,
                    balance=reading.balance - spent,
                    provider_time=as_of,
                ),
            )


def _deliver(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a quiet run delivers nothing")


def _pay(*_: object) -> NoReturn:
    raise AssertionError("a quiet run pays nothing")


def _reading_of(state: AccountState) -> Reading:
    assert state.reading is not None
    return state.reading
