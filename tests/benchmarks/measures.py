"""Every measurement of the budgets: numbers only; `__main__` puts them beside their budgets."""

import json
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path
from statistics import mean, median
from typing import Any

from balance_watch.config.loading import Configuration
from balance_watch.domain.account import Account
from balance_watch.domain.reading import AutoReload, Reading
from balance_watch.domain.state import AccountState
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.parallel import PER_HOST, read_all
from balance_watch.providers.registry import catalogue_provider
from balance_watch.store.dynamodb import Store
from balance_watch.store.readings import reading_to_item
from balance_watch.store.sizes import STORAGE_OVERHEAD, size_of
from balance_watch.transport import Transport
from balance_watch.usecases.check import Check
from balance_watch.usecases.payments import Pay
from tests.benchmarks.processes import measured, serving
from tests.support.dynamodb_local import DynamoDbLocal
from tests.support.examples import full_trend
from tests.support.fakes import FakeReads
from tests.support.metering import Meter
from tests.support.tables import client_of, new_table

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / ".aws-sam" / "build" / "CheckBalances"
TICK = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
HANDLER = "import balance_watch.handlers.check_balances"
BARE = "import boto3, requests; from aws_lambda_powertools import Logger, Metrics"


@dataclass(frozen=True)
class ReadingTime:
    """How long it took to read all, and how long it takes at least."""

    accounts: int
    hosts: int
    floor: float
    seconds: float


def reading_time(accounts: int, hosts: int, latency: float) -> ReadingTime:
    """Reads accounts over loopback TLS from a provider that takes so long to answer each."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("tests.benchmarks.provider", folder, str(latency), str(hosts)) as server,
    ):
        addresses = [f"127.0.0.1:{port}" for port in server["ports"]]
        spec = catalogue_provider("you")
        assert spec is not None
        pairs = [
            (
                Account(
                    f"account-{index:04}",
                    "you",
                    {"api_key": "k"},
                    base_url=f"https://{addresses[index % hosts]}",
                ),
                spec,
            )
            for index in range(accounts)
        ]
        transport = Transport(addresses, ca_bundle=server["ca"], connections_per_host=PER_HOST)
        begun = time.perf_counter()
        looks = list(
            read_all(ProviderClient(transport), pairs, now=TICK, deadline=time.monotonic() + 600)
        )
        seconds = time.perf_counter() - begun
    failed = [outcome for _, outcome in looks if not isinstance(outcome, Reading)]
    if failed or len(looks) != accounts:
        raise RuntimeError(f"{len(failed)} of {len(looks)} could not be read: {failed[:1]}")
    return ReadingTime(accounts, hosts, ceil(accounts / hosts / PER_HOST) * latency, seconds)


@dataclass(frozen=True)
class Run:
    """What a run took in a fresh process: first a cold one, then a quiet one."""

    accounts: int
    secrets: int
    calls: int
    cpu: float
    cold_cpu: float
    peak_bytes: int

    @property
    def calls_budget(self) -> int:
        """What the design allows."""
        return (
            ceil(self.secrets / 20) + ceil(self.accounts / 100) + ceil(2 * self.accounts / 25) + 4
        )


def runs(numbers: list[int]) -> list[Run]:
    """Runs the check of so many accounts, on the embedded AWS and a provider that is fast."""
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("tests.benchmarks.provider", folder, "0", "4") as server,
        serving(
            "tests.benchmarks.outside", json.dumps(server["ports"]), *map(str, numbers)
        ) as environments,
    ):
        for number in numbers:
            it = measured(["-m", "tests.benchmarks.run", server["ca"]], environments[str(number)])
            if it["quiet"]["read"] != number:
                raise RuntimeError(f"{it['quiet']['read']} of {number} accounts were read")
            found.append(
                Run(
                    number,
                    ceil(number / 50),
                    it["quiet"]["calls"],
                    it["quiet"]["cpu"],
                    it["cold"]["cpu"],
                    it["peak"],
                )
            )
    return found


@dataclass(frozen=True)
class Units:
    """What DynamoDB charges for a quiet run: for each account, and besides."""

    write_per_account: float
    write_besides: float
    read_per_account: float
    read_besides: float
    reading_bytes: float
    """Of an ordinary reading, stored."""


def units() -> Units:
    """Counts the units of quiet runs of 100 and of 200 accounts, each after a day of checks."""
    with DynamoDbLocal() as address:
        small, large = (_consumed(address, number) for number in (100, 200))
    write, read = ((large[which] - small[which]) / 100 for which in (0, 1))
    ordinary = [
        size_of(reading_to_item(state.account, _looked_at(state), 400)) + STORAGE_OVERHEAD
        for state in _ordinary(7)
    ]
    return Units(write, small[0] - 100 * write, read, small[1] - 100 * read, mean(ordinary))


def _consumed(address: str, number: int) -> tuple[float, float]:
    client = client_of(address)
    store = Store(client, new_table(client))
    spec = catalogue_provider("you")
    assert spec is not None
    states = _ordinary(number)
    accounts = tuple((Account(state.account, "you"), spec) for state in states)
    configuration = Configuration(accounts=accounts, policy_text="")
    looks = _AsBefore({state.account: _looked_at(state) for state in states})
    pay = Pay(store, _no_payment)
    check = Check(store, lambda: configuration, looks, _deliver, pay)
    # The first run keeps the policy; the states then get the day that they would have had.
    check.run(TICK - timedelta(minutes=5), seconds=100)
    store.accounts.save((state, state.reading) for state in states)
    meter = Meter()
    meter.attach(client)
    summary = check.run(TICK, seconds=100)
    if (summary.read, summary.fired) != (number, 0):
        raise RuntimeError(f"not a quiet run: {summary}")
    return meter.write_units, meter.read_units


class _AsBefore(FakeReads):
    """Every look yields what the last one did, an hour's spending later."""

    def __init__(self, readings: dict[str, Reading]) -> None:
        super().__init__()
        self._readings = readings

    def __call__(self, accounts: Any, *, now: datetime, deadline: float) -> Any:  # noqa: ANN401 (as its base)
        del deadline
        for account, _ in accounts:
            yield account, replace(self._readings[account.name], observed_at=now)


def _deliver(*_: object, **__: object) -> Any:  # noqa: ANN401 (a quiet run delivers nothing)
    raise AssertionError("something is owed")


def _no_payment(*_: object) -> Any:  # noqa: ANN401 (a quiet run pays nothing)
    raise AssertionError("something is paid")


def _looked_at(state: AccountState) -> Reading:
    assert state.reading is not None
    return state.reading


def _ordinary(number: int) -> list[AccountState]:
    """Accounts of all seven endpoints, each with what its provider says and a day of samples."""
    at = TICK - timedelta(minutes=5)
    plain = Reading(at, Decimal("7189.245"), "USD")
    auto = AutoReload(enabled=True, threshold=Decimal(20), amount=Decimal(100))
    shapes = [
        ("search-production", plain),
        (
            "images-production",
            replace(
                plain,
                balance=Decimal("72.048"),
                credits=Decimal(71048),
                points=Decimal(1000),
                provider_flag=False,
                provider_threshold=Decimal(10),
                provider_time=at,
            ),
        ),
        (
            "images-staging",
            replace(
                plain,
                balance=Decimal("41.068"),
                credits=Decimal(41068),
                points=Decimal(0),
                provider_flag=False,
                provider_threshold=Decimal(10),
                provider_time=at,
            ),
        ),
        ("llm-production", replace(plain, balance=Decimal("152.4"), auto_reload=auto)),
        ("llm-batch", replace(plain, balance=Decimal("123.45"))),
        (
            "llm-legacy",
            replace(
                plain,
                balance=Decimal("275.7822475"),
                credits=Decimal(551564495),
                provider_flag=False,
                provider_threshold=Decimal("0.005"),
                auto_reload=AutoReload(enabled=False),
                status="Balance is current and up to date",
            ),
        ),
        (
            "sms-production",
            replace(
                plain,
                balance=Decimal("24.171275"),
                currency="EUR",
                auto_reload=AutoReload(enabled=True),
            ),
        ),
    ]
    return [
        AccountState(
            f"{shapes[index % 7][0]}-{index:03}",
            checked_at=at,
            reading=shapes[index % 7][1],
            trend=full_trend(at, first=f"{shapes[index % 7][1].balance + 3:f}"),
        )
        for index in range(number)
    ]


@dataclass(frozen=True)
class StartTime:
    """CPU seconds of importing the handler, and what it cannot do without; their ratio."""

    handler: float
    bare: float
    ratio: float


def start_time(times: int) -> StartTime:
    """Imports both in fresh interpreters, in turns, so that noise meets them alike.

    Medians, of CPU time: importing waits for nothing, and time on the clock has more of what else
    the machine does in it than of the import.
    """
    timed = "import time; begun = time.process_time(); {}; print(time.process_time() - begun)"
    pairs = [
        tuple(measured(["-c", timed.format(statement)]) for statement in (HANDLER, BARE))
        for _ in range(times + 1)
    ][1:]  # the first one may compile, and finds cold files
    handler, bare = (median(pair[which] for pair in pairs) for which in (0, 1))
    return StartTime(handler, bare, median(pair[0] / pair[1] for pair in pairs))


def package_bytes() -> int | None:
    """Returns the size of the built package, zipped; None where there is none."""
    if not PACKAGE.is_dir():
        return None
    with tempfile.TemporaryFile() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(PACKAGE.rglob("*")):
                archive.write(path, path.relative_to(PACKAGE))
        return target.tell()


def python_version() -> str:
    """The interpreter that all this ran in."""
    return ".".join(map(str, sys.version_info[:2]))
