"""The webhook channel: an alert's JSON, signed as Standard Webhooks says, one alert a request.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the
signature is HMAC-SHA256 over id, timestamp of the attempt and body; the id stays the same at every
attempt and has no full stop; a secret is 24 to 64 bytes in base64 after `whsec_`; any 2xx accepts,
3xx is a failure, 410 asks for no more, 429, 502 and 504 ask for fewer requests.
"""

import hashlib
import hmac
import json
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from balance_watch.domain.notification import Notification
from balance_watch.notifiers.exact_json import for_machines
from balance_watch.notifiers.posting import Message, PostingChannel, PostResult, Service, sort_reply
from balance_watch.notifiers.webhooks import addresses_in, parse_entries
from balance_watch.transport import Reply, Request, Transport
from balance_watch.validation import Faults, Json

_NAME = "The webhook"
_MARK = "whsec_"
_NEW_BYTES = 32
_BYTES = range(24, 65)
_SUCCESS = range(200, 300)


def new_signing_secret() -> str:
    """Returns a new secret to sign with."""
    return _MARK + b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def parse_signed_webhooks(secret: Json, where: str, faults: Faults) -> dict[str, str]:
    """Returns the addresses of `{"webhooks": {NAME: URL}, "signing_secret": "whsec_…"}` by name.

    The address of a channel is the URL, a space and the signing secret.
    """
    entries = parse_entries(secret, "webhooks", where, faults, "signing_secret")
    urls = addresses_in(entries, where, faults, query=True)
    text = secret.get("signing_secret") if isinstance(secret, dict) else None
    if not entries and faults:
        return {}
    if not isinstance(text, str) or _key(text.strip()) is None:
        faults.add(where, 'signing_secret must be "whsec_" and 24 to 64 bytes in base64')
        return {}
    return {name: f"{url} {text.strip()}" for name, url in urls.items()}


def webhook_channel(
    transport: Transport, address: str, *, now: Callable[[], float] = time.time
) -> PostingChannel:
    """Returns the channel at an address, as `parse_signed_webhooks` makes it."""
    url, _, signing_secret = address.partition(" ")
    key = _key(signing_secret) or b""
    return PostingChannel(Service(_NAME, partial(_render, url, key, now), _parse), transport)


def _render(
    url: str, key: bytes, now: Callable[[], float], notifications: Sequence[Notification]
) -> Iterator[Message]:
    for notification in notifications:
        body = json.dumps(for_machines(notification)).encode()
        timestamp = f"{int(now())}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notification.alert_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign(key, notification.alert_id, timestamp, body),
        }
        yield (notification,), Request("POST", url, headers=headers, body=body)


def sign(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    """Returns the signature of a request."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def _key(signing_secret: str) -> bytes | None:
    """Returns the bytes of a signing secret; None if it is not one."""
    if not signing_secret.startswith(_MARK):
        return None
    try:
        key = b64decode(signing_secret.removeprefix(_MARK), validate=True)
    except ValueError:
        return None
    return key if len(key) in _BYTES else None


def _parse(reply: Reply) -> PostResult:
    return sort_reply(_NAME, reply.status, *_SUCCESS)
