"""Providers that give a token for an id and a secret first: what is sent to whom."""

from base64 import b64encode

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.providers.registry import catalogue_provider
from balance_watch.validation import Faults
from tests.support.canaries import key
from tests.support.provider_reads import account_of, conversation

TOKEN = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 3599}
PAYPAL = {"balances": [{"currency": "USD", "available_balance": {"value": "8.00"}}]}
AZURE = {
    "properties": {"balanceSummary": {"estimatedBalance": {"currency": "USD", "value": 996.13}}}
}
PROFILE = {"tenant_id": "my tenant", "billing_account": "1:2_2019", "billing_profile": "PBFV"}


def test_paypal_s_token_is_asked_for_and_then_the_balances() -> None:
    (first, second), result = conversation("paypal", [TOKEN, PAYPAL])
    assert (first.method, first.url) == ("POST", "https://api-m.paypal.com/v1/oauth2/token")
    assert first.form == {"grant_type": "client_credentials"}
    assert (second.method, second.form) == ("GET", None)
    assert second.url == "https://api-m.paypal.com/v1/reporting/balances"
    assert second.headers["Authorization"] == "Bearer a-token"
    assert isinstance(result, Reading)


def test_the_id_and_the_secret_go_to_the_address_of_tokens_alone() -> None:
    (first, second), _ = conversation("paypal", [TOKEN, PAYPAL])
    pair = b64encode(f"{key('client_id')}:{key('client_secret')}".encode()).decode()
    assert first.headers["Authorization"] == f"Basic {pair}"
    assert pair not in f"{second.url}{dict(second.headers)}"


def test_the_sandbox_of_paypal_has_its_own_tokens() -> None:
    spec = catalogue_provider("paypal")
    assert spec is not None
    sandbox = spec.for_region({"region": "sandbox"}, None, "account", Faults())
    (first, second), _ = conversation("paypal", [TOKEN, PAYPAL], spec=sandbox)
    assert first.url == "https://api-m.sandbox.paypal.com/v1/oauth2/token"
    assert second.url == "https://api-m.sandbox.paypal.com/v1/reporting/balances"


def test_azure_s_token_is_asked_for_at_the_tenant() -> None:
    account = account_of("azure", variables=PROFILE)
    (first, second), result = conversation("azure", [TOKEN, AZURE], account)
    assert first.url == "https://login.microsoftonline.com/my%20tenant/oauth2/v2.0/token"
    assert first.form == {
        "grant_type": "client_credentials",
        "scope": "https://management.azure.com/.default",
    }
    assert second.url.startswith(
        "https://management.azure.com/providers/Microsoft.Billing/billingAccounts/1%3A2_2019"
        "/billingProfiles/PBFV/"
    )
    assert second.headers["Authorization"] == "Bearer a-token"
    assert isinstance(result, Reading)


def test_a_tenant_that_is_not_named_is_what_the_failure_tells() -> None:
    _, result = conversation("azure", [{"error": "invalid_client"}])
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.KEY_REJECTED
    assert result.message == "The account's variables do not name the tenant_id."


@pytest.mark.parametrize("token", [None, "", 5, ["a"], "two words", "a\r\nb", "x" * 8001])
def test_a_reply_without_a_token_that_a_header_can_hold_is_malformed(token: object) -> None:
    sent, result = conversation("paypal", [{"access_token": token}])
    assert len(sent) == 1
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.MALFORMED
