"""Measures the report: CPU and bytes for each account, on replies as DynamoDB writes them.

    python -m tests.benchmarks.reports [NUMBER] [--kind KIND] [--traces FOLDER]

histories.py says which kinds there are. The client is boto3's own, and parses each reply; only the
server is missing, whose time would be counted too (report_command.py has one). Prints one line of
JSON.
"""

import argparse
import json
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from balance_watch.config.policy import PolicyFile
from balance_watch.domain.account import Account
from balance_watch.domain.report import period
from balance_watch.pages.report_html import report_html
from balance_watch.store.dynamodb import Store
from balance_watch.store.items import Item
from balance_watch.store.table import serialize
from balance_watch.usecases.reporting import gather
from local.aws import CREDENTIALS
from local.stack import REGION
from tests.benchmarks.accounts import TICK
from tests.benchmarks.histories import DAYS, KINDS, History, histories

TRACES = Path("../shared/traces")


class Replies:
    """A DynamoDB that holds these histories, each under the names of several accounts."""

    def __init__(self, found: Sequence[History]) -> None:
        self._found = found
        self._page = cache(self._page_of)

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Replies to a request of botocore, in place of the network."""
        body: Any = request.body
        asked = json.loads(body)
        raw: Any = _Body(self._states(asked) if "RequestItems" in asked else self._query(asked))
        return AWSResponse(str(request.url), 200, HTTPHeaders(), raw)

    def _states(self, asked: dict[str, Any]) -> bytes:
        ((table, wanted),) = asked["RequestItems"].items()
        names = [_name_in(key["pk"]) for key in wanted["Keys"]]
        items = ", ".join(
            _json([history.state])[1:-1].replace(history.name, name)
            for name in names
            for history in [self._of(name)]
        )
        reply = f'{{"Responses": {{"{table}": [{items}]}}, "UnprocessedKeys": {{}}}}'
        return reply.encode()

    def _query(self, asked: dict[str, Any]) -> bytes:
        values = asked["ExpressionAttributeValues"]
        name, since, until = _name_in(values[":pk"]), values[":since"]["S"], values[":until"]["S"]
        if not since.startswith("AT#"):
            return b'{"Items": []}'
        history = self._of(name)
        index = int(name[-4:]) % len(self._found)
        return self._page(index, since, until).replace(history.name.encode(), name.encode())

    def _page_of(self, index: int, since: str, until: str) -> bytes:
        """Returns the reply to a query of a history, which is one page."""
        items = [it for it in self._found[index].packs if since <= it["sk"] <= until]
        return f'{{"Items": {_json(items)}, "Count": {len(items)}}}'.encode()

    def _of(self, name: str) -> History:
        return self._found[int(name[-4:]) % len(self._found)]


def _name_in(key: dict[str, str]) -> str:
    return key["S"].removeprefix("ACCOUNT#")


def _json(items: list[Item]) -> str:
    serialized = [serialize(it) for it in items]
    return json.dumps(serialized, default=lambda raw: b64encode(raw).decode())


class _Body(BytesIO):
    """The body of a reply, as urllib3 has it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yields all of it."""
        yield self.read()


def accounts_of(number: int) -> list[Account]:
    """Returns so many accounts, of five teams."""
    names = [f"account-{index:04}" for index in range(number)]
    return [
        Account(name, "you", labels={"team": f"team-{index % 5}"})
        for index, name in enumerate(names)
    ]


def store_of(found: Sequence[History]) -> Store:
    """Returns a store that holds these histories."""
    client = boto3.client(
        "dynamodb",
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    replies: Any = Replies(found)
    client.meta.events.register("before-send.dynamodb", replies)
    return Store(client, "history")


def measure(number: int, kind: str, folder: Path) -> dict[str, float]:
    """Returns the CPU seconds and bytes for each account."""
    found, span = histories(kind, TICK, folder), period(TICK, DAYS)
    if not found:
        raise SystemExit(f"There is no trace in {folder}.")
    store, accounts = store_of(found), accounts_of(number)
    # The server's replies are made here, and are not measured.
    gather(store, accounts[: len(found)], PolicyFile(), span)
    begun = time.process_time()
    report = gather(store, accounts, PolicyFile(), span)
    gathered = time.process_time()
    page = report_html(report)
    drawn = time.process_time()
    return {
        "gathered": (gathered - begun) / number,
        "drawn": (drawn - gathered) / number,
        "bytes": len(page.encode()) / number,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reports", description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=200)
    parser.add_argument("--kind", choices=KINDS, default="ordinary")
    parser.add_argument("--traces", type=Path, default=TRACES)
    given = parser.parse_args()
    figures = measure(given.number, given.kind, given.traces)
    sys.stdout.write(json.dumps(figures) + "\n")
