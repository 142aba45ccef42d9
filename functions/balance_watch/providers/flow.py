"""Flows: the requests that a read takes, one after the other. This module sends none itself."""

from collections.abc import Callable, Generator
from datetime import datetime
from importlib import import_module
from typing import cast

from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadResult
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply, Request

Flow = Generator[Request, Reply, ReadResult]
"""Yields each request, is sent its reply, and returns the result."""

FlowFunction = Callable[[Spec, Account, datetime, datetime], Flow]
"""Makes an account's flow, as `flow_for` does. Each of `providers/modules` has one, as `flow`."""


def flow_for(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Returns the flow that reads an account's balance.

    Args:
        spec: the provider.
        account: the account.
        now: the tick that the reading belongs to.
        signed_at: the current time, which a signature contains.
    """
    if spec.module is None and spec.cost is None:
        return single_request(spec, account, now, signed_at)
    # Imported only here, so that a start does not load modules that no account needs.
    name = f"modules.{spec.module}" if spec.module else "cost"
    module = import_module(f"balance_watch.providers.{name}")
    return cast("FlowFunction", module.flow)(spec, account, now, signed_at)


def run_flow(flow: Flow, exchange: Callable[[Request], Reply]) -> ReadResult:
    """Sends the requests of a flow by `exchange`, one after the other, and returns the result."""
    try:
        request = next(flow)
        while True:
            request = flow.send(exchange(request))
    except StopIteration as end:
        result: ReadResult = end.value
        return result


def single_request(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balance with one request, which is enough for nearly every provider."""
    del signed_at
    reply = yield balance_request(spec, account)
    return parse_reply(spec, account, reply, now)
