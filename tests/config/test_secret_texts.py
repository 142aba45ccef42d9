"""A secret as a whole: its JSON, its one field, its webhooks; and no value of it in any fault."""

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
    found,
    names,
    understood,
    with_accounts,
)

HOOK = webhook()


@pytest.mark.parametrize(
    ("text", "what"),
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
def test_a_secret_that_is_not_as_the_contract_has_it_is_told_by_name(text: str, what: str) -> None:
    watched = understood(accounts=text, accounts_fine={"accounts": [account()]})
    assert watched.faults == [f"secret balance-watch/accounts: {what}"]
    assert names(watched) == ["search"]


def test_a_key_that_stands_twice_is_not_guessed_at() -> None:
    text = '{"accounts": [{"name": "a", "provider": "you", "provider": "vonage"}]}'
    assert understood(accounts=text).faults == [
        "secret balance-watch/accounts: contains the same name twice"
    ]


def test_the_contracts_webhooks_are_understood() -> None:
    watched = understood(slack={"webhooks": {"default": HOOK, "oncall": f" {HOOK}2\n"}})
    assert addresses(watched) == {"slack:default": HOOK, "slack:oncall": f"{HOOK}2"}
    assert not watched.unread_kinds
    assert not watched.faults


def test_without_a_slack_secret_it_is_known_that_there_are_no_webhooks() -> None:
    watched = with_accounts()
    assert not watched.channels
    assert not watched.unread_kinds


@pytest.mark.parametrize("url", ["", "hooks.example/x", "ftp://hooks.example", 5, None, [HOOK]])
def test_a_webhook_that_is_no_address_is_told_by_its_place(url: object) -> None:
    watched = understood(slack={"webhooks": {"oncall": url, "default": HOOK}})
    assert watched.faults == [
        "secret balance-watch/slack: webhook number 1 is not an https address"
    ]
    assert list(watched.channels) == ["slack:default"]
    assert watched.unread_kinds == {"slack"}


@pytest.mark.parametrize("name", ["", "two words", "a:b", "x" * 81, "two\nlines", HOOK])
def test_a_webhook_whose_name_no_route_can_have_is_told_by_its_number(name: str) -> None:
    watched = understood(slack={"webhooks": {"default": HOOK, name: HOOK}})
    assert watched.faults == [
        (
            "secret balance-watch/slack: webhook number 2 must have a name of "
            "1 to 80 characters without space, colon or slash"
        )
    ]


def test_an_address_in_the_place_of_a_name_is_not_shown() -> None:
    watched = understood(slack={"webhooks": {HOOK: "default"}})
    assert CORE not in "".join(watched.faults)


@pytest.mark.parametrize("text", ["{", '{"webhooks": []}', '{"webhook": {}}', '"x"'])
def test_webhooks_that_are_not_understood_are_not_taken_for_none(text: str) -> None:
    watched = understood(slack=text)
    assert watched.faults
    assert watched.unread_kinds == {"slack"}


def test_webhooks_that_could_not_be_read_are_not_taken_for_none() -> None:
    faults = Faults(["secret balance-watch/slack: cannot be read (AccessDenied)"])
    unread = Secrets({}, frozenset({SLACK}), faults)
    watched = parse_secrets(unread, PREFIX, found, KINDS)
    assert watched.unread_kinds == {"slack"}
    assert watched.faults == faults


def test_what_could_not_be_read_is_not_changed_by_what_is_found_later() -> None:
    unread = Faults()
    secrets = Secrets({f"{PREFIX}accounts": "{"}, faults=unread)
    parse_secrets(secrets, PREFIX, found, KINDS)
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
    """An entry without its name, which is shown on purpose."""
    if isinstance(entry, dict) and isinstance(entry.get("name"), str):
        return {name: value for name, value in entry.items() if name != "name"}
    return entry


@given(st.lists(entries | anything.map(nameless), max_size=3))
def test_no_value_of_a_secret_is_in_any_fault_or_repr(accounts: list[Any]) -> None:
    watched = with_accounts(*accounts)
    assert CORE not in "\n".join(watched.faults)
    assert CORE not in repr(watched)


@given(anything)
def test_no_text_of_a_secret_is_in_any_fault(raw: object) -> None:
    text = json.dumps(raw)
    for wild in (text, text[:-1], f"{text}{CORE}"):
        watched = understood(accounts=wild, slack=wild)
        assert CORE not in "\n".join(watched.faults)
        assert CORE not in repr(watched)


@given(
    st.dictionaries(canaries | st.just("default"), canaries | st.just(HOOK) | anything, max_size=3)
)
def test_no_address_of_a_webhook_is_in_any_fault_or_repr(webhooks: dict[str, Any]) -> None:
    watched = understood(
        slack={"webhooks": {f"https://{name}": url for name, url in webhooks.items()}}
    )
    assert CORE not in "\n".join(watched.faults)
    assert CORE not in repr(watched)


@given(st.lists(entries | anything, max_size=3))
def test_whatever_stands_beside_it_an_account_in_order_is_watched(accounts: list[Any]) -> None:
    assert "fine" in names(with_accounts(*accounts, account(name="fine")))


@pytest.mark.parametrize("name", ["accounts", "slack"])
def test_null_in_the_place_of_everything_is_told(name: str) -> None:
    field = {"accounts": "accounts", "slack": "webhooks"}[name]
    texts = {f"{PREFIX}{name}": json.dumps({field: None})}
    assert parse_secrets(Secrets(texts), PREFIX, found, KINDS).faults
