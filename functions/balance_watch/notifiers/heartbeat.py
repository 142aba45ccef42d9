"""Pings a dead man's switch, such as healthchecks.io, after a run: with success or failure."""

import logging
from threading import Thread
from urllib.parse import urlsplit

from balance_watch.transport import Request, Transport, TransportError
from balance_watch.validation import Faults, Json, is_address

HEARTBEAT = "heartbeat"
"""The name of the secret, without the prefix."""

_log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 2.0


def parse_heartbeat(secret: Json, where: str, faults: Faults) -> str | None:
    """Returns the address of `{"url": URL}`, which may have a query; None after adding the fault.

    Args:
        secret: the secret as parsed JSON.
        where: the secret's place, for faults. None shows the address.
        faults: gets every fault.
    """
    if not isinstance(secret, dict) or set(secret) != {"url"}:
        faults.add(where, 'must be a JSON object with the one field "url"')
        return None
    url = secret["url"].strip() if isinstance(secret["url"], str) else ""
    if not is_address(url, query=True):
        faults.add(where, "url is not an https address")
        return None
    return url


def ping(transport: Transport, url: str, *, success: bool) -> None:
    """Pings the address, or its `/fail` (https://healthchecks.io/docs/signaling_failures/).

    A failed ping is only logged, because the switch alarms when a ping is missing. The call takes
    at most two seconds, even while the name does not resolve.
    """
    target = url if success else _failure_of(url)
    thread = Thread(target=_send, args=(transport, target), daemon=True)
    thread.start()
    thread.join(_TIMEOUT_SECONDS)


def _failure_of(url: str) -> str:
    """Returns the address that reports a failure; a query such as `?create=1` stays behind it."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/fail").geturl()


def _send(transport: Transport, url: str) -> None:
    try:
        transport.exchange(Request("GET", url), timeout=_TIMEOUT_SECONDS)
    except TransportError as error:
        _log.error("heartbeat not sent", extra={"why": error.message})
