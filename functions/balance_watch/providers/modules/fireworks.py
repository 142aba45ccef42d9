"""Fireworks AI: the costs of an account; without any, whether the key sees the account at all.

Facts: docs/fireworks.md and FireworksUsageFetcher.swift of github.com/steipete/CodexBar. The
summary of an account that does not exist may be empty, too, so a wrong name would look like credit
that is never used. GET /v1/accounts lists the accounts that a key sees, in pages.
"""

from collections.abc import Generator
from datetime import datetime

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.providers import cost
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply, Request
from balance_watch.validation import Json

_ACCOUNTS = "https://api.fireworks.ai/v1/accounts"
_MAX_PAGES = 10


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the costs, and asks for the key's accounts if there are none."""
    result = yield from cost.flow(spec, account, now, signed_at)
    if not isinstance(result, Reading) or result.estimate is None or result.estimate.cost:
        return result
    return (yield from _unseen(spec, account)) or result


def _unseen(spec: Spec, account: Account) -> Generator[Request, Reply, ReadFailure | None]:
    """Returns why it is not known that the key sees the account; None if it does."""
    name, token = f"accounts/{account.variables['account']}", ""
    for _ in range(_MAX_PAGES):
        request = balance_request(spec, account, _ACCOUNTS)
        if token:
            request = replace(request, query={**request.query, "pageToken": token})
        body = parse_body(spec, (yield request))
        if isinstance(body, ReadFailure):
            return body
        names, token = _page(body.value)
        if name in names:
            return None
        if not token:
            text = "The key sees no such account: check the account's variables, account."
            return ReadFailure(FailureKind.NOT_ALLOWED, text)
    text = f"The key's accounts have more than {_MAX_PAGES} pages."
    return ReadFailure(FailureKind.MALFORMED, text)


def _page(body: Json) -> tuple[list[Json], str]:
    """Returns the names of the accounts on a page, and what leads to the next one."""
    if not isinstance(body, dict):
        return [], ""
    entries, token = body.get("accounts"), body.get("nextPageToken")
    accounts = entries if isinstance(entries, list) else []
    names = [it.get("name") for it in accounts if isinstance(it, dict)]
    return names, token if isinstance(token, str) else ""
