"""A small HTTP/1.1 server for one function from request to reply, in a thread of its own."""

import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import parse_qsl, urlsplit

from local.running import Running

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent. Header names are in lower case; `path` is without the query."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers, after `delay` seconds; `lost`: it hangs up instead of answering."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    lost: bool = False

    def after(self, seconds: float) -> "Reply":
        """Returns the same reply, `seconds` later."""
        return replace(self, delay=self.delay + seconds)


Answer = Callable[[Request], Reply]


class Address(TypedDict, total=False):
    """Where a server listens, and under which name it is reached.

    `host` is bound to; `advertised` is the host name that `url` shows, where clients reach this
    machine by another name than the one bound to (a container does). A port of 0 takes a free one.
    """

    host: str
    port: int
    ssl_context: ssl.SSLContext | None
    advertised: str | None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # TCP_NODELAY
    wbufsize = -1  # head and body leave in one segment
    server: "_Server"

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def _serve(self) -> None:
        reply = self.server.answer(self._request())
        if reply.delay:
            self.server.closing.wait(reply.delay)
        if reply.lost or self.server.closing.is_set():
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        self.send_header("Date", self.date_time_string())
        if reply.content_type:
            self.send_header("Content-Type", reply.content_type)
        if not any(name.lower() == "content-length" for name in reply.headers):
            self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            # As servers do, or a client would keep the connection that it asked to be closed.
            self.send_header("Connection", "close")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 (names that http.server looks up)

    def _request(self) -> Request:
        address = urlsplit(self.path)
        return Request(
            method=self.command,
            path=address.path,
            query=dict(parse_qsl(address.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Says nothing: the address may hold a key."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024  # http.server's 5 refuses a check of a thousand accounts
    daemon_threads = True

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        self.answer = answer
        self.closing = Event()
        self.connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 (as its base)
        """Tells of faults of its own only: a client that gives up is part of many a test."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Ends the keep-alive connections, or a stopped server would still answer on them."""
        self.closing.set()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster


class LoopbackServer(Running):
    """Serves `answer(request)` from `start()` to `stop()`, or inside a `with`.

    `requests` holds everything received, in order.
    """

    def __init__(self, **address: Unpack[Address]) -> None:
        host, ssl_context = address.get("host", LOOPBACK), address.get("ssl_context")
        self.requests: list[Request] = []
        self._scheme = "https" if ssl_context else "http"
        self._advertised = address.get("advertised") or host
        self._server = _Server((host, address.get("port", 0)), self._record_and_answer)
        if ssl_context:
            # Shaking hands on accept would let one slow client hold up all others.
            self._server.socket = ssl_context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def answer(self, request: Request) -> Reply:
        """Returns what is answered to `request`: a subclass says it."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port that was taken."""
        return self._server.server_port

    @property
    def authority(self) -> str:
        """`host:port` as clients name it, the form of TRUSTED_HOSTS."""
        return f"{self._advertised}:{self.port}"

    @property
    def url(self) -> str:
        """Scheme, host and port, the form of an account's base_url."""
        return f"{self._scheme}://{self.authority}"

    def start(self) -> Self:
        """Begins to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends serving and every open connection."""
        self._server.hang_up()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _record_and_answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.answer(request)
