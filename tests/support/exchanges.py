"""One exchange with a server: its reply, or the error that it is expected to raise."""

import time
from collections.abc import Mapping
from functools import cache

import pytest

from balance_watch.transport import Reply, Request, Transport, TransportError
from tests.support.fault_server import ALL_OF_LOOPBACK, FaultServer

DEADLINE = 0.25
FAR_TOO_LATE = 10
"""The seconds that an exchange with that deadline may take on the slowest machine."""


@cache
def on_loopback() -> Transport:
    """Returns a transport that may reach every port of 127.0.0.1."""
    return Transport(ALL_OF_LOOPBACK)


def trusting(*servers: FaultServer, ca_bundle: str | None = None) -> Transport:
    """Returns a new transport that may reach only these servers."""
    return Transport([server.authority for server in servers], ca_bundle=ca_bundle)


def exchanged(
    server: FaultServer, *, headers: Mapping[str, str] | None = None, timeout: float = 5
) -> Reply:
    """Returns a server's reply to a GET."""
    request = Request("GET", f"{server.url}/balance", headers=headers or {})
    return on_loopback().exchange(request, timeout=timeout)


def failure(
    transport: Transport, url: str, *, method: str = "GET", timeout: float = 5
) -> TransportError:
    """Returns the error of an exchange that fails soon enough."""
    began = time.monotonic()
    with pytest.raises(TransportError) as caught:
        transport.exchange(Request(method, url), timeout=timeout)
    assert time.monotonic() - began < FAR_TOO_LATE
    return caught.value
