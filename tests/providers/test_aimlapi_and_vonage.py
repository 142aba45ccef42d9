"""The endpoints of AIMLAPI and Vonage, over real HTTP, to the last digit."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.reading import AutoReload, FailureKind
from local.trouble import canned
from tests.providers.conftest import World
from tests.support.provider_reads import KEY, SECRET, account_of, failure, reading


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
    (request,) = world.vonage.requests
    assert request.query == {"api_key": KEY, "api_secret": SECRET}
    assert "authorization" not in request.headers


def test_vonage_is_asked_for_json(world: World) -> None:
    reading(world.client, account_of("vonage", world.vonage.url))
    (request,) = world.vonage.requests
    assert request.headers["accept"] == "application/json"


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
