"""Measures `balance-watch report` as people run it, against a table on a server of this machine.

    python -m tests.benchmarks.report_command [NUMBER] [--kind KIND] [--server SERVER]

The server is DynamoDB Local or moto. It is slower than DynamoDB, and takes turns with the command
on the processor: what counts is the processor time of the command's own process, from its start to
its end. Prints it, the wall time, the bytes of the page and the load of the machine as one line of
JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from balance_watch.domain.inventory import Inventory
from balance_watch.store.inventories import inventory_to_items
from balance_watch.store.table import serialize
from local.aws import EmbeddedAws
from tests.benchmarks.histories import KINDS, histories
from tests.benchmarks.reports import TRACES, accounts_of
from tests.support.dynamodb_local import DynamoDbLocal
from tests.support.tables import client_of, new_table

SERVERS = ("dynamodb-local", "moto")
_BATCH, _WRITERS = 25, 4


def measure(number: int, kind: str, server: str, folder: Path) -> dict[str, Any]:
    """Returns what the command took for so many accounts."""
    with ExitStack() as stack:
        aws = stack.enter_context(EmbeddedAws())
        url = stack.enter_context(DynamoDbLocal()) if server == "dynamodb-local" else aws.url
        table = _filled_table(url, number, kind, folder)
        environment = {"AWS_ENDPOINT_URL_DYNAMODB": url, "TABLE_NAME": table}
        with tempfile.TemporaryDirectory() as written:
            page = Path(written) / "report.html"
            begun, load = time.perf_counter(), os.getloadavg()[0]
            process = subprocess.Popen(  # noqa: S603 (our own words)
                [sys.executable, "-m", "balance_watch.cli.entry", "report", "--output", page],
                env={**os.environ, **aws.environment, **environment},
            )
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begun
            if status:
                raise RuntimeError(f"the command ended with {status}")
            size = page.stat().st_size
    return {
        "server": server,
        "kind": kind,
        "accounts": number,
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
    given = parser.parse_args()
    figures = measure(given.number, given.kind, given.server, given.traces)
    sys.stdout.write(json.dumps(figures) + "\n")
