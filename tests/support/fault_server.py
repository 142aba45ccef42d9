"""A raw-socket server that misbehaves in ways that no HTTP library allows.

    with FaultServer(replies("200 OK", b"{", content_length="99")) as server:
        ...  # at server.url; server.heads holds what clients sent

A behaviour is a function of one connection: tests/support/fault_behaviours.py has the usual ones,
and tests/support/fault_catalogue.py names the faults that they make.
"""

import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

ALL_OF_LOOPBACK = frozenset(f"127.0.0.1:{port}" for port in range(1, 65536))
"""TRUSTED_HOSTS for a transport that many tests share: loading certifi's bundle for each test would
take longer than everything else."""

HANG_SECONDS = 5.0
"""How long a behaviour hangs: a client without a deadline fails its test, but never hangs it."""


class Wire:
    """One connection, as a behaviour uses it; `request` is the last request that was read."""

    def __init__(
        self,
        connection: socket.socket,
        closing: threading.Event,
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        self._connection, self._closing = connection, closing
        self.hang_seconds = hang_seconds
        self.request = b""

    def read_request(self) -> bytes:
        """Reads a complete request, with the body that its Content-Length announces."""
        data = b""
        while b"\r\n\r\n" not in data:
            received = self._connection.recv(65536)
            if not received:
                return data
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        while lengths and len(body) < lengths[0]:
            body += self._connection.recv(65536)
        self.request = head + b"\r\n\r\n" + body
        return self.request

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._connection.sendall(data)

    def pause(self, seconds: float) -> bool:
        """Waits, and returns False if the server stops."""
        return not self._closing.wait(seconds)

    def reset(self) -> None:
        """Ends the connection with a RST instead of a FIN."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


Behaviour = Callable[[Wire], None]
"""Is called after a complete request; the connection ends when it returns."""


class FaultServer:
    """Serves one behaviour on loopback, each connection in a thread, inside a `with`.

    `heads` holds every request as it was received, body included; `connections` counts the accepted
    connections. `speaks_first`: sends without a request. `hang_seconds`: how long `hangs` waits.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        ssl_context: ssl.SSLContext | None = None,
        *,
        speaks_first: bool = False,
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        self._speaks_first, self._hang_seconds = speaks_first, hang_seconds
        self.behaviour = behaviour
        self.heads: list[bytes] = []
        self.connections = 0
        self._scheme = "https" if ssl_context else "http"
        self._ssl_context = ssl_context
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(0.5)
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    @property
    def authority(self) -> str:
        """`host:port`, the form of TRUSTED_HOSTS."""
        return f"127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Scheme, host and port, the form of an account's base_url."""
        return f"{self._scheme}://{self.authority}"

    def __enter__(self) -> Self:
        """Starts to serve."""
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops serving and closes every open connection."""
        self._closing.set()
        for connection in (self._listener, *list(self._open)):
            _shut_down(connection)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue  # shutting a listener down wakes it on Linux, but not elsewhere
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._start(lambda accepted=connection: self._serve(accepted))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._ssl_context is not None:
                connection = self._with_tls(connection, self._ssl_context)
            wire = Wire(connection, self._closing, self._hang_seconds)
            request = b"" if self._speaks_first else wire.read_request()
            if request:
                self.heads.append(request)
            if request or self._speaks_first:
                self.behaviour(wire)
        except OSError:
            return  # the client gave up, as most tests expect
        finally:
            self._open.discard(connection)
            connection.close()

    def _with_tls(self, connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Delays the handshake until the first read, so that its failure is handled like others."""
        self._open.discard(connection)
        wrapped = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(wrapped)
        return wrapped


def _shut_down(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already


_BOUND: list[socket.socket] = []


def closed_port() -> int:
    """Returns a port of loopback that nothing listens on, nor will: it stays bound."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    _BOUND.append(bound)
    return int(bound.getsockname()[1])
