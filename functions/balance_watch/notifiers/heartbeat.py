"""Pings a dead man's switch, such as healthchecks.io, after a run: with success or failure."""

import logging
from threading import Thread

from balance_watch.transport import Request, Transport, TransportError

_log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 2.0


def ping(transport: Transport, url: str, *, success: bool) -> None:
    """Pings the address, or its `/fail` (https://healthchecks.io/docs/signaling_failures/).

    A failed ping is only logged, because the switch alarms when a ping is missing. The call takes
    at most two seconds, even while the name does not resolve.
    """
    target = url if success else f"{url.rstrip('/')}/fail"
    thread = Thread(target=_send, args=(transport, target), daemon=True)
    thread.start()
    thread.join(_TIMEOUT_SECONDS)


def _send(transport: Transport, url: str) -> None:
    try:
        transport.exchange(Request("GET", url), timeout=_TIMEOUT_SECONDS)
    except TransportError as error:
        _log.error("heartbeat not sent", extra={"why": error.message})
