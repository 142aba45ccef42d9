"""Every fault of an account is reported at its place, and other accounts are parsed."""

import json
from functools import partial

import pytest

from balance_watch.config.secrets import parse_secrets
from balance_watch.config.sources import Secrets
from balance_watch.notifiers.channels import KINDS
from balance_watch.providers.registry import resolve
from tests.support.canaries import key, webhook
from tests.support.secret_texts import account, addresses, names, parse, parse_entries

WHERE = "secret balance-watch/accounts, account search"


def faults_of(**changes: object) -> list[str]:
    """Returns the faults of an account; a valid account beside it must be parsed all the same."""
    parsed = parse_entries(account(**changes), account(name="other"))
    assert names(parsed) == ["other"]
    return list(parsed.faults)


FAULTS = {
    "unknown provider": (
        {"provider": "yuo"},
        "provider is not in the catalogue: see `balance-watch providers`",
    ),
    "missing credential": (
        {"provider": "vonage", "credentials": {"api_key": key()}},
        "credentials has no api_secret",
    ),
    "no such auth": ({"auth": "magic"}, "auth is not one of the provider's ways to authenticate"),
    "no name": ({"name": ""}, "name must be 1 to 100 characters on one line"),
    "currency": (
        {"currency": "Dollars!"},
        "currency must be a code such as USD, or a unit in lower case",
    ),
    "base_url": (
        {"base_url": "gateway:8080"},
        "base_url must be an http or https address with no user or query",
    ),
    "labels": (
        {"labels": {"team": "two\nlines"}},
        "labels must be at most 20, each one line of at most 100 characters",
    ),
}


@pytest.mark.parametrize(("changes", "fault"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_names_its_secret_and_account(changes: dict[str, object], fault: str) -> None:
    place = WHERE if changes.get("name", "search") else WHERE.replace("search", "number 1")
    assert faults_of(**changes) == [f"{place}: {fault}"]


@pytest.mark.parametrize(
    "key", ["", " ", "k 1", "k\n1", "k\r\nX-Evil: 1", "k\t1", "k\x001", "ké", "“k”", "k\u200b"]
)
def test_a_key_that_no_header_can_contain_is_a_fault(key: str) -> None:
    assert faults_of(credentials={"api_key": key}) == [
        (
            f"{WHERE}: credentials, api_key: "
            "is empty, or contains a space, line break or special character"
        )
    ]


BASIC = {"name": "Basic", "url": "https://api.example.com", "auth": {"basic": ["$user", "$word"]}}
BODY = {**BASIC, "method": "POST", "auth": {"body": {"user": "$user", "word": "$word"}}}
QUERY = {**BASIC, "auth": {"query": {"user": "$user", "word": "$word"}, "why_query": "No header."}}


def faults_of_password(provider: dict[str, object], password: str) -> list[str]:
    """Returns the faults of an account that specifies its provider and has this password."""
    entry = {
        "name": "own",
        "provider": {**provider, "currency": "USD", "reply": {"balance": "balance"}},
        "credentials": {"user": "somebody", "word": password},
    }
    texts = {"balance-watch/accounts": json.dumps({"accounts": [entry]})}
    parsed = parse_secrets(Secrets(texts), "balance-watch/", partial(resolve, {}), KINDS)
    return list(parsed.faults)


@pytest.mark.parametrize("provider", [BASIC, BODY, QUERY], ids=["basic", "body", "query"])
@pytest.mark.parametrize("password", ["correct horse  battery", "pässwörd", "密码 with a space"])
def test_what_is_sent_encoded_may_have_spaces_and_any_letters(
    provider: dict[str, object], password: str
) -> None:
    assert faults_of_password(provider, password) == []


@pytest.mark.parametrize("provider", [BASIC, BODY, QUERY], ids=["basic", "body", "query"])
@pytest.mark.parametrize("password", ["", "two\nlines", "nul\x00", "zero\u200bwidth", "half\ud800"])
def test_a_password_with_a_character_that_is_not_printed_is_a_fault(
    provider: dict[str, object], password: str
) -> None:
    assert any(
        "credentials, word: is empty, or contains" in it or "surrogate" in it
        for it in faults_of_password(provider, password)
    )


@pytest.mark.parametrize(
    ("threshold", "problem"),
    [
        (float("nan"), "is not a finite number"),
        (float("inf"), "is not a finite number"),
        (10**38 + 1, "has more than 38 digits"),
        (True, "must be a number, or a string that holds one"),
        ([], "must be a number, or a string that holds one"),
        ("much", "is not a number"),
        ("", "is not a number"),
        ("NaN", "is not a finite number"),
        ("Infinity", "is not a finite number"),
        ("1e400", "is a number of an impossible size"),
        ("9" * 39, "has more than 38 digits"),
    ],
)
def test_a_threshold_that_is_not_a_number_is_reported(threshold: object, problem: str) -> None:
    assert faults_of(alert_below=threshold) == [f"{WHERE}, alert_below: {problem}"]


@pytest.mark.parametrize("field", ["name", "provider", "credentials"])
def test_a_missing_field_is_reported(field: str) -> None:
    place = WHERE.replace("search", "number 1") if field == "name" else WHERE
    assert faults_of(**{field: None}) == [f"{place}, {field}: is missing"]


def test_every_missing_variable_is_reported() -> None:
    assert faults_of(provider="regional", variables={"region": ""}) == [
        f"{WHERE}: variables, region: is missing",
        f"{WHERE}: variables, project: is missing",
    ]


def test_a_misspelt_option_is_reported_by_its_name() -> None:
    (fault,) = faults_of(alert_bellow="50")
    assert fault.startswith(
        f"{WHERE}: unknown field 'alert_bellow'; the fields are alert_below, auth,"
    )


def test_a_key_in_the_place_of_a_field_name_is_not_shown() -> None:
    (fault,) = faults_of(**{"sk-live-0123456789": "x"})
    assert fault.startswith(f"{WHERE}: unknown field; the fields are ")


@pytest.mark.parametrize(
    "address",
    [
        "https://host/path?query=1",
        "https://host/#part",
        "https://user@host/",
        "https://:word@host/",
        "ftp://host/",
        "https://",
        "https://host:99999/",
        "https://[host/",
        "https://two words/",
        "//host/",
    ],
)
def test_a_base_url_that_is_not_a_plain_address_is_a_fault(address: str) -> None:
    assert len(faults_of(base_url=address)) == 1


def test_a_character_that_cannot_be_encoded_is_a_fault() -> None:
    half = chr(0xD83D)
    for place in ({"labels": {"team": half}}, {"variables": {"x": half}}, {"currency": half}):
        assert f"{WHERE}: contains half of a surrogate pair, which is not a character" in faults_of(
            **place
        )


def test_an_account_whose_name_cannot_be_shown_is_reported_by_its_number() -> None:
    for name in ("two\nlines", "x" * 101, chr(0xD83D), {"api_key": key()}, 5):
        assert all("account number 1" in fault for fault in faults_of(name=name))


@pytest.mark.parametrize("entry", ["text", 5, None, [], True])
def test_an_entry_that_is_not_an_account_is_reported_by_its_number(entry: object) -> None:
    parsed = parse_entries(entry, account())
    assert names(parsed) == ["search"]
    (fault,) = parsed.faults
    assert fault.startswith("secret balance-watch/accounts, account number 1: must be a table")


def test_all_faults_of_all_secrets_are_reported_at_once_and_the_rest_is_parsed() -> None:
    parsed = parse(
        accounts={
            "accounts": [
                account(provider="yuo", credentials={"api_key": "a b"}),
                account(name="fine"),
            ]
        },
        accounts_team={
            "accounts": [
                account(name="a", alert_below="?"),
                account(name="b", base_url="x", currency="?"),
            ]
        },
        accounts_text="not JSON",
        slack={"webhooks": {"oncall": "nowhere", "default": webhook()}},
    )
    assert names(parsed) == ["fine"]
    assert addresses(parsed) == {"slack:default": webhook()}
    assert [fault.partition(": ")[0] for fault in parsed.faults] == [
        "secret balance-watch/accounts, account search",
        "secret balance-watch/accounts/team, account a, alert_below",
        "secret balance-watch/accounts/team, account b",
        "secret balance-watch/accounts/team, account b",
        "secret balance-watch/accounts/text",
        "secret balance-watch/slack",
    ]


@pytest.mark.parametrize("number", ["1e400", "1e99999999999999999999", "-1e-400"])
def test_a_threshold_of_an_impossible_size_is_reported_at_its_account(number: str) -> None:
    text = json.dumps({"accounts": [account(alert_below=0), account(name="other")]})
    parsed = parse(accounts=text.replace('"alert_below": 0', f'"alert_below": {number}'))
    assert names(parsed) == ["other"]
    (fault,) = parsed.faults
    assert fault.startswith(f"{WHERE}, alert_below: ")


def test_the_faults_of_a_disabled_account_are_reported() -> None:
    assert faults_of(enabled=False, credentials={})
