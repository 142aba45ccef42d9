"""Secrets as a whole: their JSON, their one field, webhooks; no fault contains a value of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.config.accounts import AccountEntry
from balance_watch.config.secrets import parse_secrets
from balance_watch.config.sources import Secrets
from balance_watch.notifiers.channels import KINDS
from balance_watch.validation import Faults
from tests.support.canaries import CORE, webhook
from tests.support.secret_texts import (
    PREFIX,
    SLACK,
    account,
    addresses,
    names,
    parse,
    parse_entries,
    resolve,
)

HOOK = webhook()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("{'accounts': []}", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"accounts": [], "accounts": []}', "contains the same name twice"),
        ('{"accounts": NaN}', '"accounts" must be a list'),
        ("[]", 'must be a JSON object with the one field "accounts"'),
        ("null", 'must be a JSON object with the one field "accounts"'),
        ("{}", 'must be a JSON object with the one field "accounts"'),
        ('{"accounts": [], "more": 1}', 'must be a JSON object with the one field "accounts"'),
        ('{"webhooks": {}}', 'must be a JSON object with the one field "accounts"'),
        ('{"accounts": {}}', '"accounts" must be a list'),
        ('{"accounts": "x"}', '"accounts" must be a list'),
    ],
)
def test_an_invalid_secret_is_reported_by_name_and_others_are_parsed(
    text: str, problem: str
) -> None:
    parsed = parse(accounts=text, accounts_fine={"accounts": [account()]})
    assert parsed.faults == [f"secret balance-watch/accounts: {problem}"]
    assert names(parsed) == ["search"]


def test_a_field_that_appears_twice_is_a_fault() -> None:
    text = '{"accounts": [{"name": "a", "provider": "you", "provider": "vonage"}]}'
    assert parse(accounts=text).faults == [
        "secret balance-watch/accounts: contains the same name twice"
    ]


def test_the_webhooks_of_the_contract_are_parsed() -> None:
    parsed = parse(slack={"webhooks": {"default": HOOK, "oncall": f" {HOOK}2\n"}})
    assert addresses(parsed) == {"slack:default": HOOK, "slack:oncall": f"{HOOK}2"}
    assert not parsed.unread_kinds
    assert not parsed.faults


def test_without_a_slack_secret_there_are_no_webhooks() -> None:
    parsed = parse_entries()
    assert not parsed.channels
    assert not parsed.unread_kinds


@pytest.mark.parametrize("url", ["", "hooks.example/x", "ftp://hooks.example", 5, None, [HOOK]])
def test_a_webhook_that_is_not_an_address_is_reported_by_its_number(url: object) -> None:
    parsed = parse(slack={"webhooks": {"oncall": url, "default": HOOK}})
    assert parsed.faults == ["secret balance-watch/slack: webhook number 1 is not an https address"]
    assert list(parsed.channels) == ["slack:default"]
    assert parsed.unread_kinds == {"slack"}


@pytest.mark.parametrize("name", ["", "two words", "a:b", "x" * 81, "two\nlines", HOOK])
def test_a_webhook_whose_name_no_route_can_contain_is_reported_by_its_number(name: str) -> None:
    parsed = parse(slack={"webhooks": {"default": HOOK, name: HOOK}})
    assert parsed.faults == [
        (
            "secret balance-watch/slack: webhook number 2 must have a name of "
            "1 to 80 characters without space, colon or slash"
        )
    ]


def test_an_address_in_the_place_of_a_name_is_not_shown() -> None:
    parsed = parse(slack={"webhooks": {HOOK: "default"}})
    assert CORE not in "".join(parsed.faults)


@pytest.mark.parametrize("text", ["{", '{"webhooks": []}', '{"webhook": {}}', '"x"'])
def test_webhooks_that_cannot_be_parsed_may_exist(text: str) -> None:
    parsed = parse(slack=text)
    assert parsed.faults
    assert parsed.unread_kinds == {"slack"}


def test_webhooks_that_cannot_be_read_may_exist() -> None:
    faults = Faults(["secret balance-watch/slack: cannot be read (AccessDenied)"])
    unread = Secrets({}, frozenset({SLACK}), faults)
    parsed = parse_secrets(unread, PREFIX, resolve, KINDS)
    assert parsed.unread_kinds == {"slack"}
    assert parsed.faults == faults


def test_parsing_does_not_change_the_faults_of_reading() -> None:
    unread = Faults()
    secrets = Secrets({f"{PREFIX}accounts": "{"}, faults=unread)
    parse_secrets(secrets, PREFIX, resolve, KINDS)
    assert unread == []


FIELDS = st.sampled_from([*AccountEntry.__struct_fields__, "key", CORE * 2])
canaries = st.sampled_from([CORE, f" {CORE}\n", f"{CORE} {CORE}", f"{CORE}\x00", CORE * 9])
anything: st.SearchStrategy[Any] = st.recursive(
    canaries | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(canaries | FIELDS, inner, max_size=3)
    ),
    max_leaves=8,
)
credentials = (
    st.dictionaries(st.sampled_from(["api_key", "api_secret", "token"]), anything) | anything
)
entries = st.fixed_dictionaries(
    {"credentials": credentials},
    optional={
        "name": st.sampled_from(["search", 5, {"key": CORE}, [CORE], None]),
        "provider": st.sampled_from(["you", "vonage", "regional"]) | anything,
        "alert_below": anything,
        "labels": st.none() | st.lists(canaries),
        "base_url": st.just(f"https://:{CORE}@host/") | anything.filter(lambda it: it != CORE),
        "currency": anything,
        "auth": st.sampled_from([None, "query"]),
        "enabled": anything,
        "x": anything,
    },
)


def nameless(entry: object) -> object:
    """Returns an entry without its name, which faults show on purpose."""
    if isinstance(entry, dict) and isinstance(entry.get("name"), str):
        return {name: value for name, value in entry.items() if name != "name"}
    return entry


@given(st.lists(entries | anything.map(nameless), max_size=3))
def test_no_fault_or_repr_contains_a_value_of_a_secret(accounts: list[Any]) -> None:
    parsed = parse_entries(*accounts)
    assert CORE not in "\n".join(parsed.faults)
    assert CORE not in repr(parsed)


@given(anything)
def test_no_fault_or_repr_contains_the_text_of_a_secret(raw: object) -> None:
    text = json.dumps(raw)
    for secret in (text, text[:-1], f"{text}{CORE}"):
        parsed = parse(accounts=secret, slack=secret)
        assert CORE not in "\n".join(parsed.faults)
        assert CORE not in repr(parsed)


@given(
    st.dictionaries(canaries | st.just("default"), canaries | st.just(HOOK) | anything, max_size=3)
)
def test_no_fault_or_repr_contains_the_address_of_a_webhook(webhooks: dict[str, Any]) -> None:
    parsed = parse(slack={"webhooks": {f"https://{name}": url for name, url in webhooks.items()}})
    assert CORE not in "\n".join(parsed.faults)
    assert CORE not in repr(parsed)


@given(st.lists(entries | anything, max_size=3))
def test_a_valid_account_is_parsed_whatever_is_beside_it(accounts: list[Any]) -> None:
    assert "fine" in names(parse_entries(*accounts, account(name="fine")))


@pytest.mark.parametrize("name", ["accounts", "slack"])
def test_null_in_the_place_of_all_accounts_or_webhooks_is_a_fault(name: str) -> None:
    field = {"accounts": "accounts", "slack": "webhooks"}[name]
    texts = {f"{PREFIX}{name}": json.dumps({field: None})}
    assert parse_secrets(Secrets(texts), PREFIX, resolve, KINDS).faults
