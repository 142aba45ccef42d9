"""Sockets that keep to a deadline and connect only to public addresses.

Every wait counts against one deadline of the thread's exchange, TLS included. Names are resolved
here, so that a connection goes to the very address that was checked.
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

Argument = Any
"""An argument of a method of the standard library that is passed on as it is."""

AddressInfo = tuple[Any, ...]
"""What socket.getaddrinfo returns for an address: family, type, protocol, name, address."""

SocketAddress = Any
"""What socket.connect accepts; its form depends on the address family."""


class NotTrustedError(OSError):
    """The name resolves to a private address."""


class Exchange(threading.local):
    """This thread's exchange: its deadline, and whether any part of the request was sent."""

    ends_at = float("inf")
    sent = False

    def time_left(self) -> float:
        """Returns the seconds until the deadline; raises TimeoutError if it has passed."""
        seconds = self.ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("out of time")
        return seconds


current = Exchange()


@contextlib.contextmanager
def deadline(ends_at: float) -> Iterator[None]:
    """Sets the deadline of all that this thread does on these sockets, on time.monotonic()."""
    current.ends_at, current.sent = ends_at, False
    try:
        yield
    finally:
        current.ends_at = float("inf")


class DeadlineSocket(socket.socket):
    """A socket that keeps to the deadline and notes when something is sent."""

    def recv_into(self, *args: Argument, **kwargs: Argument) -> int:
        """Receives as a socket does, until the deadline."""
        self.settimeout(current.time_left())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Argument, **kwargs: Argument) -> None:
        """Sends as a socket does, until the deadline."""
        self.settimeout(current.time_left())
        current.sent = True
        super().sendall(*args, **kwargs)


class TlsSocket(DeadlineSocket, ssl.SSLSocket):
    """A socket with TLS that keeps to the deadline too."""


class Network:
    """Resolves names and connects to addresses; tests replace it."""

    def resolve(self, host: str, port: int) -> list[AddressInfo]:
        """Returns the addresses of a host, as socket.getaddrinfo does, within the deadline.

        getaddrinfo has no timeout, and a name server that hangs would delay the account without
        limit: so it runs in a thread of its own, which is abandoned at the deadline.
        """
        result: SimpleQueue[list[AddressInfo] | OSError | UnicodeError] = SimpleQueue()

        def look_up() -> None:
            try:
                result.put([*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
            except (OSError, UnicodeError) as error:
                result.put(error)

        threading.Thread(target=look_up, daemon=True).start()
        try:
            addresses = result.get(timeout=current.time_left())
        except Empty:
            raise TimeoutError("the host name was not resolved in time") from None
        if isinstance(addresses, Exception):
            raise addresses
        return addresses

    def connect(self, connection: socket.socket, address: SocketAddress) -> None:
        """Connects to an address, which has been checked."""
        connection.connect(address)


def connect(host: str, port: int, trusted: Collection[str], network: Network) -> socket.socket:
    """Connects to the first address of a host that is public, or to any if the host is trusted.

    Resolves the name only once, for the check and for the connection: the second time it might
    resolve to another address.
    """
    is_trusted = authority(host, port) in trusted
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in network.resolve(host, port):
        if not is_trusted and not _is_public(str(address[0])):
            failure = NotTrustedError("not a public address")
            continue
        connection = DeadlineSocket(family, kind, protocol)
        try:
            connection.settimeout(current.time_left())
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            network.connect(connection, address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def authority(host: str | None, port: int) -> str:
    """Returns `host:port` as in TRUSTED_HOSTS; urlsplit() gives the host in lower case."""
    return f"[{host}]:{port}" if host and ":" in host else f"{host}:{port}"


def is_private(host: str) -> bool:
    """Tells whether a host is no public address by its very text; a name may still lead to one."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True  # RFC 6761
    try:
        return not _is_public(host)
    except ValueError:
        return False


_WITH_IPV4 = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("64:ff9b::/96"))
"""Their last four bytes are an IPv4 address: IPv4-compatible (RFC 4291) and NAT64 (RFC 6052)."""

_LOCAL = tuple(
    map(
        ipaddress.IPv6Network,
        ("fec0::/10", "64:ff9b:1::/48", "::ffff:0:0:0/96", "3fff::/20", "5f00::/16"),
    )
)
"""Global to the ipaddress of Python 3.11, and yet not public: site-local (RFC 3879), local-use
NAT64 (RFC 8215), IPv4-translated (RFC 2765), documentation (RFC 9637), segment routing (RFC 9602).
"""


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if any(parsed in network for network in _WITH_IPV4):
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if any(parsed in network for network in _LOCAL) or not (inner is None or inner.is_global):
            return False
    return parsed.is_global and not parsed.is_multicast
