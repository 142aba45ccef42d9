"""Every form of request: what is sent, and where the keys are in it."""

import json
import re
from base64 import b64encode
from uuid import UUID

import pytest

from balance_watch.domain.account import Account
from balance_watch.providers.request import balance_request, host_of, top_up_request
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_validation import parse_spec
from balance_watch.transport import Request
from balance_watch.validation import Faults
from tests.support.canaries import key
from tests.support.provider_reads import KEY, account_of, spec_of

OWN = """
name = "Own"
currency = "USD"
url = "https://api.example.com/balance"
auth = { headers = { Authorization = "Bearer $api_key" } }
"""


def request_to(slug: str, **variables: str) -> Request:
    return balance_request(spec_of(slug), account_of(slug, variables=variables))


def own(**changes: str) -> Spec:
    """Returns a specification with some of its lines replaced."""
    lines = {line.split(" ")[0]: line for line in OWN.strip().splitlines()} | changes
    faults = Faults()
    text = "\n".join((*lines.values(), 'reply.balance = "balance"'))
    spec = parse_spec(text, "own", faults)
    assert spec is not None, faults
    return spec


@pytest.mark.parametrize(
    ("slug", "header", "value"),
    [
        ("openrouter-credits", "Authorization", f"Bearer {KEY}"),
        ("deepgram", "Authorization", f"Token {KEY}"),
        ("fal", "Authorization", f"Key {KEY}"),
        ("infobip", "Authorization", f"App {KEY}"),
        ("messagebird", "Authorization", f"AccessKey {KEY}"),
        ("elevenlabs", "xi-api-key", KEY),
    ],
)
def test_a_key_goes_into_a_header_after_the_provider_s_own_word(
    slug: str, header: str, value: str
) -> None:
    assert request_to(slug).headers[header] == value


def test_two_headers_take_a_credential_each() -> None:
    headers = request_to("textmagic").headers
    assert (headers["X-TM-Username"], headers["X-TM-Key"]) == (key("username"), KEY)


def test_the_user_of_basic_may_be_an_identifier_of_the_address() -> None:
    request = request_to("twilio", account_sid="AC1")
    expected = b64encode(f"AC1:{key('auth_token')}".encode()).decode()
    assert request.headers["Authorization"] == f"Basic {expected}"
    assert request.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Balance.json"


def test_a_key_goes_into_a_json_body() -> None:
    request = request_to("anticaptcha")
    assert (request.method, request.json) == ("POST", {"clientKey": KEY})


def test_a_key_in_a_body_is_added_to_the_other_fields() -> None:
    spec = own(
        auth='auth = { body = { token = "$api_key" } }',
        method='method = "POST"',
        json='json = { operation = "balance", limit = 1 }',
    )
    assert balance_request(spec, account_of("you")).json == {
        "operation": "balance",
        "limit": 1,
        "token": KEY,
    }


def test_a_graphql_query_keeps_its_dollars() -> None:
    query = "query ($id: ID!) { balance(id: $id) }"
    spec = own(method='method = "POST"', json=f'json.query = "{query}"')
    assert balance_request(spec, account_of("you")).json == {"query": query}


def test_runpod_is_sent_a_graphql_query() -> None:
    assert request_to("runpod").json == {"query": "query { myself { clientBalance } }"}


def test_an_id_is_new_in_each_request() -> None:
    bodies = [json.loads(json.dumps(request_to("runware").json)) for _ in range(2)]
    (first,), (second,) = bodies
    assert UUID(first["taskUUID"]).version == 4
    assert first["taskUUID"] != second["taskUUID"]
    assert first["operation"] == "getDetails"


def test_the_fixed_query_of_an_address_is_kept() -> None:
    assert request_to("fal").url == "https://api.fal.ai/v1/account/billing?expand=credits"


def test_a_variable_can_be_a_part_of_the_host() -> None:
    request = request_to("infobip", base="x1y2z3")
    assert request.url == "https://x1y2z3.api.infobip.com/account/1/balance"


def test_the_limit_per_host_applies_to_the_host_with_its_variable() -> None:
    account = account_of("infobip", variables={"base": "x1y2z3"})
    assert host_of(spec_of("infobip"), account) == "x1y2z3.api.infobip.com"


@pytest.mark.parametrize("part", ["evil.example/", "a.b", "a:1", "", "-a", "a@b", "a b", "é"])
def test_a_variable_cannot_lead_to_another_host(part: str) -> None:
    faults = Faults()
    spec_of("infobip").for_region({"base": part}, None, "it", faults)
    assert re.search(
        "variables, base: (is missing|must be one part of a host name)", " ".join(faults)
    )


def in_region(slug: str, region: str, faults: Faults) -> Spec:
    return spec_of(slug).for_region({"region": region}, None, "it", faults)


def test_a_region_has_a_host_and_a_currency_of_its_own() -> None:
    china, default = in_region("moonshot", "cn", Faults()), spec_of("moonshot")
    account = account_of("moonshot")
    assert balance_request(china, account).url == "https://api.moonshot.cn/v1/users/me/balance"
    assert balance_request(default, account).url == "https://api.moonshot.ai/v1/users/me/balance"
    assert (china.currency, default.currency) == ("CNY", "USD")


def test_an_unknown_region_is_a_fault_that_names_the_known_ones() -> None:
    faults = Faults()
    in_region("moonshot", "mars", faults)
    assert faults == ["it: variables, region: must be one of cn, or be left out"]


def test_a_provider_without_an_address_needs_the_base_url_of_the_account() -> None:
    faults = Faults()
    spec_of("new-api-token").for_region({}, None, "it", faults)
    assert faults == ["it: base_url: is missing, and the provider has no address of its own"]
    account = account_of("new-api-token", "https://relay.example/gateway")
    url = balance_request(spec_of("new-api-token"), account).url
    assert url == "https://relay.example/gateway/api/usage/token/"


def test_an_identifier_of_the_address_is_a_variable_and_not_a_credential() -> None:
    spec = spec_of("twilio")
    assert (spec.credentials(None), spec.variables) == (("auth_token",), ("account_sid",))


def test_a_variable_never_replaces_a_credential() -> None:
    account = Account("a", "you", {"api_key": KEY}, variables={"api_key": "stray"})
    assert balance_request(spec_of("you"), account).headers["X-API-Key"] == KEY


def test_a_top_up_in_a_region_goes_to_its_host() -> None:
    spec = own(
        regions='regions.cn = { host = "api.example.cn" }',
        top_up='top_up = { url = "https://api.example.com/pay", form = { trx = "$trx" },'
        ' outcome = "word", outcomes = { ok = "paid" } }',
    )
    china = spec.for_region({"region": "cn"}, None, "it", Faults())
    account = account_of("you", variables={"trx": "t"})
    assert top_up_request(china, account).url == "https://api.example.cn/pay"
    assert top_up_request(spec, account).url == "https://api.example.com/pay"


@pytest.mark.parametrize("step", [".", ".."])
def test_a_variable_cannot_lead_to_another_path(step: str) -> None:
    faults = Faults()
    spec_of("twilio").for_region({"account_sid": step}, None, "it", faults)
    assert faults == ["it: variables, account_sid: leads to another address"]
