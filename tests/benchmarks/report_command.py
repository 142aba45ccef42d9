"""Measures `balance-watch report` as people run it, against a table on a server of this machine.

    python -m tests.benchmarks.report_command [NUMBER] [--kind KIND] [--server SERVER] [--ago DAYS]

The server is DynamoDB Local or moto. It is slower than DynamoDB, and takes turns with the command
on the processor: what counts is the processor time of the command's own process, from its start to
its end. Prints it, the wall time, the bytes of the page and the load of the machine as one line of
JSON: for the first report, which also waits for a server that has just started, and for some more.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from balance_watch.domain.inventory import Inventory
from balance_watch.store.inventories import inventory_to_items
from balance_watch.store.table import serialize
from local.aws import EmbeddedAws
from tests.benchmarks.histories import DAYS, KINDS, histories
from tests.benchmarks.reports import TRACES, accounts_of
from tests.support.dynamodb_local import DynamoDbLocal
from tests.support.tables import client_of, new_table

SERVERS = ("dynamodb-local", "moto")
_BATCH, _WRITERS = 25, 4
_TIMES = 4


def measure(
    number: int, kind: str, server: str, folder: Path, ago: int
) -> Iterator[dict[str, float]]:
    """Yields what the command took for so many accounts, each time that it ran."""
    with ExitStack() as stack:
        aws = stack.enter_context(EmbeddedAws())
        url = stack.enter_context(DynamoDbLocal()) if server == "dynamodb-local" else aws.url
        table = _filled_table(url, number, kind, folder)
        environment = aws.environment | {"AWS_ENDPOINT_URL_DYNAMODB": url, "TABLE_NAME": table}
        arguments = []
        if ago:
            until = datetime.now(UTC) - timedelta(days=ago)
            arguments = ["--days", str(DAYS - ago), "--until", until.isoformat()]
        for _ in range(_TIMES):
            yield _measured(arguments, environment)


def _measured(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as written:
        page = Path(written) / "report.html"
        command = [sys.executable, "-m", "balance_watch.cli.entry", "report", "--output", str(page)]
        begun, load = time.perf_counter(), os.getloadavg()[0]
        process = subprocess.Popen(  # noqa: S603 (our own words)
            [*command, *arguments],
            env={**os.environ, **environment},
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        if status:
            raise RuntimeError(f"the command ended with {status}")
        size = page.stat().st_size
    return {
        "cpu": round(used.ru_utime + used.ru_stime, 2),
        "wall": round(wall, 2),
        "bytes": size,
        "load": round(load, 1),
    }


def _filled_table(url: str, number: int, kind: str, folder: Path) -> str:
    """Returns the name of a table with these accounts, their states and their histories."""
    client = client_of(url)
    table = new_table(client)

    def write(items: Sequence[Any]) -> None:
        requests: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
        while requests:
            reply = client.batch_write_item(RequestItems={table: requests})
            requests = [*reply["UnprocessedItems"].get(table, [])]

    items = [*_items(number, kind, folder)]
    with ThreadPoolExecutor(_WRITERS) as pool:
        starts = range(0, len(items), _BATCH)
        list(pool.map(lambda start: write(items[start : start + _BATCH]), starts))
    return table


def _items(number: int, kind: str, folder: Path) -> Iterator[Any]:
    accounts = tuple(accounts_of(number))
    yield from map(serialize, inventory_to_items(Inventory(accounts=accounts)))
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    found = histories(kind, now, folder)
    for index, account in enumerate(accounts):
        history = found[index % len(found)]
        for item in (history.state, *history.packs):
            yield serialize(item | {"pk": item["pk"].replace(history.name, account.name)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.report_command", description=__doc__
    )
    parser.add_argument("number", nargs="?", type=int, default=200)
    parser.add_argument("--kind", choices=KINDS, default="harsh")
    parser.add_argument("--server", choices=SERVERS, default=SERVERS[0])
    parser.add_argument("--traces", type=Path, default=TRACES)
    parser.add_argument("--ago", type=int, default=0, help="days since the report's end")
    given = parser.parse_args()
    rows = measure(given.number, given.kind, given.server, given.traces, given.ago)
    for figures in rows:
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()
