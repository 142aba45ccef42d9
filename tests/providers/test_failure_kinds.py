"""Each failure has one kind; tests/transport tries the failures of the transport itself."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.transport import MAX_BODY
from local.trouble import canned
from tests.providers.conftest import World
from tests.support.fault_behaviours import drips, floods, hangs, replies, sends
from tests.support.fault_server import Behaviour, FaultServer, closed_port
from tests.support.provider_reads import BODY, account_of, failed, failure, hasty_client


def failed_at(server: FaultServer, base_url: str | None = None) -> ReadFailure:
    return failure(hasty_client(), account_of("you", base_url or server.url), within=0.5)


@pytest.mark.parametrize("body", ['{"detail":"Problems with API key."}', "invalid key", ""])
def test_401_is_a_rejected_key_whatever_the_body_is(body: str) -> None:
    assert failed("you", body, 401).kind is FailureKind.KEY_REJECTED


def test_401_with_a_web_page_is_blocked() -> None:
    got = failed("you", "<html>Sign in</html>", 401, content_type="text/html")
    assert got.kind is FailureKind.BLOCKED


@pytest.mark.parametrize(
    "body", ['{"detail":"no scope"}', '["no"]', "<error>no</error>", ' \n{"a":1}']
)
def test_403_in_an_api_s_format_is_not_allowed(body: str) -> None:
    assert failed("you", body, 403).kind is FailureKind.NOT_ALLOWED


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<!DOCTYPE html><html></html>", "text/html; charset=UTF-8"),
        ("<!doctype HTML><html></html>", "text/plain"),
        ("\n <HTML><body>no</body></HTML>", ""),
        ('{"error":1010}', "text/html"),
        ("error code: 1010", "text/plain"),
        ("", "application/json"),
    ],
)
def test_403_in_another_format_is_blocked(body: str, content_type: str) -> None:
    assert failed("you", body, 403, content_type=content_type).kind is FailureKind.BLOCKED


def test_429_is_rate_limited_and_has_a_pause_in_seconds() -> None:
    got = failed("you", "{}", 429, **{"Retry-After": "17"})
    assert (got.kind, got.retry_after) == (FailureKind.RATE_LIMITED, 17)


def test_429_may_have_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    got = failed("you", "{}", 429, **{"Retry-After": date})
    assert got.retry_after is not None
    assert 30 < got.retry_after <= 60


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
def test_429_may_have_no_pause(headers: dict[str, str]) -> None:
    got = failed("you", "{}", 429, **headers)
    assert (got.kind, got.retry_after) == (FailureKind.RATE_LIMITED, None)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599, 400, 404, 418, 204, 206, 100])
def test_every_other_status_is_a_provider_error(status: int) -> None:
    assert failed("you", BODY % 1, status).kind is FailureKind.PROVIDER_ERROR


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
def test_every_3xx_is_redirected(status: int) -> None:
    assert failed("you", BODY % 1, status).kind is FailureKind.REDIRECTED


def test_the_target_of_a_redirect_never_receives_the_key() -> None:
    with FaultServer(replies("200 OK", b'{"data":{"attributes":{"balance":1}}}')) as thief:
        location = f"{thief.url}/v1/billing/account_balance"
        with FaultServer(replies("302 Found", b"", location=location)) as server:
            got = failure(hasty_client(), account_of("you", server.url))
            assert len(server.heads) == 1
        assert thief.connections == 0
    assert got.kind is FailureKind.REDIRECTED


def test_a_redirect_with_an_endless_body_is_redirected() -> None:
    with FaultServer(floods(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")) as server:
        assert failed_at(server).kind is FailureKind.REDIRECTED


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (hangs, FailureKind.TIMED_OUT),
        (drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), FailureKind.TIMED_OUT),
        (drips(b"HTTP/1.1 200 OK\r\n\r\n", b" "), FailureKind.TIMED_OUT),
        (replies("200 OK", b" " * (MAX_BODY + 1)), FailureKind.TOO_LARGE),
        (replies("200 OK", b"{}", content_encoding="gzip"), FailureKind.MALFORMED),
        (replies("200 OK", b"{", content_length="9"), FailureKind.MALFORMED),
        (sends(), FailureKind.UNREACHABLE),
    ],
    ids=[
        "hangs",
        "drips headers",
        "drips a body",
        "too large",
        "bad gzip",
        "cut short",
        "hangs up",
    ],
)
def test_a_failure_of_the_transport_keeps_its_kind(behaviour: Behaviour, kind: FailureKind) -> None:
    with FaultServer(behaviour) as server:
        assert failed_at(server).kind is kind


@pytest.mark.parametrize(
    "base_url",
    [
        "https://nobody.invalid",
        "http://nobody.invalid",
        "https://10.0.0.1",
        f"http://127.0.0.1:{closed_port()}",
    ],
    ids=["no such name", "not https", "a private address", "refused"],
)
def test_a_host_that_cannot_be_reached_is_unreachable(base_url: str) -> None:
    with FaultServer(hangs) as server:
        assert failed_at(server, base_url).kind is FailureKind.UNREACHABLE


def test_without_time_left_nothing_is_sent_and_the_read_times_out(world: World) -> None:
    got = failure(world.client, account_of("you", world.you.url), within=-1)
    assert got.kind is FailureKind.TIMED_OUT
    assert world.you.requests == []


def test_kinds_have_words_and_some_concern_the_key() -> None:
    assert FailureKind.KEY_REJECTED.words == "Key rejected"
    assert [kind for kind in FailureKind if kind.about_the_key] == [
        FailureKind.KEY_REJECTED,
        FailureKind.NOT_ALLOWED,
    ]


def test_a_reply_over_http_fails_as_it_does_without(world: World) -> None:
    world.you.trouble = canned(200, BODY % "1e400")
    got = failure(world.client, account_of("you", world.you.url))
    assert got == failed("you", BODY % "1e400")
