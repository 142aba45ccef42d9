"""A raw-socket server that misbehaves in ways that no HTTP library allows.

    with FaultServer(replies("200 OK", b"{", content_length="99")) as server:
        ...  # at server.url; server.heads holds what clients sent

A behaviour is a function of one connection. The functions below make the usual faults, and
`catalogue()` names them. To try them by hand, each under its own path, until Ctrl-C:

    python -m tests.support.fault_server
"""

import contextlib
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import trustme

from balance_watch.domain.reading import FailureKind

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


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
    """Never sends anything."""
    wire.pause(wire.hang_seconds)


def says_then_hangs(data: bytes) -> Behaviour:
    """Sends these bytes and keeps the connection open."""

    def behave(wire: Wire) -> None:
        wire.send(data)
        hangs(wire)

    return behave


def drips(head: bytes, drop: bytes, *, every: float = 0.02) -> Behaviour:
    """Sends a head at once, then a drop after each pause, endlessly."""

    def behave(wire: Wire) -> None:
        wire.send(head)
        until = time.monotonic() + wire.hang_seconds
        while wire.pause(every) and time.monotonic() < until:
            wire.send(drop)

    return behave


def floods(head: bytes, wave: bytes = b"x" * 65536) -> Behaviour:
    """Sends a head, then as many bytes as the client takes."""
    return drips(head, wave, every=0)


def resets(head: bytes = b"") -> Behaviour:
    """Sends a head, then resets the connection."""

    def behave(wire: Wire) -> None:
        wire.send(head)
        wire.reset()

    return behave


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


BALANCE = b'{"data":{"attributes":{"balance":%b}}}'
"""You.com's reply, with a balance in cents."""

GIGABYTES = 5
BRACKETS = 100_000

_PAGE = b"<!DOCTYPE html><html><body><h1>Balance: 500</h1></body></html>"
_GARBAGE = b"\x16\x03\x01\x00\xff\x00{}\xfe" * 8
_MEBIBYTE = bytes(1 << 20)
_STATUSES = {
    "401 Unauthorized": FailureKind.KEY_REJECTED,
    "403 Forbidden": FailureKind.NOT_ALLOWED,
    "429 Too Many Requests": FailureKind.RATE_LIMITED,
    "500 Internal Server Error": FailureKind.PROVIDER_ERROR,
    "502 Bad Gateway": FailureKind.PROVIDER_ERROR,
    "503 Service Unavailable": FailureKind.PROVIDER_ERROR,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to misbehave, and its kind of failure; None if it only looks like a failure.

    `tls`: the server needs a certificate for another name.
    """

    does: str
    behaviour: Behaviour
    kind: FailureKind | None
    tls: bool = False


def catalogue(elsewhere: str = "https://elsewhere.invalid") -> dict[str, Fault]:
    """Returns the faults by name; the redirect leads to the address `elsewhere`."""
    return {
        **_endless(),
        **_too_large(),
        **_interrupted(),
        **_malformed(),
        **_error_statuses(),
        "redirect": Fault(
            "redirects to another host",
            replies("302 Found", b"", location=f"{elsewhere}/v1/billing/account_balance"),
            FailureKind.REDIRECTED,
        ),
        "tls-of-another-name": Fault(
            "has a TLS certificate for another name",
            replies("200 OK", BALANCE % b"500"),
            FailureKind.UNREACHABLE,
            tls=True,
        ),
    }


def _head(*lines: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode()


def _endless() -> dict[str, Fault]:
    head = _head("Content-Length: 1000")
    endless = {
        "hangs-before-reply": ("never sends anything", hangs),
        "hangs-after-head": ("sends a head and no body", says_then_hangs(head)),
        "hangs-in-a-chunk": ("stops in a chunk", says_then_hangs(CHUNKED + b"10\r\n{")),
        "drips": ("sends a byte at a time, endlessly", drips(_head(), b" ")),
        "drips-a-head": ("sends a head a byte at a time", drips(b"HTTP/1.1 200 OK\r\nX: ", b"y")),
    }
    return {
        name: Fault(does, behaviour, FailureKind.TIMED_OUT)
        for name, (does, behaviour) in endless.items()
    }


def _too_large() -> dict[str, Fault]:
    length = f"Content-Length: {GIGABYTES * 10**9}"
    nested = b"[" * (BRACKETS // 2) + b"]" * (BRACKETS // 2)
    large = {
        "five-gigabytes": (f"announces {GIGABYTES} GB and sends them", floods(_head(length))),
        "flood": ("sends as much as the client takes, without stating a length", floods(_head())),
        "endless-chunk": ("sends one endless chunk", floods(CHUNKED + b"7FFFFFFFFFFF\r\n")),
        "gzip-bomb": ("sends 1 GiB of zeros in 1 MB of gzip", bombs("gzip")),
        "deflate-bomb": ("sends 1 GiB of zeros in 1 MB of deflate", bombs("deflate")),
        "nested-too-long": (f"sends {BRACKETS:,} brackets", replies("200 OK", BALANCE % nested)),
    }
    return {
        name: Fault(does, behaviour, FailureKind.TOO_LARGE)
        for name, (does, behaviour) in large.items()
    }


def _interrupted() -> dict[str, Fault]:
    cut = (BALANCE % b"500")[:-9]
    behaviours = {
        "closed-before-reply": ("hangs up without a reply", says(), FailureKind.UNREACHABLE),
        "reset-in-mid-body": (
            "resets the connection in the middle of the body",
            resets(_head("Content-Length: 1000") + cut),
            FailureKind.UNREACHABLE,
        ),
        "cut-short": (
            "sends fewer bytes than it announced",
            replies("200 OK", cut, content_length="99"),
            FailureKind.MALFORMED,
        ),
        "endless-header": (
            "sends one endless header line",
            floods(b"HTTP/1.1 200 OK\r\nX: "),
            FailureKind.MALFORMED,
        ),
        "endless-headers": (
            "sends endless headers",
            floods(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
            FailureKind.MALFORMED,
        ),
        "garbage": ("sends bytes that are not HTTP", says(_GARBAGE), FailureKind.MALFORMED),
    }
    return {name: Fault(*fault) for name, fault in behaviours.items()}


def _malformed() -> dict[str, Fault]:
    bodies = {
        "truncated-json": ("ends in the middle of the JSON", (BALANCE % b"500")[:-2]),
        "empty-body": ("sends only a head", b""),
        "invalid-utf-8": ("sends invalid UTF-8", b'{"x":"\xff\xfe",' + (BALANCE % b"500")[1:]),
        "nested": ("nests 60,000 brackets", BALANCE % (b"[" * 30_000 + b"]" * 30_000)),
        "duplicate-keys": ("has two balances", BALANCE % b'500,"balance":900000'),
        "nan": ("has a balance of NaN", BALANCE % b"NaN"),
        "infinity": ("has a balance of Infinity", BALANCE % b"Infinity"),
        "1e400": ("has a balance larger than any float", BALANCE % b"1e400"),
    }
    page = replies("200 OK", _PAGE, content_type="text/html; charset=utf-8")
    return {
        **{
            name: Fault(does, replies("200 OK", body), FailureKind.MALFORMED)
            for name, (does, body) in bodies.items()
        },
        "html": Fault("replies 200 with a web page", page, FailureKind.MALFORMED),
        "negative-zero": Fault(
            "has a balance of -0, which is 0", replies("200 OK", BALANCE % b"-0"), None
        ),
    }


def _error_statuses() -> dict[str, Fault]:
    """Returns the statuses of errors; a web page or an empty 403 comes from in front of the API."""
    faults = {}
    for status, kind in _STATUSES.items():
        about_the_key = kind in (FailureKind.KEY_REJECTED, FailureKind.NOT_ALLOWED)
        for_html = FailureKind.BLOCKED if about_the_key else kind
        for_empty = for_html if kind is FailureKind.NOT_ALLOWED else kind
        for form, body, content_type, expected in (
            ("json", b'{"detail":"no"}', "application/json", kind),
            ("html", _PAGE, "text/html", for_html),
            ("empty", b"", "text/plain", for_empty),
        ):
            faults[f"{status[:3]}-{form}"] = Fault(
                f"replies {status} ({form})",
                replies(status, body, content_type=content_type),
                expected,
            )
    return faults


def bombs(encoding: str) -> Behaviour:
    """Sends 1 GiB of zeros in 1 MB, as `gzip` or `deflate`."""
    compressor = zlib.compressobj(9, wbits=-15)
    # After a full flush nothing refers back, so that one compressed mebibyte can be repeated.
    compressed = compressor.compress(_MEBIBYTE) + compressor.flush(zlib.Z_FULL_FLUSH)
    is_gzip = encoding == "gzip"
    start = b"\x1f\x8b\x08" + bytes(5) + b"\x02\xff" if is_gzip else b"\x78\xda"
    end_length = 2 + (8 if is_gzip else 4)
    length = len(start) + 1024 * len(compressed) + end_length
    head = _head(f"Content-Encoding: {encoding}", f"Content-Length: {length}")

    def behave(wire: Wire) -> None:
        wire.send(head + start)
        for _ in range(1024):
            wire.send(compressed)
        wire.send(b"\x03\x00" + (_end_of_gzip() if is_gzip else _end_of_deflate()))

    return behave


def _end_of_gzip() -> bytes:
    checksum = 0
    for _ in range(1024):
        checksum = zlib.crc32(_MEBIBYTE, checksum)
    return checksum.to_bytes(4, "little") + (1 << 30).to_bytes(4, "little")


def _end_of_deflate() -> bytes:
    checksum = 1
    for _ in range(1024):
        checksum = zlib.adler32(_MEBIBYTE, checksum)
    return checksum.to_bytes(4, "big")


def certified_for(name: str) -> tuple[ssl.SSLContext, bytes]:
    """Returns a server's context with a certificate for a name, and the authority's own (PEM)."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context, authority.cert_pem.bytes()


def by_path(faults: Mapping[str, Fault]) -> Behaviour:
    """Behaves as the fault named by the first part of the path."""
    not_found = replies("404 Not Found", "\n".join(faults).encode(), content_type="text/plain")

    def behave(wire: Wire) -> None:
        path = wire.request.partition(b" ")[2].partition(b" ")[0].decode(errors="replace")
        name = path.partition("?")[0].strip("/").partition("/")[0]
        (faults[name].behaviour if name in faults else not_found)(wire)

    return behave


def main() -> None:
    """Serves every fault until Ctrl-C."""
    day = 86_400.0

    def reports(wire: Wire) -> None:
        sys.stdout.write("The redirect was followed.\n")
        sys.stdout.flush()
        replies("200 OK", BALANCE % b"500")(wire)

    with FaultServer(reports) as elsewhere:
        faults = catalogue(elsewhere.url)
        context, _ = certified_for("other.example")
        with (
            FaultServer(by_path(faults), hang_seconds=day) as plain,
            FaultServer(by_path(faults), context, hang_seconds=day) as tls,
        ):
            lines = [
                f"Faults are served at {plain.url} until Ctrl-C. Use an address as base_url of an",
                f"account, with TRUSTED_HOSTS={plain.authority},{tls.authority}",
                *(
                    f"{(tls if fault.tls else plain).url}/{name:<20}  {fault.does}"
                    f" -> {fault.kind or 'a balance of 0'}"
                    for name, fault in faults.items()
                ),
            ]
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stdout.flush()
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()


if __name__ == "__main__":
    main()
