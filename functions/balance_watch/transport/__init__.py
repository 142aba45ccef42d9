"""HTTP: the only package that sends requests, to providers, webhooks and heartbeat addresses."""

from balance_watch.transport.client import (
    MAX_BODY,
    USER_AGENT,
    Reply,
    Request,
    Transport,
    why_refused,
)
from balance_watch.transport.errors import TransportError

__all__ = [
    "MAX_BODY",
    "USER_AGENT",
    "Reply",
    "Request",
    "Transport",
    "TransportError",
    "why_refused",
]
