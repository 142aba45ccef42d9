"""Vonage's account API on loopback: the balance and the top-up."""

import base64
import binascii
from http import HTTPStatus
from urllib.parse import parse_qs

from local.loopback import Reply, Request
from local.provider_server import ProviderAccount, ProviderServer, in_json


class VonageServer(ProviderServer):
    """GET /account/get-balance, POST /account/top-up (Nexmo/api-specification, account.yml).

    Credentials come as HTTP Basic or in the query. The keys of `accounts` are `key:secret`, as in
    Basic. Replies are JSON, or XML for a client that accepts XML and not JSON.
    """

    def credential(self, request: Request) -> str:
        """Returns `key:secret` from the header, or else from the query."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return f"{request.query.get('api_key', '')}:{request.query.get('api_secret', '')}"
        try:
            return base64.b64decode(token, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""

    def documented_reply(self, request: Request, account: ProviderAccount) -> Reply | None:
        """Returns the balance, or tops up."""
        match request.method, request.path:
            case "GET", "/account/get-balance":
                content = {"value": account.balance, "autoReload": account.auto_reload}
                return _in_xml_or_json(request, "accountBalance", content)
            case "POST", "/account/top-up":
                return self._top_up(request, account)
            case _:
                return None

    def error_reply(self, request: Request, status: int) -> Reply:
        """Returns `{"error-code": "401", "error-code-label": …}`: codes are strings."""
        phrase = "authentication failed" if status == HTTPStatus.UNAUTHORIZED else None
        return _vonage_result(request, status, phrase or HTTPStatus(status).phrase.lower())

    def _top_up(self, request: Request, account: ProviderAccount) -> Reply:
        reference = parse_qs(request.body.decode()).get("trx", [""])[0]
        if not reference:  # undocumented: the specification only requires trx
            return _vonage_result(request, 400, "missing trx")
        if not account.auto_reload:
            return _vonage_result(request, 401, "not auto-reload enabled")
        account.top_ups.append(reference)
        account.balance += account.auto_reload_amount
        return _vonage_result(request, 200, "success")


def _vonage_result(request: Request, status: int, label: str) -> Reply:
    # In the specification the address sets the XML root: a failed balance is an accountBalance too.
    root = "accountBalance" if request.path.endswith("get-balance") else "response"
    content: dict[str, object] = {
        "error-code": str(status),
        "error-code-label": label,
    }
    return _in_xml_or_json(request, root, content, status)


def _in_xml_or_json(
    request: Request, root: str, content: dict[str, object], status: int = 200
) -> Reply:
    accept = request.headers.get("accept", "")
    if "xml" not in accept or "json" in accept:
        return in_json(content, status)
    lines = [f"  <{name}>{_xml_text(value)}</{name}>" for name, value in content.items()]
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    body = "\n".join([head, f"<{root}>", *lines, f"</{root}>"])
    return Reply(status, body.encode(), "application/xml")


def _xml_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"
