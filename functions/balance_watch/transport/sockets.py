"""Sockets that keep to a deadline and lead to public addresses alone.

Every wait counts against one deadline of the thread's exchange, TLS included. Names are resolved
here, and the address that was checked is the address that is connected to.
"""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterator
from queue import Empty, SimpleQueue
from typing import Any


class NotTrustedError(OSError):
    """The name stands for an address inside."""


class Exchange(threading.local):
    """What this thread is at: until when, and whether any of the request has left."""

    ends_at = float("inf")
    sent = False

    def left(self) -> float:
        """Returns the seconds left; raises TimeoutError when there are none."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("out of time")
        return left


current = Exchange()


@contextlib.contextmanager
def ending_at(at: float) -> Iterator[None]:
    """Has everything that this thread does on these sockets end at a time of time.monotonic()."""
    current.ends_at, current.sent = at, False
    try:
        yield
    finally:
        current.ends_at = float("inf")


class _Socket(socket.socket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:  # noqa: ANN401 (as its base)
        self.settimeout(current.left())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (as its base)
        self.settimeout(current.left())
        current.sent = True
        super().sendall(*args, **kwargs)


class TlsSocket(ssl.SSLSocket):
    """A TLS socket that keeps to the deadline."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:  # noqa: ANN401, D102 (as its base)
        self.settimeout(current.left())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401, D102 (as its base)
        self.settimeout(current.left())
        current.sent = True
        super().sendall(*args, **kwargs)


class Network:
    """The way to names and addresses; a test has its own."""

    def resolve(self, host: str, port: int) -> list[Any]:
        """Returns the addresses of a host, as socket.getaddrinfo does, within the deadline.

        getaddrinfo itself knows no deadline, so that a name server that hangs would hold up the
        account for as long as it likes: it is left alone with that.
        """
        found: SimpleQueue[list[Any] | OSError | UnicodeError] = SimpleQueue()

        def look_up() -> None:
            try:
                found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.put(error)

        threading.Thread(target=look_up, daemon=True).start()
        try:
            addresses = found.get(timeout=current.left())
        except Empty:
            raise TimeoutError("the host's name was not resolved in time") from None
        if isinstance(addresses, Exception):
            raise addresses
        return addresses

    def connect(self, connection: socket.socket, address: Any) -> None:  # noqa: ANN401 (a family's own)
        """Connects to an address that may be connected to."""
        connection.connect(address)


def connected(host: str, port: int, trusted: Collection[str], network: Network) -> socket.socket:
    """Connects to the first address of a host that may be connected to.

    The address that was checked is the address that is connected to: the name is not looked up a
    second time, when it might stand for another one.
    """
    anything_goes = authority(host, port) in trusted
    refused: OSError = OSError("no address")
    for family, kind, protocol, _, address in network.resolve(host, port):
        if not anything_goes and not _is_public(str(address[0])):
            refused = NotTrustedError("not a public address")
            continue
        connection = _Socket(family, kind, protocol)
        try:
            connection.settimeout(current.left())
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            network.connect(connection, address)
        except OSError as error:
            connection.close()
            refused = error
        else:
            return connection
    raise refused


def authority(host: str | None, port: int) -> str:
    """The form of TRUSTED_HOSTS, in lower case as urlsplit() gives a host."""
    return f"[{host}]:{port}" if host and ":" in host else f"{host}:{port}"


_TRANSLATED = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("64:ff9b::/96"))
"""Whose last four bytes are an IPv4 address: IPv4-compatible (RFC 4291) and NAT64 (RFC 6052)."""

_LOCAL = tuple(
    map(
        ipaddress.IPv6Network,
        ("fec0::/10", "64:ff9b:1::/48", "::ffff:0:0:0/96", "3fff::/20", "5f00::/16"),
    )
)
"""Global to the ipaddress of Python 3.11, and yet no way out: site-local (RFC 3879), local-use
NAT64 (RFC 8215), IPv4-translated (RFC 2765), documentation (RFC 9637), segment routing (RFC 9602).
"""


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if any(parsed in network for network in _TRANSLATED):
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if any(parsed in network for network in _LOCAL) or not (inner is None or inner.is_global):
            return False
    return parsed.is_global and not parsed.is_multicast
