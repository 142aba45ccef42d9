"""A small HTTP/1.1 server on loopback: one function answers its requests, in a thread."""

import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Self, TypedDict, Unpack
from urllib.parse import parse_qsl, urlsplit

from local.running import Running

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request. Header names are in lower case; `path` excludes the query."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """The server's reply after `delay` seconds. If `lost`, the server hangs up without a reply."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    lost: bool = False

    def after(self, seconds: float) -> "Reply":
        """Returns the same reply with `seconds` more delay."""
        return replace(self, delay=self.delay + seconds)


Answer = Callable[[Request], Reply]
Connection = socket.socket | tuple[bytes, socket.socket]  # as socketserver types it


class Address(TypedDict, total=False):
    """Where a server listens, and under which name its clients reach it.

    The server binds to `host`. `url` shows `advertised` if clients reach this machine under another
    name, as a container does. Port 0 takes a free port.
    """

    host: str
    port: int
    ssl_context: ssl.SSLContext | None
    advertised: str | None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # TCP_NODELAY
    wbufsize = -1  # sends head and body in one segment
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
            # Without it the client would keep a connection that the server closes.
            self.send_header("Connection", "close")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 (http.server looks these names up)

    def _request(self) -> Request:
        address = urlsplit(self.path)
        return Request(
            method=self.command,
            path=address.path,
            query=dict(parse_qsl(address.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )

    def log_message(self, *_: object) -> None:
        """Logs nothing: the address may hold a key."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024  # http.server's 5 is too few for a check of a thousand accounts
    daemon_threads = True

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        self.answer = answer
        self.closing = Event()
        self.connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def handle_error(self, request: Connection, client_address: object) -> None:
        """Reports the server's own faults only: in many tests a client gives up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Ends the keep-alive connections: a stopped server must not answer on them."""
        self.closing.set()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client closed it first


class LoopbackServer(Running):
    """Serves `answer(request)` from `start()` to `stop()`, or inside a `with`.

    `requests` holds every request so far, in order.
    """

    def __init__(self, **address: Unpack[Address]) -> None:
        host, ssl_context = address.get("host", LOOPBACK), address.get("ssl_context")
        self.requests: list[Request] = []
        self._scheme = "https" if ssl_context else "http"
        self._advertised = address.get("advertised") or host
        self._server = _Server((host, address.get("port", 0)), self._record_and_answer)
        if ssl_context:
            # With the TLS handshake on accept, one slow client would block all others.
            self._server.socket = ssl_context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def answer(self, request: Request) -> Reply:
        """Returns the reply to `request`; a subclass defines it."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._server.server_port

    @property
    def authority(self) -> str:
        """`host:port` as clients know it, in the form of TRUSTED_HOSTS."""
        return f"{self._advertised}:{self.port}"

    @property
    def url(self) -> str:
        """Scheme, host and port, in the form of an account's base_url."""
        return f"{self._scheme}://{self.authority}"

    def start(self) -> Self:
        """Starts serving."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops serving and ends every open connection."""
        self._server.hang_up()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _record_and_answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.answer(request)
