"""Tells a dead man's switch (healthchecks.io or alike) that a run came to its end, and how."""

import logging
from threading import Thread

from balance_watch.transport import Request, Transport, TransportError

_log = logging.getLogger(__name__)
_SECONDS = 2.0


def ping(transport: Transport, url: str, *, well: bool) -> None:
    """Pings the address, or its `/fail` (https://healthchecks.io/docs/signaling_failures/).

    That it could not be pinged is logged, no more: the switch notices by itself. It takes two
    seconds at most, however long a name takes to resolve.
    """
    pinging = Thread(target=_ping, args=(transport, url), kwargs={"well": well}, daemon=True)
    pinging.start()
    pinging.join(_SECONDS)


def _ping(transport: Transport, url: str, *, well: bool) -> None:
    try:
        transport.exchange(
            Request("GET", url if well else f"{url.rstrip('/')}/fail"), timeout=_SECONDS
        )
    except TransportError as error:
        _log.error("heartbeat not sent", extra={"why": error.message})
