"""No key is in any result, log or output, however the read of an account ends."""

import logging
from base64 import b64encode
from urllib.parse import quote, quote_plus

import pytest

from balance_watch.providers.request import balance_request, top_up_request
from balance_watch.transport import MAX_BODY
from tests.support.fault_behaviours import hangs, replies, resets, sends
from tests.support.fault_server import Behaviour, FaultServer, closed_port
from tests.support.provider_reads import KEY, SECRET, account_of, hasty_client, read, spec_of

HIDDEN = {
    spelling
    for key in (KEY, SECRET, f"{KEY}:{SECRET}")
    for spelling in (
        key,
        quote(key),
        quote(key, safe=""),
        quote_plus(key),
        b64encode(key.encode()).decode(),
    )
}

ECHO = f'{{"error":"{KEY} {SECRET}","error-code-label":"{KEY}","value":"{SECRET}"}}'.encode()

BEHAVIOURS: dict[str, Behaviour] = {
    "good": replies("200 OK", b'{"value":1,"autoReload":false}'),
    "malformed": replies("200 OK", b"{}"),
    "repeats the key": replies("200 OK", ECHO),
    "repeats the key in an error code": replies("200 OK", b'{"error-code":"%s"}' % KEY.encode()),
    "key rejected": replies("401 Unauthorized", ECHO),
    "not allowed": replies("403 Forbidden", ECHO),
    "blocked": replies("403 Forbidden", f"<html>{KEY}".encode(), content_type="text/html"),
    "rate limited": replies("429 Too Many Requests", ECHO, retry_after=KEY),
    "provider error": replies("503 Service Unavailable", ECHO),
    "redirected": replies("302 Found", ECHO, location=f"https://elsewhere.example/?{KEY}"),
    "timed out": hangs,
    "hung up": sends(),
    "reset": resets(),
    "too large": replies("200 OK", b" " * (MAX_BODY + 1)),
    "broken gzip": replies("200 OK", ECHO, content_encoding="gzip"),
    "cut short": replies("200 OK", ECHO, content_length="999"),
    "not http": sends(f"{KEY}\r\n".encode()),
    "unreadable headers": sends(f"HTTP/1.1 200 OK\r\n: {KEY}\r\n{SECRET}\r\n\r\n{{}}".encode()),
}


@pytest.fixture(autouse=True)
def _loudest(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "urllib3", "urllib3.connection", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)


def assert_silent(output: str) -> None:
    assert not [spelling for spelling in HIDDEN if spelling in output]


@pytest.mark.parametrize("auth", [None, "query"], ids=["in the header", "in the query"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
def test_no_way_to_end_shows_a_key(
    behaviour: Behaviour,
    auth: str | None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with FaultServer(behaviour) as server:
        client = hasty_client()
        account = account_of("vonage", server.url, variables={"trx": "1"})
        if auth is not None:
            account = account_of("vonage", server.url, variables={"trx": "1"}, auth=auth)
        result = read(client, account, within=0.4)
        payment = client.top_up(spec_of("vonage"), account)
        assert len(server.heads) >= 2
    out, err = capfd.readouterr()
    assert_silent(f"{result!r} {payment!r} {account!r} {caplog.text} {out} {err}")


@pytest.mark.parametrize(
    "base_url",
    ["https://nobody.invalid", f"http://127.0.0.1:{closed_port()}", "https://10.0.0.1"],
    ids=["no such name", "refused", "a private address"],
)
def test_no_unreachable_host_shows_a_key(base_url: str, caplog: pytest.LogCaptureFixture) -> None:
    result = read(hasty_client(), account_of("vonage", base_url, auth="query"))
    assert_silent(f"{result!r} {caplog.text}")


def test_the_repr_of_a_request_shows_no_key() -> None:
    account = account_of("vonage", auth="query", variables={"trx": "1"})
    vonage = spec_of("vonage")
    assert_silent(repr(balance_request(vonage, account)) + repr(top_up_request(vonage, account)))


def test_a_key_that_a_provider_repeats_in_its_status_is_masked() -> None:
    body = f'{{"balance":1,"status":"key {KEY} is fine"}}'.encode()
    with FaultServer(replies("200 OK", body)) as server:
        result = read(hasty_client(), account_of("aimlapi-v1-legacy", server.url))
    assert "is fine" in repr(result)
    assert_silent(repr(result))
