"""The PagerDuty channel: events for one routing key of the Events API v2, one alert each.

An account and metric is one alert of PagerDuty: it is triggered, triggered again, and resolved by
one `dedup_key`. A top-up or a digest opens nothing, so nothing is sent for it.

https://github.com/PagerDuty/developer-docs/tree/main/docs/events-API-v2, the text of
https://developer.pagerduty.com: 01-Overview (an event has up to 512 KB; 202 accepted, 400 invalid
and no retry, 429 and 5xx later), 02-Trigger-Events (a summary has up to 1,024 characters, a
dedup_key 255; a resolve without an open alert is dropped; while an incident is acknowledged, a
further trigger notifies nobody) and 05-Rate-Limits (about 120 events a minute and key). A routing
key that is malformed is refused with 400
(https://github.com/robusta-dev/robusta/issues/571); 403 is the older Events API's word for too many
events. Whether a key of a deleted integration is refused is not confirmed.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from balance_watch.domain.formatting import iso_time
from balance_watch.domain.notification import Notification, Reason
from balance_watch.notifiers.exact_json import for_machines
from balance_watch.notifiers.literal import cut, printable
from balance_watch.notifiers.posting import Message, PostingChannel, PostResult, Service, sort_reply
from balance_watch.notifiers.text import pace, summary_line
from balance_watch.notifiers.webhooks import parse_entries, valid_entries
from balance_watch.transport import Reply, Request, Transport
from balance_watch.validation import Faults, Json, is_address

BASE_URL = "https://events.pagerduty.com"
"""The address of the US region; that of the EU is https://events.eu.pagerduty.com."""

MAX_SUMMARY = 1024
MAX_DEDUP_KEY = 255
_MAX_DETAIL = 10_000
_MAX_LABEL = 100
_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_NAME = "PagerDuty"


def parse_routing_keys(secret: Json, where: str, faults: Faults) -> dict[str, str]:
    """Returns the addresses of `{"routing_keys": {NAME: KEY}, "base_url": URL}` by name.

    The address of a channel is the base URL, a space and the routing key.
    """
    entries = parse_entries(secret, "routing_keys", where, faults, "base_url")
    base_url: object = secret.get("base_url") if isinstance(secret, dict) else None
    if base_url is None:
        base_url = BASE_URL
    if not isinstance(base_url, str) or not is_address(base_url.strip()):
        faults.add(where, "base_url is not an https address")
        return {}
    nouns = ("routing key", "a key of up to 100 characters without a space")
    keys = valid_entries(entries, nouns, lambda key: _KEY.fullmatch(key) is not None, where, faults)
    return {name: f"{base_url.strip().rstrip('/')} {key}" for name, key in keys.items()}


def pagerduty_channel(transport: Transport, address: str) -> PostingChannel:
    """Returns the channel at an address, as `parse_routing_keys` makes it."""
    base_url, _, key = address.partition(" ")
    render = partial(_render, f"{base_url}/v2/enqueue", key)
    return PostingChannel(Service(_NAME, render, _parse), transport)


def _render(url: str, key: str, notifications: Sequence[Notification]) -> Iterator[Message]:
    for notification in notifications:
        if notification.reason in (Reason.TOPPED_UP, Reason.DIGEST):
            yield (notification,), None
        else:
            body = {"routing_key": key, **event(notification)}
            yield (notification,), Request("POST", url, json=body)


def _parse(reply: Reply) -> PostResult:
    return sort_reply(_NAME, reply.status, HTTPStatus.ACCEPTED)


def event(notification: Notification) -> dict[str, Any]:
    """Returns the event of a notification, without its routing key."""
    if notification.reason is Reason.RESOLVED:
        return {"event_action": "resolve", "dedup_key": dedup_key(notification)}
    link = notification.link
    links = [{"href": link, "text": "Billing page"}] if link else []
    return {
        "event_action": "trigger",
        "dedup_key": dedup_key(notification),
        "client": "balance-watch",
        "links": links,
        "payload": {
            "summary": cut(printable(summary_line(notification)), MAX_SUMMARY),
            "source": cut(printable(notification.account), MAX_DEDUP_KEY),
            "severity": notification.severity.value,
            "timestamp": iso_time(notification.said_at),
            "component": notification.provider,
            "class": notification.metric.value,
            "custom_details": _details(notification),
        },
    }


def dedup_key(notification: Notification) -> str:
    """Returns what an account's metric is known by at PagerDuty: hashed if it is too long."""
    key = f"balance-watch/{notification.account}/{notification.metric}"
    if len(key.encode()) <= MAX_DEDUP_KEY:
        return key
    return f"balance-watch/{hashlib.sha256(key.encode()).hexdigest()}"


def _details(notification: Notification) -> dict[str, Any]:
    """Returns what is known of the facts of a notification, each cut off at a sane length."""
    labels = notification.labels.items()
    details = {
        # What people read comes first, in case the order is kept.
        "detail": cut(notification.detail, _MAX_DETAIL),
        "pace": pace(notification),
        **for_machines(notification),
        "labels": {cut(name, _MAX_LABEL): cut(value, _MAX_LABEL) for name, value in labels},
    }
    return {name: value for name, value in details.items() if value}
