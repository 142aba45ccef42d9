"""A key is in no message, no log and no error, however an exchange fails."""

import logging
import traceback
from urllib.parse import quote, quote_plus

import pytest

from balance_watch.transport import Request, Transport, TransportError
from tests.support.canaries import CORE, key
from tests.support.exchanges import on_loopback
from tests.support.fault_behaviours import CHUNKED, floods, hangs, replies, resets, sends
from tests.support.fault_server import Behaviour, FaultServer, closed_port

KEY = key()
SPELLINGS = {KEY, quote(KEY), quote(KEY, safe=""), quote_plus(KEY), CORE}

FAULTS: dict[str, Behaviour] = {
    "nothing": replies("200 OK", b"{}"),
    "key rejected": replies("401 Unauthorized", b"{}"),
    "redirected": replies("302 Found", b"", location="https://elsewhere.example/"),
    "rate limited": replies("429 Too Many Requests", b"", retry_after="5"),
    "provider error": replies("503 Service Unavailable", b""),
    "timed out": hangs,
    "hung up": sends(),
    "reset": resets(),
    "too large": floods(b"HTTP/1.1 200 OK\r\n\r\n"),
    "broken gzip": replies("200 OK", b"{}", content_encoding="gzip"),
    "broken chunk": sends(CHUNKED + b"many\r\n"),
    "cut short": replies("200 OK", b"{", content_length="99"),
    "not http": sends(b"220 mail.example ESMTP\r\n"),
    "unreadable headers": sends(b"HTTP/1.1 200 OK\r\n: no name\r\nbroken\r\n\r\n{}"),
    "two lengths": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}"),
}


@pytest.fixture(autouse=True)
def _loudest(caplog: pytest.LogCaptureFixture) -> None:
    """Logs everything, with urllib3 at its most verbose."""
    for name in ("", "urllib3", "urllib3.connection", "urllib3.connectionpool", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)


def request_with_keys(url: str) -> Request:
    """Returns a request with the key in every place that can hold one."""
    return Request(
        "POST",
        url,
        headers={"X-API-Key": KEY},
        query={"api_secret": KEY},
        form={"trx": KEY},
    )


def error_text(transport: Transport, url: str) -> str:
    """Returns the text of an exchange's error, and of all its causes."""
    try:
        transport.exchange(request_with_keys(url), timeout=0.3)
    except TransportError as error:
        texts = [repr(error), str(error), *traceback.format_exception(error)]
        cause: BaseException | None = error.__cause__ or error.__context__
        while cause is not None:
            texts += [repr(cause), str(cause)]
            cause = cause.__cause__ or cause.__context__
        return "\n".join(texts)
    return ""


def assert_silent(output: str) -> None:
    assert not [spelling for spelling in SPELLINGS if spelling in output]


@pytest.mark.parametrize("behaviour", FAULTS.values(), ids=FAULTS.keys())
def test_no_reply_shows_a_key(
    behaviour: Behaviour, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with FaultServer(behaviour) as server:
        text = error_text(on_loopback(), f"{server.url}/account")
        assert KEY.encode() in server.heads[0]
    out, err = capfd.readouterr()
    assert_silent(f"{text}\n{caplog.text}\n{out}\n{err}")


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:{closed_port()}/",
        "https://127.0.0.1/",
        "https://nobody.invalid/",
        "http://nobody.invalid/",
        "https://a..b/",
        "https://host:port/",
    ],
    ids=["refused", "private", "no such name", "no such name, plain", "no name", "no port"],
)
def test_no_request_that_is_not_sent_shows_a_key(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    trusted = [url.removeprefix("http://").rstrip("/")]
    assert_silent(error_text(Transport(trusted), url) + caplog.text)


@pytest.mark.parametrize("key", [f"{KEY}\nsecond line", f" {KEY}", f"{KEY}\u0436"])
def test_a_key_that_is_an_invalid_header_is_not_repeated(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultServer(FAULTS["nothing"]) as server:
        request = Request("GET", server.url, headers={"X-API-Key": key})
        with pytest.raises(TransportError) as caught:
            on_loopback().exchange(request, timeout=5)
    assert_silent(repr(caught.value) + repr(caught.value.__context__) + caplog.text)


def test_urllib3_s_warnings_without_an_address_are_still_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logging.getLogger("urllib3.connectionpool").warning("Connection pool is full")
    assert "Connection pool is full" in caplog.text
