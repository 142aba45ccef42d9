"""Whatever prevents a complete reply is named correctly."""

import gzip
import ssl
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import pytest
import trustme

from balance_watch.domain.reading import FailureKind
from balance_watch.transport import MAX_BODY, Request, Transport
from tests.support.exchanges import exchanged, failure, on_loopback, trusting
from tests.support.fault_behaviours import CHUNKED, floods, replies, resets, sends
from tests.support.fault_server import Behaviour, FaultServer, closed_port

FINE = replies("200 OK", b"{}")


def test_a_refused_connection_is_unreachable_and_sends_nothing() -> None:
    authority = f"127.0.0.1:{closed_port()}"
    error = failure(Transport([authority]), f"http://{authority}/")
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, True, False)
    assert "refused" in error.message


def test_an_unknown_name_is_unreachable_and_sends_nothing() -> None:
    error = failure(Transport(), "https://nobody.invalid/")
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, True, False)
    assert "resolved" in error.message


@pytest.mark.parametrize(
    "url",
    [
        f"https://{'a' * 64}.example/",
        "https://a..b/",
        "https://127.0.0.1:99999/",
        "https://host:port/",
        "http://host:port/",
        "https://[::1",
        "https://",
        "ftp://files.example/",
        "balance",
    ],
)
def test_an_invalid_address_is_unreachable_and_sends_nothing(url: str) -> None:
    error = failure(Transport(), url)
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, False, False)


def test_an_invalid_header_is_a_transport_error() -> None:
    for value in ("two\nlines", "\u043a\u043b\u044e\u0447"):
        with FaultServer(FINE) as server, pytest.raises(Exception) as caught:  # noqa: PT011
            exchanged(server, headers={"X-API-Key": value})
        assert type(caught.value).__name__ == "TransportError"
        assert value not in str(caught.value)


@pytest.mark.parametrize("behaviour", [sends(), resets()], ids=["hangs up", "resets"])
def test_a_connection_that_ends_without_a_reply_is_unreachable_after_sending(
    behaviour: Behaviour,
) -> None:
    with FaultServer(behaviour) as server:
        error = failure(on_loopback(), server.url)
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, True, True)


def test_a_certificate_for_another_name_is_unreachable_and_sends_nothing(
    certified_for_another: ssl.SSLContext, ca_bundle: str
) -> None:
    with FaultServer(FINE, certified_for_another) as server:
        error = failure(trusting(server, ca_bundle=ca_bundle), server.url)
        assert server.heads == []
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, False, False)
    assert "certificate" in error.message


def test_a_certificate_of_an_unknown_authority_is_unreachable_and_sends_nothing(
    certified: ssl.SSLContext,
) -> None:
    with FaultServer(FINE, certified) as server:
        error = failure(on_loopback(), server.url)
        assert server.heads == []
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, False, False)


def test_a_certificate_that_has_expired_is_unreachable(
    authority: trustme.CA, ca_bundle: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    then = datetime(2001, 1, 1, tzinfo=UTC)
    authority.issue_cert("127.0.0.1", not_after=then).configure_cert(context)
    with FaultServer(FINE, context) as server:
        error = failure(trusting(server, ca_bundle=ca_bundle), server.url)
    assert error.kind is FailureKind.UNREACHABLE
    assert "certificate" in error.message


def test_a_valid_certificate_is_accepted(certified: ssl.SSLContext, ca_bundle: str) -> None:
    with FaultServer(FINE, certified) as server:
        transport = trusting(server, ca_bundle=ca_bundle)
        assert transport.exchange(Request("GET", server.url), timeout=5).body == b"{}"


def test_a_server_without_tls_is_unreachable_and_sends_nothing() -> None:
    answer = sends(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with FaultServer(answer, speaks_first=True) as server:
        error = failure(on_loopback(), server.url.replace("http://", "https://"))
        assert server.heads == []
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, True, False)
    assert "TLS" in error.message


@cache
def bomb() -> bytes:
    """Returns about 2 KiB that decompress to 2 MiB."""
    return gzip.compress(b" " * (32 * MAX_BODY))


TOO_LARGE: dict[str, Callable[[], Behaviour]] = {
    "as announced": lambda: replies("200 OK", b" " * (MAX_BODY + 1)),
    "endless": lambda: floods(b"HTTP/1.1 200 OK\r\n\r\n"),
    "in endless chunks": lambda: floods(CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "once decompressed": lambda: replies("200 OK", bomb(), content_encoding="gzip"),
    "once decompressed twice": lambda: replies(
        "200 OK", gzip.compress(bomb()), content_encoding="gzip, gzip"
    ),
}


@pytest.mark.parametrize("behaviour", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_a_reply_beyond_the_cap_is_too_large(behaviour: Callable[[], Behaviour]) -> None:
    with FaultServer(behaviour()) as server:
        error = failure(on_loopback(), server.url)
    assert (error.kind, error.transient) == (FailureKind.TOO_LARGE, False)


def test_a_reply_that_is_too_large_is_not_held_in_memory() -> None:
    with FaultServer(replies("200 OK", bomb(), content_encoding="gzip")) as server:
        tracemalloc.start()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        failure(on_loopback(), server.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak - before < 12 * MAX_BODY


def test_a_reply_as_long_as_the_cap_is_read_completely() -> None:
    with FaultServer(replies("200 OK", b" " * MAX_BODY)) as server:
        assert len(exchanged(server).body) == MAX_BODY


def test_a_compressed_reply_is_decompressed() -> None:
    with FaultServer(replies("200 OK", gzip.compress(b"{}"), content_encoding="gzip")) as server:
        assert exchanged(server).body == b"{}"


MALFORMED: dict[str, Behaviour] = {
    "broken gzip": replies("200 OK", b"\x1f\x8b garbage", content_encoding="gzip"),
    "body that is not gzip": replies("200 OK", b"{}", content_encoding="gzip"),
    "body shorter than announced": replies("200 OK", b'{"balance": 1', content_length="99"),
    "chunk shorter than announced": sends(CHUNKED + b"10\r\n{}"),
    "chunk with an invalid length": sends(CHUNKED + b"many\r\n{}\r\n0\r\n\r\n"),
    "no last chunk": sends(CHUNKED + b"2\r\n{}\r\n"),
    "status that is not a number": sends(b"HTTP/1.1 fine OK\r\nContent-Length: 2\r\n\r\n{}"),
    "two lengths": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}"),
    "another protocol": sends(b"220 mail.example ESMTP\r\n"),
    "an endless header": floods(b"HTTP/1.1 200 OK\r\nX: "),
    "endless headers": floods(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
}


@pytest.mark.parametrize("behaviour", MALFORMED.values(), ids=MALFORMED.keys())
def test_invalid_http_is_malformed_and_the_request_was_sent(
    behaviour: Behaviour,
) -> None:
    with FaultServer(behaviour) as server:
        error = failure(on_loopback(), server.url, method="POST")
    assert (error.kind, error.sent) == (FailureKind.MALFORMED, True)


@pytest.mark.parametrize("name", ["body shorter than announced", "chunk shorter than announced"])
def test_a_reply_that_breaks_off_has_its_message(name: str) -> None:
    with FaultServer(MALFORMED[name]) as server:
        error = failure(on_loopback(), server.url)
    assert (error.message, error.transient) == ("The reply broke off.", True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_reply_and_is_not_followed(status: int) -> None:
    with FaultServer(FINE) as thief:
        location = f"{thief.url}/balance"
        with FaultServer(replies(f"{status} Moved", b"", location=location)) as server:
            request = Request("GET", server.url, headers={"X-API-Key": "key"})
            reply = on_loopback().exchange(request, timeout=5)
            assert len(server.heads) == 1
        assert thief.connections == 0
    assert reply.status == status


def test_the_body_of_a_redirect_is_not_read() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n"
    with FaultServer(floods(head)) as server:
        reply = exchanged(server)
    assert (reply.status, reply.body) == (302, b"")


def test_every_other_status_is_a_complete_reply() -> None:
    for status in (204, 400, 401, 403, 404, 429, 500, 503):
        body = b"" if status == 204 else b'{"detail":"no"}'
        with FaultServer(replies(f"{status} Said", body)) as server:
            reply = exchanged(server)
        assert (reply.status, reply.body) == (status, body)
