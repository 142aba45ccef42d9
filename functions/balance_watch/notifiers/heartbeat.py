"""Tells a dead man's switch (healthchecks.io or alike) that a run came to its end, and how."""

import logging

from balance_watch.transport import Request, Transport, TransportError

_log = logging.getLogger(__name__)
_SECONDS = 5.0


def ping(transport: Transport, url: str, *, well: bool) -> None:
    """Pings the address, or its `/fail` (https://healthchecks.io/docs/signaling_failures/).

    That it could not be pinged is logged, no more: the switch notices by itself.
    """
    try:
        transport.exchange(
            Request("GET", url if well else f"{url.rstrip('/')}/fail"), timeout=_SECONDS
        )
    except TransportError as error:
        _log.error("heartbeat not sent", extra={"why": error.message})
