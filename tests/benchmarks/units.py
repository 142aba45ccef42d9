"""Counts the capacity units of quiet runs on DynamoDB Local."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import mean
from typing import NoReturn

from balance_watch.config.loading import Configuration
from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState
from balance_watch.providers.registry import catalogue_provider
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store
from balance_watch.store.readings import reading_to_item
from balance_watch.store.sizes import STORAGE_OVERHEAD, size_of
from balance_watch.usecases.check import Check
from balance_watch.usecases.payments import Pay
from tests.benchmarks.accounts import TICK, ordinary_states
from tests.support.dynamodb_local import DynamoDbLocal
from tests.support.metering import Meter
from tests.support.tables import client_of, new_table


@dataclass(frozen=True)
class Units:
    """The units that DynamoDB charges for a quiet run: for each account, and for the run itself."""

    write_per_account: float
    write_per_run: float
    read_per_account: float
    read_per_run: float
    reading_bytes: float
    """The mean size of a stored reading."""


def units() -> Units:
    """Counts the units of quiet runs of 100 and of 200 accounts, each after a day of checks."""
    with DynamoDbLocal() as address:
        small, large = (_consumed(address, number) for number in (100, 200))
    write, read = ((large[which] - small[which]) / 100 for which in (0, 1))
    sizes = [
        size_of(reading_to_item(state.account, _reading_of(state), 400)) + STORAGE_OVERHEAD
        for state in ordinary_states(7)
    ]
    return Units(write, small[0] - 100 * write, read, small[1] - 100 * read, mean(sizes))


def _consumed(address: str, number: int) -> tuple[float, float]:
    """Returns the write and the read units of a quiet run of this many accounts."""
    client = client_of(address)
    store = Store(client, new_table(client))
    spec = catalogue_provider("you")
    assert spec is not None
    states = ordinary_states(number)
    accounts = tuple((Account(state.account, "you"), spec) for state in states)
    configuration = Configuration(accounts=accounts, policy_text="")
    reads = _UnchangedReads({state.account: _reading_of(state) for state in states})
    check = Check(store, lambda **_: configuration, reads, _deliver, Pay(store, _pay))
    # The first run stores the policy; the states then get the day of checks that they lack.
    check.run(TICK - timedelta(minutes=5), seconds=100)
    store.accounts.save((state, state.reading) for state in states)
    meter = Meter()
    meter.attach(client)
    summary = check.run(TICK, seconds=100)
    if (summary.read, summary.fired) != (number, 0):
        raise RuntimeError(f"not a quiet run: {summary}")
    return meter.write_units, meter.read_units


@dataclass(frozen=True)
class _UnchangedReads:
    """Reads that yield the latest reading of each account again."""

    readings: dict[str, Reading]

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, Reading]]:
        del deadline
        for account, _ in accounts:
            yield account, replace(self.readings[account.name], observed_at=now)


def _deliver(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a quiet run delivers nothing")


def _pay(*_: object) -> NoReturn:
    raise AssertionError("a quiet run pays nothing")


def _reading_of(state: AccountState) -> Reading:
    assert state.reading is not None
    return state.reading
