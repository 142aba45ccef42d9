"""The other measurements of the budgets, as numbers: reading, runs, start and package."""

import json
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median

from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.parallel import PER_HOST, read_all
from balance_watch.providers.registry import catalogue_provider
from balance_watch.transport import Transport
from tests.benchmarks.accounts import TICK
from tests.benchmarks.processes import measured, serving

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / ".aws-sam" / "build" / "CheckBalances"
HANDLER = "import balance_watch.handlers.check_balances"
BARE = "import boto3, requests; from aws_lambda_powertools import Logger"


@dataclass(frozen=True)
class ReadingTime:
    """The seconds that it took to read all accounts, and the least that it can take."""

    accounts: int
    hosts: int
    floor: float
    seconds: float


def reading_time(accounts: int, hosts: int, latency: float) -> ReadingTime:
    """Reads accounts over loopback TLS from a provider that replies after `latency` seconds."""
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
        results = list(
            read_all(ProviderClient(transport), pairs, now=TICK, deadline=time.monotonic() + 600)
        )
        seconds = time.perf_counter() - begun
    failed = [result for _, result in results if not isinstance(result, Reading)]
    if failed or len(results) != accounts:
        raise RuntimeError(f"{len(failed)} of {len(results)} could not be read: {failed[:1]}")
    return ReadingTime(accounts, hosts, ceil(accounts / hosts / PER_HOST) * latency, seconds)


@dataclass(frozen=True)
class Run:
    """The cost of a run in a fresh process: of a cold one, then of a quiet one."""

    accounts: int
    secrets: int
    calls: int
    cpu: float
    cold_cpu: float
    peak_bytes: int

    @property
    def calls_budget(self) -> int:
        """The number of calls of a run in which a twelfth of the accounts begins another hour."""
        writes = ceil(self.accounts / 25) + ceil(self.accounts / 12 / 25)
        return ceil(self.secrets / 20) + ceil(self.accounts / 100) + writes + 4


def runs(numbers: list[int]) -> list[Run]:
    """Runs checks of these numbers of accounts, on the embedded AWS and a fast provider."""
    results = []
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("tests.benchmarks.provider", folder, "0", "4") as server,
        serving(
            "tests.benchmarks.aws", json.dumps(server["ports"]), *map(str, numbers)
        ) as environments,
    ):
        for number in numbers:
            output = measured(
                ["-m", "tests.benchmarks.run", server["ca"]], environments[str(number)]
            )
            quiet, cold = output["quiet"], output["cold"]
            if quiet["read"] != number:
                raise RuntimeError(f"{quiet['read']} of {number} accounts were read")
            results.append(
                Run(
                    number,
                    ceil(number / 50),
                    quiet["calls"],
                    quiet["cpu"],
                    cold["cpu"],
                    output["peak"],
                )
            )
    return results


@dataclass(frozen=True)
class StartTime:
    """CPU seconds to import the handler and to import only its libraries, and their ratio."""

    handler: float
    bare: float
    ratio: float


def start_time(times: int) -> StartTime:
    """Imports both in fresh interpreters, in turns, so that noise affects both alike.

    Returns medians of CPU time: an import waits for nothing, and time on the clock would mostly
    measure what else the machine does.
    """
    timed = "import time; begun = time.process_time(); {}; print(time.process_time() - begun)"
    pairs = [
        tuple(measured(["-c", timed.format(statement)]) for statement in (HANDLER, BARE))
        for _ in range(times + 1)
    ][1:]  # the first one may compile, and finds cold files
    handler, bare = (median(pair[which] for pair in pairs) for which in (0, 1))
    return StartTime(handler, bare, median(pair[0] / pair[1] for pair in pairs))


def package_bytes() -> int | None:
    """Returns the size of the built package, zipped, or None if it is not built."""
    if not PACKAGE.is_dir():
        return None
    with tempfile.TemporaryFile() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(PACKAGE.rglob("*")):
                archive.write(path, path.relative_to(PACKAGE))
        return target.tell()


def python_version() -> str:
    """Returns the version of the interpreter that ran everything."""
    return ".".join(map(str, sys.version_info[:2]))
