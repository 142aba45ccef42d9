"""The base of the providers' loopback servers: accounts by credential, and trouble."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Unpack

import msgspec

from local.loopback import Address, LoopbackServer, Reply, Request
from local.trouble import FINE, Kind, Trouble

# Encodes a Decimal as a JSON number with all its digits, never as a float.
_JSON = msgspec.json.Encoder(decimal_format="number")

_STATUS = {
    Kind.OUTAGE: 503,
    Kind.RATE_LIMITED: 429,
    Kind.KEY_REJECTED: 401,
    Kind.NOT_ALLOWED: 403,
}

# The page with which Cloudflare blocks a client by its signature ("Error 1010", its list of 1xxx
# errors), shortened.
_FRONT_PAGE = b"""<!DOCTYPE html>
<html lang="en-US">
<head><title>Access denied | Cloudflare</title></head>
<body>
<h1><span>Error</span> <span>1010</span></h1>
<h2>Access denied</h2>
<p>The owner of this website has banned your access based on your browser's signature.</p>
</body>
</html>
"""


@dataclass(slots=True)
class ProviderAccount:
    """One account as its provider sees it. Amounts are in USD or EUR, whatever the reply's unit.

    `threshold` and `flag` are the provider's own warning, `points` exist at Legnext alone, and
    `top_ups` lists the transaction references of the top-ups that took effect.
    """

    balance: Decimal
    threshold: Decimal = Decimal(10)
    flag: bool = False
    auto_reload: bool = False
    auto_reload_amount: Decimal = Decimal(100)
    points: int = 0
    updated_at: datetime = datetime(2025, 11, 5, 8, 22, 37, 784663, tzinfo=UTC)
    trouble: Trouble = FINE
    top_ups: list[str] = field(default_factory=list)


class ProviderServer(LoopbackServer):
    """Serves accounts by credential. The server and each account can have a `trouble`."""

    def __init__(self, **address: Unpack[Address]) -> None:
        super().__init__(**address)
        self.accounts: dict[str, ProviderAccount] = {}
        self.trouble: Trouble = FINE

    def credential(self, request: Request) -> str:
        """Returns the request's credential, a key of `accounts`, or "" without one."""
        raise NotImplementedError

    def documented_reply(self, request: Request, account: ProviderAccount) -> Reply | None:
        """Returns the documented reply, or None for an unknown address."""
        raise NotImplementedError

    def error_reply(self, request: Request, status: int) -> Reply:
        """Returns an error of that status with the provider's body."""
        raise NotImplementedError

    def front_reply(self, request: Request) -> Reply | None:
        """Returns the reply of a front before the API, or None if it lets the request pass."""
        del request
        return None

    def answer(self, request: Request) -> Reply:
        """Answers as the provider does, or with the trouble of the provider or else the account."""
        account = self.accounts.get(self.credential(request))
        for trouble in (self.trouble, account.trouble if account else FINE):
            reply = self._trouble_reply(request, trouble)
            if reply:
                return reply.after(trouble.latency)
        delay = self.trouble.latency + (account.trouble.latency if account else 0.0)
        lost = self.trouble.kind is Kind.LOST or (account and account.trouble.kind is Kind.LOST)
        reply = self.front_reply(request) or self._ordinary_reply(request, account)
        return Reply(lost=True, delay=delay) if lost else reply.after(delay)

    def _ordinary_reply(self, request: Request, account: ProviderAccount | None) -> Reply:
        if account is None:
            return self.error_reply(request, 401)
        return self.documented_reply(request, account) or self.error_reply(request, 404)

    def _trouble_reply(self, request: Request, trouble: Trouble) -> Reply | None:
        if trouble.kind is Kind.BLOCKED:
            return blocked_by_front()
        if trouble.kind is Kind.CANNED:
            return trouble.reply
        if trouble.kind not in _STATUS:
            return None
        error = self.error_reply(request, _STATUS[trouble.kind])
        if trouble.retry_after is None:
            return error
        return Reply(
            error.status, error.body, error.content_type, {"Retry-After": trouble.retry_after}
        )


def in_json(content: dict[str, Any], status: int = 200) -> Reply:
    """Returns `content` as a JSON reply, with every digit of a Decimal."""
    return Reply(status, _JSON.encode(content))


def blocked_by_front() -> Reply:
    """Returns the 403 of a front before the API: an HTML page that says nothing about the key."""
    return Reply(403, _FRONT_PAGE, "text/html; charset=UTF-8", {"Server": "cloudflare"})


def scaled(amount: Decimal, factor: int) -> Decimal:
    """Returns `amount * factor` without trailing zeros after the point."""
    product = (amount * factor).normalize()
    return product.quantize(Decimal(1)) if product == product.to_integral_value() else product
