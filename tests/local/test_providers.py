"""The loopback providers answer what the providers' documentation shows, to the byte."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import requests

from local.providers import (
    AimlapiServer,
    LegnextServer,
    ProviderAccount,
    VonageServer,
    YouServer,
)

USER_AGENT = {"User-Agent": "balance-watch/0.1"}
TIMEOUT = 5


@pytest.fixture
def legnext() -> Iterator[LegnextServer]:
    with LegnextServer() as server:
        server.accounts["key"] = ProviderAccount(Decimal("72.048"), points=1048)
        yield server


@pytest.fixture
def you() -> Iterator[YouServer]:
    with YouServer() as server:
        server.accounts["key"] = ProviderAccount(Decimal("7189.245"))
        yield server


@pytest.fixture
def aimlapi() -> Iterator[AimlapiServer]:
    with AimlapiServer() as server:
        yield server


@pytest.fixture
def vonage() -> Iterator[VonageServer]:
    with VonageServer() as server:
        server.accounts["abcd1234:secret"] = ProviderAccount(Decimal("10.17127500"))
        yield server


def balance(server: LegnextServer | YouServer, path: str, key: str = "key") -> requests.Response:
    headers = {"X-API-Key": key, **USER_AGENT}
    return requests.get(server.url + path, headers=headers, timeout=TIMEOUT)


def test_legnext_wraps_its_published_sample_in_an_envelope(legnext: LegnextServer) -> None:
    reply = balance(legnext, "/api/account/balance")
    assert reply.content == (
        b'{"code":200,"data":{"account_id":1,"balance_usd":72.048,"available_credits":71000,'
        b'"available_points":1048,"alert_threshold":10,"low_balance_alert":false,'
        b'"updated_at":"2025-11-05T08:22:37.784663288Z"},"message":"success"}'
    )


def test_legnext_can_answer_the_flat_object_of_its_documentation(legnext: LegnextServer) -> None:
    legnext.flat = True
    assert balance(legnext, "/api/account/balance").json()["balance_usd"] == 72.048


def test_legnext_answers_an_error_code_to_an_unknown_key(legnext: LegnextServer) -> None:
    reply = balance(legnext, "/api/account/balance", key="another")
    assert (reply.status_code, reply.json()) == (401, {"code": 401, "message": "unauthorized"})


def test_you_answers_in_fractional_cents(you: YouServer) -> None:
    reply = balance(you, "/v1/billing/account_balance")
    assert reply.content == (
        b'{"data":{"type":"account","id":"hashed-account","attributes":{"balance":718924.5}}}'
    )


def test_you_writes_a_whole_number_of_cents_without_a_point(you: YouServer) -> None:
    you.accounts["key"].balance = Decimal("99.92")
    assert b'{"balance":9992}' in balance(you, "/v1/billing/account_balance").content


def test_you_answers_a_detail_to_an_unknown_key(you: YouServer) -> None:
    reply = balance(you, "/v1/billing/account_balance", key="another")
    assert (reply.status_code, reply.json()) == (401, {"detail": "Problems with API key."})


def test_the_front_of_you_blocks_pythons_own_user_agent_with_a_page(you: YouServer) -> None:
    url = f"{you.url}/v1/billing/account_balance"
    reply = requests.get(url, headers={"X-API-Key": "key"}, timeout=TIMEOUT)
    assert (reply.status_code, reply.headers["Content-Type"]) == (403, "text/html; charset=UTF-8")
    assert "1010" in reply.text


def read_aimlapi(server: AimlapiServer, path: str) -> requests.Response:
    return requests.get(server.url + path, headers={"Authorization": "Bearer key"}, timeout=TIMEOUT)


def test_aimlapi_answers_balance_and_currency(aimlapi: AimlapiServer) -> None:
    aimlapi.accounts["key"] = ProviderAccount(Decimal("123.45"))
    reply = read_aimlapi(aimlapi, "/v2/billing")
    assert reply.content == b'{"current_balance":123.45,"currency":"USD"}'


def test_aimlapi_answers_the_settings_of_the_automatic_top_up(aimlapi: AimlapiServer) -> None:
    aimlapi.accounts["key"] = ProviderAccount(
        Decimal("100.5"), threshold=Decimal(50), auto_reload=True
    )
    assert read_aimlapi(aimlapi, "/v2/billing/detail").content == (
        b'{"user_id":111,"email":"user@example.com","current_balance":100.5,"currency":"USD",'
        b'"autotopup_settings":{"is_enabled":true,"threshold":50,"amount":100,"currency":"USD"}}'
    )


def test_aimlapis_first_version_answers_in_credits_as_of_now(aimlapi: AimlapiServer) -> None:
    aimlapi.accounts["key"] = ProviderAccount(Decimal("275.7822475"))
    aimlapi.now = lambda: datetime(2025, 11, 10, 10, 1, 56, 824000, tzinfo=UTC)
    assert read_aimlapi(aimlapi, "/v1/billing/balance").content == (
        b'{"balance":551564495,"lowBalance":false,"lowBalanceThreshold":10000,'
        b'"lastUpdated":"2025-11-10T10:01:56.824Z","autoDebitStatus":"disabled",'
        b'"status":"current","statusExplanation":"Balance is current and up to date"}'
    )


def test_aimlapi_errors_have_the_documented_fields(aimlapi: AimlapiServer) -> None:
    reply = read_aimlapi(aimlapi, "/v2/billing")
    assert reply.status_code == 401
    assert set(reply.json()) == {"message", "path", "requestId", "statusCode", "timestamp"}
    assert reply.json()["statusCode"] == "401"


def read_vonage(server: VonageServer, **options: object) -> requests.Response:
    return requests.request(
        "GET",
        f"{server.url}/account/get-balance",
        timeout=TIMEOUT,
        **options,  # type: ignore[arg-type]  # requests' own options
    )


def test_vonage_accepts_basic_authentication(vonage: VonageServer) -> None:
    reply = read_vonage(vonage, auth=("abcd1234", "secret"))
    assert reply.content == b'{"value":10.17127500,"autoReload":false}'


def test_vonage_accepts_credentials_in_the_query(vonage: VonageServer) -> None:
    reply = read_vonage(vonage, params={"api_key": "abcd1234", "api_secret": "secret"})
    assert reply.content == b'{"value":10.17127500,"autoReload":false}'


def test_vonage_answers_in_xml_to_a_client_that_accepts_xml(vonage: VonageServer) -> None:
    xml = {"Accept": "application/xml"}
    reply = read_vonage(vonage, auth=("abcd1234", "secret"), headers=xml)
    assert reply.headers["Content-Type"] == "application/xml"
    assert reply.text.splitlines() == [
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>',
        "<accountBalance>",
        "  <value>10.17127500</value>",
        "  <autoReload>false</autoReload>",
        "</accountBalance>",
    ]


def test_vonages_error_codes_are_strings(vonage: VonageServer) -> None:
    reply = read_vonage(vonage, auth=("abcd1234", "wrong"))
    assert reply.status_code == 401
    assert reply.content == b'{"error-code":"401","error-code-label":"authentication failed"}'


def top_up(server: VonageServer, secret: str) -> requests.Response:
    return requests.post(
        f"{server.url}/account/top-up",
        data={"trx": "8ef2447e69604f642ae59363aa5f781b"},
        auth=("abcd1234", secret),
        timeout=TIMEOUT,
    )


def test_a_vonage_top_up_adds_the_agreed_amount(vonage: VonageServer) -> None:
    account = vonage.accounts["abcd1234:secret"]
    account.auto_reload = True
    assert top_up(vonage, "secret").content == b'{"error-code":"200","error-code-label":"success"}'
    assert account.balance == Decimal("110.171275")
    assert account.top_ups == ["8ef2447e69604f642ae59363aa5f781b"]


def test_a_vonage_top_up_without_auto_reload_changes_nothing(vonage: VonageServer) -> None:
    reply = top_up(vonage, "secret")
    assert reply.status_code == 401
    assert reply.json()["error-code-label"] == "not auto-reload enabled"
    assert vonage.accounts["abcd1234:secret"].top_ups == []


def test_a_vonage_top_up_with_a_wrong_secret_has_an_error_of_its_own(vonage: VonageServer) -> None:
    reply = top_up(vonage, secret="wrong")
    assert reply.json()["error-code-label"] == "authentication failed"
