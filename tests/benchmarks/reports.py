"""Measures the report: CPU and bytes for each account, on replies as DynamoDB writes them.

    python -m tests.benchmarks.reports [NUMBER]

The client is boto3's own, and parses each reply; only the server is missing, whose time would be
counted too. Prints one line of JSON.
"""

import json
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from io import BytesIO
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from balance_watch.config.policy import PolicyFile
from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.domain.report import Period, period
from balance_watch.domain.state import AccountState
from balance_watch.pages.report_html import report_html
from balance_watch.store.dynamodb import Store
from balance_watch.store.items import Item
from balance_watch.store.packs import packs_to_items
from balance_watch.store.states import state_to_item
from balance_watch.store.table import serialize
from balance_watch.usecases.reporting import gather
from local.aws import CREDENTIALS
from local.stack import REGION
from tests.benchmarks.accounts import TICK, ordinary_states

_STEP = timedelta(minutes=5)
_DAYS, _HISTORY_DAYS = 30, 400
_TOP_UP_DAYS, _TOP_UP = 9, 70
"""An account of money is topped up so often, at an hour of its own."""


@dataclass(frozen=True)
class Replies:
    """A DynamoDB that holds ordinary accounts with a month of checks every five minutes."""

    states: dict[str, AccountState]

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Replies to a request of botocore, in place of the network."""
        body: Any = request.body
        asked = json.loads(body)
        raw: Any = _Body(self._states(asked) if "RequestItems" in asked else self._query(asked))
        return AWSResponse(str(request.url), 200, HTTPHeaders(), raw)

    def _states(self, asked: dict[str, Any]) -> bytes:
        ((table, wanted),) = asked["RequestItems"].items()
        names = [key["pk"]["S"].removeprefix("ACCOUNT#") for key in wanted["Keys"]]
        items = [serialize(state_to_item(self.states[name])) for name in names]
        reply = {"Responses": {table: items}, "UnprocessedKeys": {}}
        return json.dumps(reply, default=lambda raw: b64encode(raw).decode()).encode()

    def _query(self, asked: dict[str, Any]) -> bytes:
        values = asked["ExpressionAttributeValues"]
        name = values[":pk"]["S"].removeprefix("ACCOUNT#")
        sorts = values[":since"]["S"], values[":until"]["S"]
        is_history = sorts[0].startswith("AT#")
        return _history(self.states[name], sorts) if is_history else b'{"Items": []}'


class _Body(BytesIO):
    """The body of a reply, as urllib3 has it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yields all of it."""
        yield self.read()


@cache
def _span() -> Period:
    return period(TICK, _DAYS)


def _history(state: AccountState, sorts: tuple[str, str]) -> bytes:
    """Returns the reply to a query of an account's history, which is one page."""
    assert state.provider is not None
    name = state.provider
    return _page(name, *sorts).replace(name.encode() + b"-000", state.account.encode())


@cache
def _page(name: str, since: str, until: str) -> bytes:
    """Returns the reply to a query of the history of an endpoint's first account."""
    items = [serialize(it) for it in _packs(name) if since <= it["sk"] <= until]
    return json.dumps({"Items": items, "Count": len(items)}).encode()


@cache
def _packs(name: str) -> list[Item]:
    """Returns the packs of an endpoint's first account."""
    (state,) = (it for it in ordinary_states(7) if it.provider == name)
    assert state.reading is not None
    return packs_to_items(f"{name}-000", readings_before(state.reading), _HISTORY_DAYS)


def readings_before(latest: Reading) -> Sequence[Reading]:
    """Returns the readings that a report reads before one: more by day than by night, topped up."""
    readings = [latest]
    while (at := readings[-1].observed_at - _STEP) >= _span().needed_since:
        readings.append(_before(readings[-1], at))
    return readings[:0:-1]


def _before(after: Reading, at: datetime) -> Reading:
    """Returns the reading before one: credits fall along with the balance."""
    spent = Decimal("0.0137") * (3 if 8 <= at.hour < 20 else 1) * (at.minute % 3)
    is_topped_up = (at.day % _TOP_UP_DAYS, at.hour, at.minute) == (4, 9, 25)
    return replace(
        after,
        observed_at=at,
        balance=after.balance + spent - (_TOP_UP if is_topped_up else 0),
        credits=after.credits and after.credits + int(spent * 1000),
        provider_time=after.provider_time and at - timedelta(seconds=at.minute),
    )


def store_of(number: int) -> tuple[Store, list[Account]]:
    """Returns a store with this many accounts."""
    states = {it.account: it for it in ordinary_states(number)}
    client = boto3.client(
        "dynamodb",
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    replies: Any = Replies(states)
    client.meta.events.register("before-send.dynamodb", replies)
    accounts = [
        Account(it.account, str(it.provider), labels={"team": f"team-{len(it.account) % 5}"})
        for it in states.values()
    ]
    return Store(client, "history"), accounts


def measure(number: int) -> dict[str, float]:
    """Returns the CPU seconds and bytes for each account."""
    store, accounts = store_of(number)
    gather(store, accounts[:7], PolicyFile(), _span())
    begun = time.process_time()
    report = gather(store, accounts, PolicyFile(), _span())
    gathered = time.process_time()
    page = report_html(report)
    drawn = time.process_time()
    return {
        "gathered": (gathered - begun) / number,
        "drawn": (drawn - gathered) / number,
        "bytes": len(page.encode()) / number,
    }


if __name__ == "__main__":
    found = measure(int(sys.argv[1]) if sys.argv[1:] else 200)
    sys.stdout.write(json.dumps(found) + "\n")
