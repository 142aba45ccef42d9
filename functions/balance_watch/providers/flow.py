"""The requests that it takes to learn a balance, one after the other: nothing is sent here."""

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
"""Yields each request, is sent its reply, and returns what was learnt."""

Ask = Callable[[Spec, Account, datetime, datetime], Flow]
"""What a module of `providers/modules` has as `ask`: as `asking`."""


def flow_for(spec: Spec, account: Account, now: datetime, clock: datetime) -> Flow:
    """Returns the requests that learn an account's balance.

    Args:
        spec: the provider.
        account: the account.
        now: the tick that the reading belongs to.
        clock: the time it is, which a signature carries.
    """
    if spec.module is None:
        return single_request(spec, account, now, clock)
    # Imported where it is asked for: a start pays for no module that no account needs.
    module = import_module(f"balance_watch.providers.modules.{spec.module}")
    return cast("Ask", module.ask)(spec, account, now, clock)


def run_flow(requests: Flow, exchange: Callable[[Request], Reply]) -> ReadResult:
    """Sends one request after another by `exchange`, and returns what was learnt of the replies."""
    request = next(requests)
    while True:
        try:
            request = requests.send(exchange(request))
        except StopIteration as end:
            outcome: ReadResult = end.value
            return outcome


def single_request(spec: Spec, account: Account, now: datetime, clock: datetime) -> Flow:
    """Asks once: for nearly every provider one request is enough."""
    del clock
    reply = yield balance_request(spec, account)
    return parse_reply(spec, account, reply, now)
