"""Loopback servers that speak the documented replies of the first four providers.

Every server has accounts by credential. A scenario or a test changes them between two checks:

    with YouServer() as you:
        you.accounts["key"] = ProviderAccount(balance=Decimal("7189.245"))
        you.trouble = OUTAGE                      # the whole provider
        you.accounts["key"].trouble = slow(3)     # one account

Balances are in the account's currency; a server converts to the provider's unit (cents, credits).
Revoking a key is `del you.accounts["key"]`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import uuid4

from local.loopback import Reply, Request
from local.provider_server import (
    ProviderAccount,
    ProviderServer,
    blocked_by_front,
    in_json,
    scaled,
)
from local.vonage import VonageServer

__all__ = ["AimlapiServer", "LegnextServer", "ProviderAccount", "VonageServer", "YouServer"]

V1_CREDITS_PER_DOLLAR = 2_000_000
"""docs.aimlapi.com/faq/how-can-i-track-my-funds."""

V1_LOW_BALANCE_CREDITS = 10_000
"""docs.aimlapi.com/api-references/can-i-get-my-billing-info-via-api-request, the sample."""


class LegnextServer(ProviderServer):
    """GET /api/account/balance, header x-api-key (legnext-ai/sdks, openapi.yaml, response.md).

    With `flat`, the reply is the bare object that the documentation describes, without the envelope
    of its samples.
    """

    flat = False

    def credential(self, request: Request) -> str:
        """Returns the x-api-key header."""
        return request.headers.get("x-api-key", "")

    def documented_reply(self, request: Request, account: ProviderAccount) -> Reply | None:
        """Returns the balance: in all published samples, credits and points together over 1000."""
        if (request.method, request.path) != ("GET", "/api/account/balance"):
            return None
        data = {
            "account_id": 1,
            "balance_usd": account.balance,
            "available_credits": int(account.balance * 1000) - account.points,
            "available_points": account.points,
            "alert_threshold": account.threshold,
            "low_balance_alert": account.flag,
            # Nine fractional digits, as in the samples; Python's times have six.
            "updated_at": f"{account.updated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}288Z",
        }
        return in_json(data if self.flat else {"code": 200, "data": data, "message": "success"})

    def error_reply(self, request: Request, status: int) -> Reply:
        """Returns the envelope with an error code; no error body is published."""
        del request
        return in_json({"code": status, "message": HTTPStatus(status).phrase.lower()}, status)


class YouServer(ProviderServer):
    """GET /v1/billing/account_balance, header X-API-Key, in cents (you.com/docs/api-reference).

    Its front answers 403 to the default User-Agent of Python's HTTP clients.
    """

    def credential(self, request: Request) -> str:
        """Returns the X-API-Key header."""
        return request.headers.get("x-api-key", "")

    def front_reply(self, request: Request) -> Reply | None:
        """Returns Cloudflare's error 1010 for Python-urllib, python-requests and the like."""
        agent = request.headers.get("user-agent", "python")
        return blocked_by_front() if agent.lower().startswith("python") else None

    def documented_reply(self, request: Request, account: ProviderAccount) -> Reply | None:
        """Returns `718924.5` cents for 7,189.245 USD."""
        if (request.method, request.path) != ("GET", "/v1/billing/account_balance"):
            return None
        attributes = {"balance": scaled(account.balance, 100)}
        data = {"type": "account", "id": "hashed-account", "attributes": attributes}
        return in_json({"data": data})

    def error_reply(self, request: Request, status: int) -> Reply:
        """Returns `{"detail": …}`."""
        del request
        details = {401: "Problems with API key.", 403: "API key lacks scope for this path."}
        return in_json({"detail": details.get(status, HTTPStatus(status).phrase)}, status)


class AimlapiServer(ProviderServer):
    """GET /v1/billing/balance, /v2/billing, /v2/billing/detail, Bearer (docs.aimlapi.com).

    `now` gives the time of a request, which v1 reports as the time of the balance.
    """

    now: Callable[[], datetime] = staticmethod(lambda: datetime.now(UTC))

    def credential(self, request: Request) -> str:
        """Returns the bearer token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else ""

    def documented_reply(self, request: Request, account: ProviderAccount) -> Reply | None:
        """Returns the same account at each of the three addresses."""
        if request.method != "GET":
            return None
        match request.path:
            case "/v2/billing":
                return in_json({"current_balance": account.balance, "currency": "USD"})
            case "/v2/billing/detail":
                return self._detail(account)
            case "/v1/billing/balance":
                return self._v1(account)
            case _:
                return None

    def error_reply(self, request: Request, status: int) -> Reply:
        """Returns the body of docs.aimlapi.com/errors-and-messages, its status code a string."""
        content = {
            "message": HTTPStatus(status).phrase,
            "path": request.path,
            "requestId": str(uuid4()),
            "statusCode": str(status),
            "timestamp": self._timestamp(),
        }
        return in_json(content, status)

    def _detail(self, account: ProviderAccount) -> Reply:
        settings = {
            "is_enabled": account.auto_reload,
            "threshold": account.threshold,
            "amount": account.auto_reload_amount,
            "currency": "USD",
        }
        content = {
            "user_id": 111,
            "email": "user@example.com",
            "current_balance": account.balance,
            "currency": "USD",
            "autotopup_settings": settings,
        }
        return in_json(content)

    def _v1(self, account: ProviderAccount) -> Reply:
        content = {
            "balance": scaled(account.balance, V1_CREDITS_PER_DOLLAR),
            "lowBalance": account.flag,
            "lowBalanceThreshold": V1_LOW_BALANCE_CREDITS,
            "lastUpdated": self._timestamp(),
            "autoDebitStatus": "enabled" if account.auto_reload else "disabled",
            "status": "current",
            "statusExplanation": "Balance is current and up to date",
        }
        return in_json(content)

    def _timestamp(self) -> str:
        return self.now().astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
