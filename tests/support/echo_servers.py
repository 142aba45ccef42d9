"""Servers that repeat the secrets they are sent: providers, webhooks, and Slack's inbox."""

from base64 import b64encode
from dataclasses import replace
from urllib.parse import quote_plus

from local import loopback
from local.slack_inbox import SlackInbox
from tests.support.canaries import CORE, key

ECHO = b'{"detail": "<key> <url> <base64>", "error-code-label": "<key>", "message": "<pair>"}'
FINE = b'{"data": {"attributes": {"balance": 9900}}}'
LOW = b'{"data": {"attributes": {"balance": 100}}}'
STATUS = b'{"balance": 1, "statusExplanation": "the key <key> is <url> is <base64>, with love"}'
LONG_STATUS = b'{"balance": 1, "statusExplanation": "%s<key>%s"}' % (b"x" * 195, b"y" * 9_800)

REPLIES: dict[str, tuple[str, loopback.Reply]] = {
    "low": ("you", loopback.Reply(200, LOW)),
    "paying": ("vonage", loopback.Reply(200, b'{"value": 1, "autoReload": true}')),
    "rejected": ("you", loopback.Reply(401, ECHO, headers={"WWW-Authenticate": "Key <key>"})),
    "not-allowed": ("vonage", loopback.Reply(403, ECHO)),
    "blocked": ("vonage", loopback.Reply(403, b"<html>" + ECHO, "text/html")),
    "limited": ("vonage", loopback.Reply(429, ECHO, headers={"Retry-After": "<key>"})),
    "failing": ("legnext", loopback.Reply(503, ECHO)),
    "moved": ("vonage", loopback.Reply(302, ECHO, headers={"Location": "https://<url>/?<key>"})),
    "unparsable": ("you", loopback.Reply(200, b'{"<key>')),
    "a-page": ("legnext", loopback.Reply(200, b"<html><key>")),
    "xml": ("vonage", loopback.Reply(200, b"<a><value><base64></value></a>", "application/xml")),
    "no-number": ("you", loopback.Reply(200, LOW.replace(b"100", b'"<key>"'))),
    "no-currency": (
        "aimlapi",
        loopback.Reply(200, b'{"current_balance": 1, "currency": "<key>"}'),
    ),
    "no-code": ("legnext", loopback.Reply(200, b'{"code": "<key>", "message": "<key>"}')),
    "explains": ("aimlapi-v1-legacy", loopback.Reply(200, STATUS)),
    "explains-at-length": ("aimlapi-v1-legacy", loopback.Reply(200, LONG_STATUS)),
}
"""By account: its provider's slug, and the reply with marks for that account's keys."""


class EchoProviders(loopback.LoopbackServer):
    """Replies to the account that the first part of the path names, and repeats its key."""

    def __init__(self) -> None:
        super().__init__()
        self.replies = dict(REPLIES)

    def answer(self, request: loopback.Request) -> loopback.Reply:
        name = request.path.split("/")[1]
        _, reply = self.replies["rejected" if request.method == "POST" else name]
        return replace(
            reply,
            body=with_keys(reply.body.decode(), name).encode(),
            headers={field: with_keys(value, name) for field, value in reply.headers.items()},
        )


def with_keys(text: str, name: str) -> str:
    """Returns a text with an account's keys in place of the marks."""
    own, pair = key(name), f"{key(name)}:{key(f'{name}-secret')}"
    for mark, value in {
        "<key>": own,
        "<url>": quote_plus(own),
        "<base64>": b64encode(own.encode()).decode(),
        "<pair>": b64encode(pair.encode()).decode(),
    }.items():
        text = text.replace(mark, value)
    return text


class EchoWebhooks(loopback.LoopbackServer):
    """Webhooks and a heartbeat that repeat their own address, which is the secret."""

    def answer(self, request: loopback.Request) -> loopback.Reply:
        address = f"{self.url}{request.path}"
        moved = request.path.startswith("/moved")
        status, headers = (302, {"Location": f"{address}/on"}) if moved else (404, {})
        return loopback.Reply(status, address.encode(), "text/plain", headers)


class SecretInbox(SlackInbox):
    """An inbox whose addresses are keys, as Slack's own are."""

    def webhook(self, name: str) -> str:
        return f"{super().webhook(name)}/{key(name)}"

    def answer(self, request: loopback.Request) -> loopback.Reply:
        path, _, _ = request.path.rpartition(f"/{CORE}")
        return super().answer(replace(request, path=path))
