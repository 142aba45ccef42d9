"""All seven endpoints of the first four providers, over real HTTP, to the last digit."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from balance_watch.domain.reading import AutoReload, FailureKind
from local.loopback import Request
from local.provider_server import ProviderServer
from local.trouble import BLOCKED, NOT_ALLOWED, canned
from tests.providers.conftest import World
from tests.support.provider_reads import KEY, NOW, SECRET, account_of, failure, reading

ENDPOINTS = {
    "legnext": ("legnext", "/api/account/balance", "x-api-key", KEY),
    "you": ("you", "/v1/billing/account_balance", "x-api-key", KEY),
    "aimlapi-detail": ("aimlapi", "/v2/billing/detail", "authorization", f"Bearer {KEY}"),
    "aimlapi": ("aimlapi", "/v2/billing", "authorization", f"Bearer {KEY}"),
    "aimlapi-v1-legacy": ("aimlapi", "/v1/billing/balance", "authorization", f"Bearer {KEY}"),
    "vonage": (
        "vonage",
        "/account/get-balance",
        "authorization",
        f"Basic {b64encode(f'{KEY}:{SECRET}'.encode()).decode()}",
    ),
}


def server_of(world: World, slug: str) -> ProviderServer:
    server: ProviderServer = getattr(world, ENDPOINTS[slug][0])
    return server


def sent(server: ProviderServer) -> Request:
    (request,) = server.requests
    return request


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_the_documented_request_is_sent_with_its_key_in_the_header(world: World, slug: str) -> None:
    server = server_of(world, slug)
    reading(world.client, account_of(slug, server.url))
    _, path, header, value = ENDPOINTS[slug]
    request = sent(server)
    assert (request.method, request.path) == ("GET", path)
    assert request.headers[header] == value


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_no_key_is_in_the_address(world: World, slug: str) -> None:
    server = server_of(world, slug)
    reading(world.client, account_of(slug, server.url))
    assert sent(server).query == {}


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_an_explicit_user_agent_is_sent(world: World, slug: str) -> None:
    server = server_of(world, slug)
    reading(world.client, account_of(slug, server.url))
    assert sent(server).headers["user-agent"].startswith("balance-watch/")


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_the_path_of_a_base_url_comes_before_the_provider_s(world: World, slug: str) -> None:
    server = server_of(world, slug)
    failure(world.client, account_of(slug, f"{server.url}/gateway/$eu/"))
    assert sent(server).path == f"/gateway/$eu{ENDPOINTS[slug][1]}"


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_an_unknown_key_is_rejected(world: World, slug: str) -> None:
    server = server_of(world, slug)
    server.accounts.clear()
    assert failure(world.client, account_of(slug, server.url)).kind is FailureKind.KEY_REJECTED


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_a_key_without_permission_is_not_allowed(world: World, slug: str) -> None:
    server = server_of(world, slug)
    server.trouble = NOT_ALLOWED
    assert failure(world.client, account_of(slug, server.url)).kind is FailureKind.NOT_ALLOWED


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_a_reading_belongs_to_its_tick(world: World, slug: str) -> None:
    account = account_of(slug, server_of(world, slug).url)
    assert reading(world.client, account).observed_at == NOW


@pytest.mark.parametrize("flat", [False, True], ids=["in an envelope", "flat"])
def test_legnext_is_read_completely(world: World, flat: bool) -> None:  # noqa: FBT001 (a parameter)
    world.legnext.flat = flat
    got = reading(world.client, account_of("legnext", world.legnext.url))
    assert (got.balance, got.currency) == (Decimal("72.048"), "USD")
    assert (got.credits, got.points) == (Decimal(71000), Decimal(1048))
    assert (got.provider_flag, got.provider_threshold) == (False, Decimal(10))


def test_legnext_s_nine_fractional_digits_are_a_time(world: World) -> None:
    got = reading(world.client, account_of("legnext", world.legnext.url))
    assert got.provider_time == datetime(2025, 11, 5, 8, 22, 37, 784663, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("401", FailureKind.KEY_REJECTED),
        ("403", FailureKind.NOT_ALLOWED),
        ("429", FailureKind.RATE_LIMITED),
        ("500", FailureKind.PROVIDER_ERROR),
        ("0", FailureKind.PROVIDER_ERROR),
        ('"no"', FailureKind.PROVIDER_ERROR),
        ("true", FailureKind.PROVIDER_ERROR),
    ],
)
def test_legnext_s_own_code_counts_although_the_status_is_200(
    world: World, code: str, kind: FailureKind
) -> None:
    world.legnext.trouble = canned(200, f'{{"code":{code},"data":{{"balance_usd":72.048}}}}')
    assert failure(world.client, account_of("legnext", world.legnext.url)).kind is kind


def test_you_s_cents_become_dollars_to_the_last_digit(world: World) -> None:
    got = reading(world.client, account_of("you", world.you.url))
    assert str(got.balance) == "7189.245"
    assert got.currency == "USD"


def test_the_server_in_front_of_you_is_not_mistaken_for_its_api(world: World) -> None:
    account = account_of("you", world.you.url)
    world.you.trouble = BLOCKED
    front = failure(world.client, account)
    world.you.trouble = NOT_ALLOWED
    api = failure(world.client, account)
    assert (front.kind, api.kind) == (FailureKind.BLOCKED, FailureKind.NOT_ALLOWED)
    assert (front.kind.about_the_key, api.kind.about_the_key) == (False, True)


def test_aimlapi_s_detail_has_the_automatic_top_up(world: World) -> None:
    got = reading(world.client, account_of("aimlapi-detail", world.aimlapi.url))
    assert (got.balance, got.currency) == (Decimal("100.5"), "USD")
    assert got.auto_reload == AutoReload(enabled=True, threshold=Decimal(50), amount=Decimal(100))


def test_aimlapi_s_automatic_top_up_may_be_off(world: World) -> None:
    world.aimlapi.accounts[KEY].auto_reload = False
    got = reading(world.client, account_of("aimlapi-detail", world.aimlapi.url))
    assert got.auto_reload is not None
    assert not got.auto_reload.enabled


def test_aimlapi_s_mail_address_is_in_no_reading(world: World) -> None:
    got = reading(world.client, account_of("aimlapi-detail", world.aimlapi.url))
    assert "user@example.com" not in repr(got)


@pytest.mark.parametrize(
    "body",
    [
        '{"email":"user@example.com","current_balance":"user@example.com","currency":"USD"}',
        '{"email":"user@example.com","current_balance":1,"currency":"user@example.com"}',
        '{"email":"user@example.com","user@example.com":1}',
        '{"email":"user@example.com","email":"user@example.com"}',
        '{"current_balance":1,"currency":"USD","autotopup_settings":{"is_enabled":"user@x"}}',
        '"user@example.com"',
        "user@example.com",
    ],
)
@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_aimlapi_s_mail_address_is_in_no_failure(world: World, body: str, status: int) -> None:
    world.aimlapi.trouble = canned(status, body)
    got = failure(world.client, account_of("aimlapi-detail", world.aimlapi.url))
    assert "user@" not in repr(got)


def test_aimlapi_s_billing_has_a_balance_and_its_currency(world: World) -> None:
    got = reading(world.client, account_of("aimlapi", world.aimlapi.url))
    assert (got.balance, got.currency) == (Decimal("100.5"), "USD")
    assert got.auto_reload is None


def test_a_reply_in_another_currency_than_documented_is_malformed(world: World) -> None:
    world.aimlapi.trouble = canned(200, '{"current_balance":900,"currency":"JPY"}')
    got = failure(world.client, account_of("aimlapi", world.aimlapi.url))
    assert got.kind is FailureKind.MALFORMED
    assert "another currency than USD" in got.message


def test_a_reply_in_the_account_s_currency_is_read(world: World) -> None:
    world.aimlapi.trouble = canned(200, '{"current_balance":5,"currency":"eur"}')
    account = account_of("aimlapi", world.aimlapi.url, currency="EUR")
    assert reading(world.client, account).currency == "EUR"


def test_a_reply_in_another_currency_than_the_account_s_is_malformed(world: World) -> None:
    account = account_of("aimlapi", world.aimlapi.url, currency="EUR")
    assert failure(world.client, account).kind is FailureKind.MALFORMED


def test_aimlapi_s_v1_is_read_in_dollars_and_in_credits(world: World) -> None:
    world.aimlapi.accounts[KEY].balance = Decimal("275.7822475")
    got = reading(world.client, account_of("aimlapi-v1-legacy", world.aimlapi.url))
    assert (got.balance, got.currency) == (Decimal("275.7822475"), "USD")
    assert got.credits == Decimal(551564495)
    assert got.provider_threshold == Decimal("0.005")


def test_aimlapi_s_v1_has_a_flag_a_status_and_an_automatic_debit(world: World) -> None:
    world.aimlapi.accounts[KEY].flag = True
    got = reading(world.client, account_of("aimlapi-v1-legacy", world.aimlapi.url))
    assert got.provider_flag is True
    assert got.auto_reload == AutoReload(enabled=True)
    assert got.status == "Balance is current and up to date"


def test_aimlapi_s_v1_time_of_the_request_is_not_the_provider_time(world: World) -> None:
    got = reading(world.client, account_of("aimlapi-v1-legacy", world.aimlapi.url))
    assert got.provider_time is None


@pytest.mark.parametrize("word", ["unknown", "Disabled?", ""])
def test_an_unknown_word_for_aimlapi_s_automatic_debit_is_no_answer(
    world: World, word: str
) -> None:
    world.aimlapi.trouble = canned(200, f'{{"balance":1,"autoDebitStatus":"{word}"}}')
    got = reading(world.client, account_of("aimlapi-v1-legacy", world.aimlapi.url))
    assert got.auto_reload is None


def test_vonage_is_read_in_euros(world: World) -> None:
    got = reading(world.client, account_of("vonage", world.vonage.url))
    assert (got.balance, got.currency) == (Decimal("10.171275"), "EUR")
    assert got.auto_reload == AutoReload(enabled=False)


def test_vonage_s_keys_go_into_the_query_if_the_account_says_so(world: World) -> None:
    reading(world.client, account_of("vonage", world.vonage.url, auth="query"))
    request = sent(world.vonage)
    assert request.query == {"api_key": KEY, "api_secret": SECRET}
    assert "authorization" not in request.headers


def test_vonage_is_asked_for_json(world: World) -> None:
    reading(world.client, account_of("vonage", world.vonage.url))
    assert sent(world.vonage).headers["accept"] == "application/json"


def vonage_in_xml(content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<accountBalance>{content}</accountBalance>'


@pytest.mark.parametrize(("word", "enabled"), [("true", True), ("false", False)])
def test_vonage_s_xml_is_read_like_its_json(
    world: World,
    word: str,
    enabled: bool,  # noqa: FBT001 (a parameter)
) -> None:
    body = vonage_in_xml(f"<value>10.17127500</value><autoReload>{word}</autoReload>")
    world.vonage.trouble = canned(200, body, content_type="application/xml")
    got = reading(world.client, account_of("vonage", world.vonage.url))
    assert (got.balance, got.currency) == (Decimal("10.171275"), "EUR")
    assert got.auto_reload == AutoReload(enabled=enabled)


@pytest.mark.parametrize("status", [200, 401])
def test_vonage_s_error_codes_are_strings(world: World, status: int) -> None:
    body = '{"error-code":"401","error-code-label":"authentication failed"}'
    world.vonage.trouble = canned(status, body)
    got = failure(world.client, account_of("vonage", world.vonage.url))
    assert got.kind is FailureKind.KEY_REJECTED


def test_vonage_s_error_in_xml_is_an_error(world: World) -> None:
    body = vonage_in_xml("<error-code>401</error-code>")
    world.vonage.trouble = canned(401, body, content_type="application/xml")
    got = failure(world.client, account_of("vonage", world.vonage.url))
    assert got.kind is FailureKind.KEY_REJECTED


def test_an_account_may_name_the_currency_if_the_provider_does_not(world: World) -> None:
    account = replace(account_of("vonage", world.vonage.url), currency="GBP")
    assert reading(world.client, account).currency == "GBP"
