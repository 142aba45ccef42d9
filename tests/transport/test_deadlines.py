"""Every exchange ends by its deadline, whatever the server does with its bytes."""

import gzip
import socket
import ssl

import pytest

from balance_watch.domain.reading import FailureKind
from balance_watch.transport import Request, Transport
from tests.support.exchanges import DEADLINE, failure, on_loopback, trusting
from tests.support.fault_behaviours import CHUNKED, drips, hangs, replies, sends_then_hangs
from tests.support.fault_server import Behaviour, FaultServer

LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"

ENDLESS: dict[str, Behaviour] = {
    "sends nothing": hangs,
    "drips the status line": drips(b"HTTP/1.1 200 ", b"O"),
    "drips one header line": drips(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "drips header after header": drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", every=0.05),
    "sends 100 Continue forever": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "stops before the body": sends_then_hangs(LONG + b"\r\n"),
    "drips the body": drips(LONG + b"\r\n", b" "),
    "drips a body of no stated length": drips(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "drips a chunk's length": drips(CHUNKED, b"0"),
    "never ends a chunk": drips(CHUNKED + b"FFFFFFF\r\n", b" "),
    "sends chunk after chunk": drips(CHUNKED, b"1\r\n \r\n"),
    "never sends the last chunk": sends_then_hangs(CHUNKED + b"2\r\n{}\r\n"),
    "drips a compressed body": drips(
        LONG + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}")[:10], b"\x00"
    ),
}


@pytest.mark.parametrize("behaviour", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_server_that_never_ends_times_out(behaviour: Behaviour) -> None:
    with FaultServer(behaviour) as server:
        error = failure(on_loopback(), server.url, timeout=DEADLINE)
    assert (error.kind, error.transient, error.sent) == (FailureKind.TIMED_OUT, True, True)


@pytest.mark.parametrize("name", ["sends nothing", "drips one header line", "drips the body"])
def test_the_deadline_holds_under_tls(name: str, certified: ssl.SSLContext, ca_bundle: str) -> None:
    with FaultServer(ENDLESS[name], certified) as server:
        error = failure(trusting(server, ca_bundle=ca_bundle), server.url, timeout=DEADLINE)
    assert error.kind is FailureKind.TIMED_OUT


def test_a_handshake_without_an_answer_times_out_and_sends_nothing() -> None:
    with FaultServer(hangs) as server:
        https = server.url.replace("http://", "https://")
        error = failure(on_loopback(), https, timeout=DEADLINE)
    assert (error.kind, error.sent) == (FailureKind.TIMED_OUT, False)


def test_a_connection_that_is_never_accepted_times_out_and_sends_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(address)
        authority = f"{address[0]}:{address[1]}"
        error = failure(Transport([authority]), f"http://{authority}/", timeout=DEADLINE)
        for filler in fillers:
            filler.close()
    assert (error.kind, error.sent) == (FailureKind.TIMED_OUT, False)


def test_a_deadline_that_has_passed_does_not_apply_to_the_next_request() -> None:
    with FaultServer(hangs) as hanging, FaultServer(replies("200 OK", b"{}")) as fine:
        transport = on_loopback()
        failure(transport, hanging.url, timeout=DEADLINE)
        assert transport.exchange(Request("GET", fine.url), timeout=5).body == b"{}"


def test_without_any_time_the_exchange_times_out() -> None:
    with FaultServer(replies("200 OK", b"{}")) as server:
        error = failure(on_loopback(), server.url, timeout=1e-9)
    assert (error.kind, error.sent) == (FailureKind.TIMED_OUT, False)
