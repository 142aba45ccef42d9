"""Hostile and broken specifications: each is a fault, and none ends a run."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.config.policy import parse_policy
from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadFailure, Reading
from balance_watch.exact_parsing import exact_json
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.request import balance_request, host_of
from balance_watch.providers.spec_validation import convert_spec
from balance_watch.transport import Reply
from balance_watch.validation import Faults
from tests.support.canaries import key
from tests.support.provider_reads import NOW, account_of, parsed, spec_of
from tests.support.specifications import by, unstated

GOOD: dict[str, Any] = {
    "name": "Example",
    "url": "https://api.example.com/balance",
    "auth": {"headers": {"Authorization": "Bearer $api_key"}},
    "currency": "USD",
    "reply": {"balance": "balance"},
}


def faults_of(**changes: object) -> Faults:
    faults = Faults()
    text = json.dumps({**GOOD, **changes}).replace('"NUMBER"', "1e9999999")
    convert_spec(exact_json(text, any_number=True), "it", faults)
    return faults


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": "NUMBER"},
        {"scale": "1e400"},
        {"scale": "-1e-400"},
        {"scale": "NaN"},
        {"method": "POST", "json": nested(900)},
        {"method": "POST", "json": {"a": "NUMBER"}},
        {"reply": {"balance": "!" * 900 + "b"}},
        {"reply": {"balance": "(" * 900}},
        {"reply": {"balance": "@" + "|[@,@][]" * 20}},
        {"reply": {"balance": "a." * 300 + "b"}},
        {"unlimited": "to_string(" * 20 + "@" + ")" * 20},
    ],
)
def test_a_monstrous_specification_is_a_fault(changes: dict[str, object]) -> None:
    assert faults_of(**changes)


def test_a_valid_specification_has_no_fault() -> None:
    assert faults_of() == []


@pytest.mark.parametrize("text", ["scale = 1e9999999", "json" + ".a" * 1000 + " = 1"])
def test_a_monstrous_provider_in_a_policy_is_a_fault_of_the_policy(text: str) -> None:
    faults = Faults()
    head = '[[providers]]\nslug = "x"\nname = "X"\nmethod = "POST"\nurl = "https://x.example/"\n'
    rest = 'auth = { headers = { A = "$k" } }\ncurrency = "USD"\nreply.balance = "b"\n'
    assert parse_policy(f"{head}{text}\n{rest}", "policy", faults) is None
    assert faults


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "scale", "json", "regions", "failures"]), JSON))
def test_any_value_of_a_field_is_accepted_or_a_fault(changes: dict[str, object]) -> None:
    faults = Faults()
    spec = convert_spec({**GOOD, **changes}, "it", faults)
    assert (spec is None) is bool(faults)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"url": "https://x.example/?api_key=sk-live"}, "url: seems to hold a key"),
        ({"headers": {"X-Api-Key": "sk-live"}}, "headers: seems to hold a key"),
        ({"headers": {"Authorization": "Bearer sk-live"}}, "headers: seems to hold a key"),
        ({"method": "POST", "json": {"token": "sk-live"}}, "json: seems to hold a key"),
        (
            {"method": "POST", "json": {"a": ["$api_key"]}},
            "json: cannot have $names other than $uuid",
        ),
        ({"auth": {"headers": {"A": "sk-live"}}}, "auth: must have a $name in each"),
        ({"failures": {"bad_key": "a"}}, "failures: unknown kind"),
        ({"auth": {"header": {}}}, "auth: unknown field 'header'"),
        ({"reply": {"balance": "balance-cents"}}, "reply, balance: is not a jmespath expression"),
        ({"regions": {"eu": {"hots": "x"}}}, "regions 1, host: is missing"),
    ],
)
def test_a_fault_names_its_place_and_repeats_no_key(changes: dict[str, object], place: str) -> None:
    faults = " ".join(faults_of(**changes))
    assert place in faults
    assert "sk-live" not in faults


def test_a_name_inside_a_table_is_not_repeated() -> None:
    inner = key("inner")
    for table in ("auth", "reply", "regions"):
        assert inner not in " ".join(faults_of(**{table: {inner: {inner: "x"}}}))


@pytest.mark.parametrize("base_url", ["https://proxy$.example", "https://$x.example", "https://$"])
def test_a_base_url_is_not_a_template(base_url: str) -> None:
    account = Account("a", "you", {"api_key": key()}, base_url=base_url)
    assert host_of(spec_of("you"), account) == base_url.removeprefix("https://")
    assert balance_request(spec_of("you"), account).url.startswith(base_url)


@pytest.mark.parametrize("word", ["none", "null", "nan", "unknown", "error", "xxx", "secretkey"])
def test_a_word_that_is_not_a_currency_is_malformed(word: str) -> None:
    result = parsed("twilio", json.dumps({"balance": "900", "currency": word}))
    assert isinstance(result, ReadFailure)
    assert f" {word}" not in result.message


def test_a_word_that_is_not_a_currency_is_read_if_the_account_names_it() -> None:
    listed = 'each = "all"\nbalance = "left"\ncurrency = "unit"'
    body = {"all": [{"left": 5, "unit": "Minutes"}]}
    result = unstated(listed, currency="minutes")(body)
    assert isinstance(result, Reading)
    assert result.currency == "minutes"
    failure = unstated(listed)(body)
    assert isinstance(failure, ReadFailure)
    assert "Minutes" not in failure.message


def test_a_unit_in_the_reply_must_be_the_specified_one() -> None:
    text = json.dumps({**GOOD, "currency": "tokens", "reply": {"balance": "b", "currency": "c"}})
    faults = Faults()
    spec = convert_spec(exact_json(text), "it", faults)
    assert spec is not None, faults
    results = [
        parse_reply(spec, account_of("you"), Reply(200, json.dumps({"b": 5, "c": c}).encode()), NOW)
        for c in ("Tokens", "USD")
    ]
    assert [isinstance(one, Reading) for one in results] == [True, False]


def test_a_missing_flag_is_unknown() -> None:
    low, missing, odd = (
        parsed("venice", json.dumps({"balances": {"usd": 1}, **more}))
        for more in ({"canConsume": False}, {}, {"canConsume": "false"})
    )
    flags = [getattr(it, "provider_flag", "failed") for it in (low, missing, odd)]
    assert flags == [True, None, None]


def test_a_missing_automatic_top_up_is_unknown_and_not_off() -> None:
    def reload(result: object) -> object:
        body = {"success": True, "result": result}
        return getattr(parsed("cloudflare-ai-gateway", json.dumps(body)), "auto_reload", "failed")

    assert reload({"balance": 5}) is None
    assert reload({"balance": 5, "topup_config": None}) is None


def test_two_entries_of_one_plan_are_a_failure() -> None:
    plans = [{"type": "payAsYouGo", "credits": None}, {"type": "payAsYouGo", "credits": 500}]
    assert isinstance(parsed("brevo", json.dumps({"plan": plans})), ReadFailure)


def test_a_long_status_is_shortened_quickly() -> None:
    spec = by(
        'name = "X"\nurl = "https://x.example/"\ncurrency = "USD"\n'
        'auth = { headers = { A = "$api_key" } }\n[reply]\nbalance = "b"\nstatus = "s"\n'
    )
    result = spec({"b": 1, "s": "word " * 12000})
    assert isinstance(result, Reading)
    assert len(result.status or "") <= 200
