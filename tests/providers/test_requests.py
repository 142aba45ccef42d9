"""Every way to ask: what goes out, and where the keys are in it."""

import json
import re
from base64 import b64encode
from uuid import UUID

import pytest

from balance_watch.domain.account import Account
from balance_watch.providers.request import balance_request, host_of, top_up_request
from balance_watch.providers.spec import Spec, parse_spec
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


def asked(slug: str, **variables: str) -> Request:
    return balance_request(spec_of(slug), account_of(slug, variables=variables))


def own(**changes: str) -> Spec:
    """A specification with some of its lines in another form."""
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
def test_a_key_goes_into_a_header_behind_the_provider_s_own_word(
    slug: str, header: str, value: str
) -> None:
    assert asked(slug).headers[header] == value


def test_two_headers_take_a_credential_each() -> None:
    headers = asked("textmagic").headers
    assert (headers["X-TM-Username"], headers["X-TM-Key"]) == (key("username"), KEY)


def test_basic_may_take_an_identifier_of_the_address_as_its_user() -> None:
    request = asked("twilio", account_sid="AC1")
    expected = b64encode(f"AC1:{key('auth_token')}".encode()).decode()
    assert request.headers["Authorization"] == f"Basic {expected}"
    assert request.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Balance.json"


def test_a_key_goes_into_a_body_of_json() -> None:
    request = asked("anticaptcha")
    assert (request.method, request.json) == ("POST", {"clientKey": KEY})


def test_a_key_in_a_body_stands_beside_what_else_is_asked_there() -> None:
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


def test_a_query_for_graphql_is_what_runpod_is_asked() -> None:
    assert asked("runpod").json == {"query": "query { myself { clientBalance } }"}


def test_an_id_that_may_be_used_but_once_is_new_in_each_request() -> None:
    bodies = [json.loads(json.dumps(asked("runware").json)) for _ in range(2)]
    (first,), (second,) = bodies
    assert UUID(first["taskUUID"]).version == 4
    assert first["taskUUID"] != second["taskUUID"]
    assert first["operation"] == "getDetails"


def test_a_fixed_query_of_an_address_stays_in_it() -> None:
    assert asked("fal").url == "https://api.fal.ai/v1/account/billing?expand=credits"


def test_a_variable_can_be_a_part_of_the_host() -> None:
    request = asked("infobip", base="x1y2z3")
    assert request.url == "https://x1y2z3.api.infobip.com/account/1/balance"


def test_the_limit_per_host_counts_by_the_host_that_is_asked() -> None:
    account = account_of("infobip", variables={"base": "x1y2z3"})
    assert host_of(spec_of("infobip"), account) == "x1y2z3.api.infobip.com"


@pytest.mark.parametrize("part", ["evil.example/", "a.b", "a:1", "", "-a", "a@b", "a b", "é"])
def test_a_variable_cannot_lead_to_another_host(part: str) -> None:
    faults = Faults()
    spec_of("infobip").for_region({"base": part}, None, "it", faults)
    assert re.search("variables has no base|a part of a host's name", " ".join(faults))


def placed(slug: str, region: str, faults: Faults) -> Spec:
    return spec_of(slug).for_region({"region": region}, None, "it", faults)


def test_a_region_has_a_host_and_a_currency_of_its_own() -> None:
    there, here = placed("moonshot", "cn", Faults()), spec_of("moonshot")
    account = account_of("moonshot")
    assert balance_request(there, account).url == "https://api.moonshot.cn/v1/users/me/balance"
    assert balance_request(here, account).url == "https://api.moonshot.ai/v1/users/me/balance"
    assert (there.currency, here.currency) == ("CNY", "USD")


def test_a_region_that_there_is_not_is_told_with_those_that_there_are() -> None:
    faults = Faults()
    placed("moonshot", "mars", faults)
    assert faults == ["it: variables, region: can be cn, or be left out"]


def test_a_provider_without_an_address_needs_the_account_s() -> None:
    faults = Faults()
    spec_of("new-api-token").for_region({}, None, "it", faults)
    assert faults == ["it: has no base_url, and the provider has no address of its own"]
    account = account_of("new-api-token", "https://relay.example/gateway")
    url = balance_request(spec_of("new-api-token"), account).url
    assert url == "https://relay.example/gateway/api/usage/token/"


def test_an_identifier_of_the_address_is_a_variable_and_no_credential() -> None:
    spec = spec_of("twilio")
    assert (spec.credentials(None), spec.variables) == (("auth_token",), ("account_sid",))


def test_a_stray_variable_takes_no_credential_s_place() -> None:
    account = Account("a", "you", {"api_key": KEY}, variables={"api_key": "stray"})
    assert balance_request(spec_of("you"), account).headers["X-API-Key"] == KEY


def test_a_region_is_paid_at_its_own_host() -> None:
    spec = own(
        regions='regions.cn = { host = "api.example.cn" }',
        top_up='top_up = { url = "https://api.example.com/pay", form = { trx = "$trx" },'
        ' outcome = "word", outcomes = { ok = "paid" } }',
    )
    there = spec.for_region({"region": "cn"}, None, "it", Faults())
    account = account_of("you", variables={"trx": "t"})
    assert top_up_request(there, account).url == "https://api.example.cn/pay"
    assert top_up_request(spec, account).url == "https://api.example.com/pay"


@pytest.mark.parametrize("step", [".", ".."])
def test_a_variable_leads_to_no_other_path(step: str) -> None:
    faults = Faults()
    spec_of("twilio").for_region({"account_sid": step}, None, "it", faults)
    assert faults == ["it: variables, account_sid: leads to another address"]
