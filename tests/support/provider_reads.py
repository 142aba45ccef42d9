"""Accounts of each provider, and shortcuts to read them and to parse replies."""

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TypedDict, Unpack

from balance_watch.domain.account import Account
from balance_watch.domain.credit import Budget, Credit, Purchase
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.flow import flow_for, run_flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.registry import catalogue_provider
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply, Request, Transport
from balance_watch.validation import Json
from tests.support.canaries import key
from tests.support.fault_server import ALL_OF_LOOPBACK
from tests.support.samples import Sample, content_type, on_the_wire

NOW = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
KEY = key()
SECRET = key("secret")


class Options(TypedDict, total=False):
    """Optional fields of an account."""

    currency: str
    auth: str
    variables: Mapping[str, str]


class HastyTransport(Transport):
    """Limits an exchange to 0.3 seconds: a payment could take 20."""

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        return super().exchange(request, timeout=min(timeout, 0.3))


@cache
def hasty_client() -> ProviderClient:
    """Returns a client that may reach every port of 127.0.0.1, and never sleeps."""
    return ProviderClient(HastyTransport(ALL_OF_LOOPBACK), sleep=lambda _: None)


def spec_of(slug: str) -> Spec:
    spec = catalogue_provider(slug)
    assert spec is not None
    return spec


def account_of(slug: str, base_url: str | None = None, **options: Unpack[Options]) -> Account:
    """Returns an account named after its provider, with all the credentials and variables."""
    spec = spec_of(slug)
    own = {name: key(name) for name in spec.credentials(options.get("auth")) or ()}
    credentials = {**own, "api_key": KEY, "api_secret": SECRET}
    options["variables"] = {**dict.fromkeys(spec.variables, "main"), **options.get("variables", {})}
    if base_url is None and spec.url.startswith("/"):
        base_url = "https://relay.example"
    return Account(slug, slug, credentials, base_url=base_url, declared=_declared(spec), **options)


def _declared(spec: Spec) -> Credit | Budget | None:
    """Returns a thousand for an account whose provider tells costs, of yesterday or a month."""
    if spec.cost is None:
        return None
    if spec.cost.by_month and spec.cost.at is None:
        return Budget(Decimal(1000))
    return Credit((Purchase(Decimal(1000), NOW - timedelta(days=1)),))


def read(client: ProviderClient, account: Account, *, within: float = 10) -> ReadResult:
    deadline = time.monotonic() + within
    return client.read(spec_of(account.provider), account, now=NOW, deadline=deadline)


def reading(client: ProviderClient, account: Account) -> Reading:
    result = read(client, account)
    assert isinstance(result, Reading), result
    return result


def failure(client: ProviderClient, account: Account, *, within: float = 10) -> ReadFailure:
    result = read(client, account, within=within)
    assert isinstance(result, ReadFailure), result
    return result


def parsed(
    slug: str,
    body: bytes | str,
    status: int = 200,
    content_type: str = "application/json",
    **headers: str,
) -> ReadResult:
    """Returns the result of parsing a reply with this body."""
    data = body.encode() if isinstance(body, str) else body
    length = {"Content-Length": str(len(data))}
    reply = Reply(status, data, {"Content-Type": content_type, **length, **headers})
    return parse_reply(spec_of(slug), account_of(slug), reply, NOW)


def result_of_replies(
    slug: str, replies: Iterable[Reply], account: Account | None = None
) -> ReadResult:
    """Returns the result of these replies; repeats the last one for every further request."""
    remaining = deque(replies)
    flow = flow_for(spec_of(slug), account or account_of(slug), NOW, NOW)
    return run_flow(flow, lambda _: remaining.popleft() if len(remaining) > 1 else remaining[0])


BODY = '{"data":{"attributes":{"balance":%s}}}'
"""The body of You.com's reply, with a place for the balance."""


def failed(
    slug: str,
    body: bytes | str,
    status: int = 200,
    content_type: str = "application/json",
    **headers: str,
) -> ReadFailure:
    """Returns the failure that a reply is parsed to."""
    result = parsed(slug, body, status, content_type, **headers)
    assert isinstance(result, ReadFailure), result
    return result


def result_of(sample: Sample) -> ReadResult:
    """Returns the result of reading a sample."""
    return result_of_replies(sample.slug, [reply_of(body, sample.status) for body in sample.bodies])


def reply_of(body: Json, status: int = 200) -> Reply:
    """Returns a reply with the body of a sample."""
    raw = on_the_wire(body)
    headers = {"Content-Type": content_type(body), "Content-Length": str(len(raw))}
    return Reply(status, raw, headers)


def conversation(
    slug: str, replies: Sequence[Json], account: Account | None = None, spec: Spec | None = None
) -> tuple[list[Request], ReadResult | None]:
    """Returns the requests that are sent when these bodies are the replies, and the result."""
    sent: list[Request] = []
    flow = flow_for(spec or spec_of(slug), account or account_of(slug), NOW, NOW)
    sent.append(next(flow))
    for body in replies:
        try:
            sent.append(flow.send(Reply(200, on_the_wire(body))))
        except StopIteration as end:
            return sent, end.value
    return sent, None
