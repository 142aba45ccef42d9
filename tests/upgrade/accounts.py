"""The accounts that the release watched, and one server that stands for all their providers."""

from collections import Counter
from typing import Any
from urllib.parse import quote, unquote

from local.loopback import LoopbackServer, Reply, Request

JsonObject = dict[str, Any]

KEY = "Canary9Qx/+=&"
"""A canary, like the keys in local/world.py: the tests search all output for it."""

BOOKS = "Zürich Bücher"


def _account(name: str, provider: str = "you", **fields: object) -> JsonObject:
    return {"name": name, "provider": provider, **fields}


def _payer(name: str) -> JsonObject:
    return _account(name, "vonage", variables={"trx": f"payment-of-{name}"})


_LOW: JsonObject = {"alert_below": "20"}
_FINANCE: JsonObject = {"labels": {"team": "finance"}}
_SMALL: JsonObject = {"labels": {"tier": "small"}}

ACCOUNTS = (
    _account("quiet", **_LOW),
    _account("spends"),
    _account("search", alert_below="500"),
    _account(BOOKS, **_LOW),
    _account("pending", **_FINANCE),
    _account("images", "legnext"),
    _account("llm", "aimlapi-detail"),
    _account("revoked"),
    _account("walled"),
    _account("breaks", **_LOW),
    _account("returns", **_LOW),
    _account("held-back", **_SMALL),
    _account("muted", **_LOW),
    _account("worsens", **_LOW, **_SMALL),
    _account("fires", **_LOW),
    _account("resolves", **_LOW),
    _account("rises"),
    _account("sms", "vonage", alert_below="10"),
    _account("crawl", "firecrawl", alert_below="1000"),
    _account("tokens", "acme", alert_below="5e9"),
    _account("no-limit", "openrouter-key", alert_below="10"),
    _account("finance", **_LOW, **_FINANCE),
    _account("leaves", **_LOW),
    *map(_payer, ("pays-paid", "pays-unknown", "pays-claimed", "pays-cleared")),
    *map(_payer, ("pays-owed", "pays-refused")),
)
RUNS_DRY: dict[str, dict[str, int]] = {
    "crawl": {"sns": 1, "slack:default": 1, "slack:oncall": 1},
    "finance": {"sns": 1, "slack:default": 1},
    "fires": {"sns": 1, "slack:default": 1, "slack:oncall": 1},
    "images": {"sns": 1, "slack:default": 1, "slack:oncall": 1},
    "muted": {"sns": 1, "slack:default": 1},
    "returns": {"sns": 1, "slack:default": 1},
    "worsens": {"sns": 1, "slack:default": 1, "slack:oncall": 1},
    BOOKS: {"sns": 1, "slack:default": 1},
}
"""The channels that hear of `runs_dry`, a rule that the release lacks, by account."""

PROVIDERS: dict[str, str] = {account["name"]: account["provider"] for account in ACCOUNTS}

_BODIES = {
    "you": '{{"data": {{"attributes": {{"balance": {bal}e2}}}}}}',
    "vonage": '{{"value": {bal}, "autoReload": {reload}}}',
    "legnext": '{{"code": 200, "data": {{"balance_usd": {bal}, "available_credits": {credits},'
    ' "available_points": {points}, "alert_threshold": {limit}, "low_balance_alert": {flag},'
    ' "updated_at": "{as_of}"}}, "message": "success"}}',
    "aimlapi-detail": '{{"current_balance": {bal}, "currency": "{cur}", "autotopup_settings":'
    ' {{"is_enabled": {reload}, "threshold": {reload_at}, "amount": {reload_by}}}}}',
    "firecrawl": '{{"success": true, "data": {{"remainingCredits": {bal},'
    ' "billingPeriodEnd": "2026-12-01T00:00:00Z"}}}}',
    "openrouter-key": '{{"data": {{"limit": 20, "limit_remaining": {bal}}}}}',
    "acme": '{{"left": {bal}, "says": "{status}"}}',
}
"""The reply of each provider, with the fields of a reading under their names in the table."""

NO_LIMIT = Reply(200, b'{"data": {"limit": null, "limit_remaining": null}}')
NO_BALANCE = Reply(200, b'{"data": {"attributes": {}}}')
KEY_REJECTED = Reply(401, b'{"detail": "Problems with API key."}')
BLOCKED = Reply(403, b"<html><title>Access denied</title></html>", "text/html")
PAID = Reply(200, b'{"error-code": "200", "error-code-label": "success"}')


class Providers(LoopbackServer):
    """The provider of every account; the first part of the path names the account."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: dict[str, Reply] = {}

    def answer(self, request: Request) -> Reply:
        return PAID if request.method == "POST" else self.replies[_account_of(request)]

    def show(self, name: str, **fields: object) -> None:
        """Sets the reading that an account's provider reports from now on."""
        body = _BODIES[PROVIDERS[name]].format(**fields)
        self.replies[name] = Reply(200, body.encode())

    def entry(self, account: JsonObject) -> JsonObject:
        """Returns an account's entry in the secret."""
        credentials = {"api_key": KEY}
        if account["provider"] == "vonage":
            credentials["api_secret"] = f"{KEY}secret"
        base_url = f"{self.url}/{quote(account['name'], safe='')}"
        return {**account, "credentials": credentials, "base_url": base_url}

    @property
    def payments(self) -> Counter[str]:
        """The number of payments that were requested, by account."""
        return Counter(
            _account_of(request) for request in self.requests if request.method == "POST"
        )


def _account_of(request: Request) -> str:
    return unquote(request.path.split("/")[1])
