"""A payment has one of five outcomes, and is sent at most once."""

from urllib.parse import parse_qs

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.request import top_up_request
from balance_watch.transport import Transport
from local.trouble import KEY_REJECTED, LOST_REPLY, OUTAGE, Trouble, canned
from tests.providers.conftest import World
from tests.support.fault_behaviours import CHUNKED, drips, floods, hangs, replies, resets, sends
from tests.support.fault_server import Behaviour, FaultServer, closed_port
from tests.support.provider_reads import KEY, SECRET, account_of, hasty_client, spec_of

VONAGE = spec_of("vonage")
SUCCESS = b'{"error-code":"200","error-code-label":"success"}'


def payer(base_url: str, auth: str | None = None) -> Account:
    account = account_of("vonage", base_url, variables={"trx": "00X123&456=Y"})
    return replace(account, auth=auth)


def paid_through(server: FaultServer) -> PaymentOutcome:
    return hasty_client().top_up(VONAGE, payer(server.url))


@pytest.fixture
def autoreloading(world: World) -> World:
    world.vonage.accounts[f"{KEY}:{SECRET}"].auto_reload = True
    return world


def test_a_payment_that_took_effect_is_paid(autoreloading: World) -> None:
    outcome = autoreloading.client.top_up(VONAGE, payer(autoreloading.vonage.url))
    assert outcome is PaymentOutcome.PAID
    assert autoreloading.vonage.accounts[f"{KEY}:{SECRET}"].top_ups == ["00X123&456=Y"]


def test_the_transaction_reference_arrives_as_a_form_field(autoreloading: World) -> None:
    autoreloading.client.top_up(VONAGE, payer(autoreloading.vonage.url))
    (request,) = autoreloading.vonage.requests
    assert (request.method, request.path) == ("POST", "/account/top-up")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {"trx": ["00X123&456=Y"]}


def test_a_payment_s_keys_are_in_its_header(autoreloading: World) -> None:
    autoreloading.client.top_up(VONAGE, payer(autoreloading.vonage.url))
    (request,) = autoreloading.vonage.requests
    assert request.headers["authorization"].startswith("Basic ")
    assert request.query == {}


def test_a_payment_s_keys_go_into_the_query_if_the_account_says_so(autoreloading: World) -> None:
    account = payer(autoreloading.vonage.url, auth="query")
    assert autoreloading.client.top_up(VONAGE, account) is PaymentOutcome.PAID
    (request,) = autoreloading.vonage.requests
    assert request.query == {"api_key": KEY, "api_secret": SECRET}


def test_a_payment_without_auto_reload_is_not_enabled(world: World) -> None:
    outcome = world.client.top_up(VONAGE, payer(world.vonage.url))
    assert outcome is PaymentOutcome.NOT_ENABLED


def test_a_payment_with_a_wrong_key_is_rejected(autoreloading: World) -> None:
    autoreloading.vonage.trouble = KEY_REJECTED
    outcome = autoreloading.client.top_up(VONAGE, payer(autoreloading.vonage.url))
    assert outcome is PaymentOutcome.KEY_REJECTED
    assert autoreloading.vonage.accounts[f"{KEY}:{SECRET}"].top_ups == []


def test_a_payment_over_a_refused_connection_was_not_sent() -> None:
    authority = f"127.0.0.1:{closed_port()}"
    client = ProviderClient(Transport([authority]))
    assert client.top_up(VONAGE, payer(f"http://{authority}")) is PaymentOutcome.NOT_SENT


@pytest.mark.parametrize(
    "base_url",
    ["https://nobody.invalid", "https://127.0.0.1", "http://nobody.example", "https://a..b"],
)
def test_a_payment_to_an_address_that_is_not_allowed_was_not_sent(base_url: str) -> None:
    assert ProviderClient(Transport()).top_up(VONAGE, payer(base_url)) is PaymentOutcome.NOT_SENT


def test_a_payment_without_a_handshake_was_not_sent() -> None:
    with FaultServer(hangs) as server:
        outcome = hasty_client().top_up(VONAGE, payer(server.url.replace("http://", "https://")))
    assert outcome is PaymentOutcome.NOT_SENT


def test_a_payment_whose_reply_was_lost_is_unknown_though_it_was_made(autoreloading: World) -> None:
    autoreloading.vonage.trouble = LOST_REPLY
    outcome = autoreloading.client.top_up(VONAGE, payer(autoreloading.vonage.url))
    assert outcome is PaymentOutcome.UNKNOWN
    assert len(autoreloading.vonage.requests) == 1
    assert len(autoreloading.vonage.accounts[f"{KEY}:{SECRET}"].top_ups) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        OUTAGE,
        canned(500, SUCCESS),
        canned(401, SUCCESS),
        canned(200, b'{"error-code":"401","error-code-label":"not auto-reload enabled"}'),
        canned(200, b'{"error-code":"401","error-code-label":"authentication failed"}'),
        canned(200, b'{"error-code":"200","error-code-label":"accepted"}'),
        canned(200, b'{"error-code":"200","error-code-label":["success"]}'),
        canned(200, b'{"error-code":"200","error-code-label":null}'),
        canned(200, b"{}"),
        canned(200, b""),
        canned(200, b"success"),
        canned(200, b"<html>success</html>", content_type="text/html"),
        canned(200, b'{"error-code-label":"success","error-code-label":"failed"}'),
        canned(302, SUCCESS, {"Location": "/elsewhere"}),
        canned(401, b"", content_type="text/html"),
        canned(429, b"{}", {"Retry-After": "0"}),
    ],
)
def test_a_payment_with_an_undocumented_reply_is_unknown(world: World, trouble: Trouble) -> None:
    world.vonage.trouble = trouble
    outcome = world.client.top_up(VONAGE, payer(world.vonage.url))
    assert outcome is PaymentOutcome.UNKNOWN
    assert len(world.vonage.requests) == 1


UNKNOWN: dict[str, Behaviour] = {
    "hangs": hangs,
    "hangs up": sends(),
    "resets": resets(),
    "drips": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b" "),
    "breaks off": replies("200 OK", SUCCESS, content_length="99"),
    "has no end": floods(b"HTTP/1.1 200 OK\r\n\r\n"),
    "sends garbage": sends(b"\x00\xff\x00\xff\r\n\r\n"),
    "has no status": sends(b"HTTP/1.1 ok OK\r\n\r\n" + SUCCESS),
    "has two lengths": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n{}"),
    "has a broken chunk": sends(CHUNKED + b"many\r\n"),
    "is broken gzip": replies("200 OK", SUCCESS, content_encoding="gzip"),
}


@pytest.mark.parametrize("behaviour", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_payment_with_an_incomplete_reply_is_unknown_and_is_not_repeated(
    behaviour: Behaviour,
) -> None:
    with FaultServer(behaviour) as server:
        assert paid_through(server) is PaymentOutcome.UNKNOWN
        assert len(server.heads) == 1


@pytest.mark.parametrize("slug", ["legnext", "you", "aimlapi"])
def test_an_account_of_a_provider_without_top_ups_cannot_be_topped_up(slug: str) -> None:
    spec, account = spec_of(slug), account_of(slug)
    assert spec.cannot_top_up(account) == f"{spec.name} cannot be topped up through its API"
    with pytest.raises(LookupError):
        ProviderClient(Transport()).top_up(spec, account)


def test_a_payment_without_its_reference_is_not_sent(world: World) -> None:
    account = account_of("vonage", world.vonage.url)
    assert VONAGE.cannot_top_up(account) == "the account's variables are missing trx"
    with pytest.raises(LookupError, match="trx"):
        world.client.top_up(VONAGE, account)
    assert world.vonage.requests == []


def test_an_account_with_its_reference_can_be_topped_up() -> None:
    assert VONAGE.cannot_top_up(payer("https://rest.nexmo.com")) is None


def test_a_payment_goes_where_the_specification_says() -> None:
    request = top_up_request(VONAGE, account_of("vonage", variables={"trx": "1"}))
    assert request.url == "https://rest.nexmo.com/account/top-up"
