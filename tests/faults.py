"""A raw-socket server that misbehaves in ways that no HTTP library would let a server do.

    with FaultServer(replies("200 OK", b"{", content_length="99")) as server:
        ...  # at server.url; server.heads holds what clients sent

A behaviour is a function of one connection; the ones below make the usual faults.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


ALL_OF_LOOPBACK = frozenset(f"127.0.0.1:{port}" for port in range(1, 65536))
"""As TRUSTED_HOSTS, for a transport that outlives the servers of one test: to load certifi's bundle
for each would take longer than all the rest."""


FOR_EVER = 5.0
"""How long that is here: a client without a deadline fails its test instead of hanging it."""


class Wire:
    """One connection, as a behaviour uses it."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection, self._closing = connection, closing

    def read_request(self) -> bytes:
        """Returns a whole request, with the body that its Content-Length announces."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._connection.recv(65536)
            if not more:
                return data
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        while lengths and len(body) < lengths[0]:
            body += self._connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._connection.sendall(data)

    def pause(self, seconds: float) -> bool:
        """Waits; False when the server stops."""
        return not self._closing.wait(seconds)

    def reset(self) -> None:
        """Ends the connection with a RST instead of a FIN."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


Behaviour = Callable[[Wire], None]
"""Is called once a whole request has come; the connection ends when it returns."""


def says(*parts: bytes) -> Behaviour:
    """Sends these bytes, then hangs up."""

    def behave(wire: Wire) -> None:
        for part in parts:
            wire.send(part)

    return behave


def replies(status: str, body: bytes, **headers: str) -> Behaviour:
    """Sends a well-formed reply; `content_type="…"` becomes Content-Type."""
    names = {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **names,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return says(f"HTTP/1.1 {status}\r\n{head}\r\n".encode(), body)


def hangs(wire: Wire) -> None:
    """Says nothing, ever."""
    wire.pause(FOR_EVER)


def says_then_hangs(data: bytes) -> Behaviour:
    """Sends these bytes and keeps the connection open."""

    def behave(wire: Wire) -> None:
        wire.send(data)
        hangs(wire)

    return behave


def drips(head: bytes, drop: bytes, *, every: float = 0.02) -> Behaviour:
    """Sends a head at once, then a drop after each pause, without an end."""

    def behave(wire: Wire) -> None:
        wire.send(head)
        until = time.monotonic() + FOR_EVER
        while wire.pause(every) and time.monotonic() < until:
            wire.send(drop)

    return behave


def floods(head: bytes, wave: bytes = b"x" * 65536) -> Behaviour:
    """Sends a head, then as many bytes as the client takes."""
    return drips(head, wave, every=0)


def resets(head: bytes = b"") -> Behaviour:
    """Sends a head, then breaks the connection off."""

    def behave(wire: Wire) -> None:
        wire.send(head)
        wire.reset()

    return behave


class FaultServer:
    """Serves one behaviour on loopback, each connection in a thread, inside a `with`.

    `heads` holds every request as it came, body included; `connections` counts what was accepted.
    `speaks_first`: it does not wait for a request.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        ssl_context: ssl.SSLContext | None = None,
        *,
        speaks_first: bool = False,
    ) -> None:
        self._speaks_first = speaks_first
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
        """The port that was taken."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Scheme, host and port, the form of an account's base_url."""
        return f"{self._scheme}://{self.authority}"

    def __enter__(self) -> Self:
        """Begins to serve."""
        self._begin(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends serving and every open connection."""
        self._closing.set()
        for one in (self._listener, *list(self._open)):
            _shut(one)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue  # shutting a listener down wakes it on Linux, elsewhere nothing does
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._begin(lambda taken=connection: self._serve(taken))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._ssl_context is not None:
                connection = self._with_tls(connection, self._ssl_context)
            wire = Wire(connection, self._closing)
            request = b"" if self._speaks_first else wire.read_request()
            if request:
                self.heads.append(request)
            if request or self._speaks_first:
                self.behaviour(wire)
        except OSError:
            return  # the client gave up, which is what most tests are about
        finally:
            self._open.discard(connection)
            connection.close()

    def _with_tls(self, connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Leaves the handshake to the first read, so that a failed one ends where all else does."""
        self._open.discard(connection)
        wrapped = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(wrapped)
        return wrapped


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it had ended already


def closed_port() -> int:
    """Returns a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
