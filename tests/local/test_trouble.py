"""A loopback provider misbehaves exactly as its trouble says."""

import ssl
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import requests
import trustme

from local.providers import ProviderAccount, VonageServer, YouServer
from local.trouble import (
    BLOCKED,
    FINE,
    KEY_REJECTED,
    LOST_REPLY,
    NOT_ALLOWED,
    OUTAGE,
    Trouble,
    canned,
    rate_limited,
    slow,
)


@pytest.fixture
def you() -> Iterator[YouServer]:
    with YouServer() as server:
        server.accounts["one"] = ProviderAccount(Decimal(10))
        server.accounts["two"] = ProviderAccount(Decimal(20))
        yield server


def read(server: YouServer, key: str = "one", timeout: float = 5) -> requests.Response:
    return requests.get(
        f"{server.url}/v1/billing/account_balance",
        headers={"X-API-Key": key, "User-Agent": "balance-watch/0.1"},
        timeout=timeout,
    )


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(OUTAGE, 503), (KEY_REJECTED, 401), (NOT_ALLOWED, 403), (rate_limited(), 429), (FINE, 200)],
)
def test_the_api_answers_with_the_status_of_the_trouble(
    you: YouServer, trouble: Trouble, status: int
) -> None:
    you.trouble = trouble
    reply = read(you)
    assert reply.status_code == status
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("pause", ["7", "Sun, 22 Nov 2026 10:05:00 GMT"])
def test_a_rate_limit_can_have_a_retry_after(you: YouServer, pause: str) -> None:
    you.trouble = rate_limited(pause)
    assert read(you).headers["Retry-After"] == pause


def test_a_rate_limit_can_have_no_retry_after(you: YouServer) -> None:
    you.trouble = rate_limited(None)
    assert "Retry-After" not in read(you).headers


def test_the_front_answers_with_a_page(you: YouServer) -> None:
    you.trouble = BLOCKED
    assert read(you).headers["Content-Type"].startswith("text/html")


def test_trouble_of_one_account_does_not_affect_another(you: YouServer) -> None:
    you.accounts["one"].trouble = OUTAGE
    assert [read(you, "one").status_code, read(you, "two").status_code] == [503, 200]


def test_a_canned_reply_is_sent_unchanged(you: YouServer) -> None:
    you.trouble = canned(302, b"moved", {"Location": "/elsewhere"}, content_type="text/plain")
    headers = {"X-API-Key": "one", "User-Agent": "balance-watch/0.1"}
    reply = requests.get(you.url, headers=headers, allow_redirects=False, timeout=5)
    assert (reply.status_code, reply.content) == (302, b"moved")
    assert reply.headers["Location"] == "/elsewhere"


def test_a_slow_reply_outlasts_the_clients_timeout(you: YouServer) -> None:
    you.trouble = slow(60)
    with pytest.raises(requests.ReadTimeout):
        read(you, timeout=0.05)


def test_a_server_stops_at_once_even_before_a_delayed_reply() -> None:
    began = time.monotonic()
    with YouServer() as server:
        server.trouble = slow(60)
        with pytest.raises(requests.ReadTimeout):
            read(server, timeout=0.05)
    assert time.monotonic() - began < 30


def test_a_top_up_takes_effect_although_its_reply_is_lost() -> None:
    with VonageServer() as vonage:
        account = ProviderAccount(Decimal(1), auto_reload=True, trouble=LOST_REPLY)
        vonage.accounts["key:secret"] = account
        with pytest.raises(requests.ConnectionError):
            requests.post(
                f"{vonage.url}/account/top-up",
                data={"trx": "1"},
                auth=("key", "secret"),
                timeout=5,
            )
    assert account.top_ups == ["1"]


def test_requests_are_recorded_with_their_credentials(you: YouServer) -> None:
    read(you, "two")
    (request,) = you.requests
    assert (request.method, request.path) == ("GET", "/v1/billing/account_balance")
    assert request.headers["x-api-key"] == "two"


def test_one_connection_serves_many_requests(you: YouServer) -> None:
    headers = {"X-API-Key": "one", "User-Agent": "balance-watch/0.1"}
    with requests.Session() as session:
        for _ in range(3):
            reply = session.get(f"{you.url}/v1/billing/account_balance", headers=headers, timeout=5)
            assert "close" not in reply.headers.get("Connection", "")
        assert len(you.requests) == 3


def test_a_stopped_server_does_not_answer_on_an_old_connection(you: YouServer) -> None:
    headers = {"X-API-Key": "one", "User-Agent": "balance-watch/0.1"}
    with requests.Session() as session:
        session.get(f"{you.url}/v1/billing/account_balance", headers=headers, timeout=5)
        you.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(f"{you.url}/v1/billing/account_balance", headers=headers, timeout=5)


def test_a_server_with_a_certificate_speaks_tls(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with YouServer(ssl_context=context) as server:
        server.accounts["one"] = ProviderAccount(Decimal(10))
        reply = requests.get(
            f"{server.url}/v1/billing/account_balance",
            headers={"X-API-Key": "one", "User-Agent": "balance-watch/0.1"},
            verify=str(tmp_path / "ca.pem"),
            timeout=5,
        )
    assert server.url.startswith("https://")
    assert reply.json()["data"]["attributes"]["balance"] == 1000
