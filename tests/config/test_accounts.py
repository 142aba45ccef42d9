"""Accounts out of secrets: all that is in order is watched, all that is not is told."""

import json
from decimal import Decimal

import pytest

from balance_watch.domain.account import Account
from tests.support.canaries import key, webhook
from tests.support.secret_texts import (
    CATALOGUE,
    account,
    addresses,
    names,
    understood,
    with_accounts,
)

EXAMPLE = """
{"accounts": [
  {"name": "search-prod", "provider": "you", "credentials": {"api_key": "…"},
   "alert_below": "50", "labels": {"team": "search"}},
  {"name": "sms", "provider": "vonage", "credentials": {"api_key": "…", "api_secret": "…"}}
]}
"""
WHERE = "secret balance-watch/accounts, account search"


def faults_of(**changes: object) -> list[str]:
    """The faults of one account beside one that is in order, which must be watched still."""
    watched = with_accounts(account(**changes), account(name="other"))
    assert names(watched) == ["other"]
    return list(watched.faults)


def only(**changes: object) -> Account:
    watched = with_accounts(account(**changes))
    assert not watched.faults
    ((one, _),) = watched.accounts
    return one


def test_the_contracts_example_is_understood() -> None:
    watched = understood(accounts=EXAMPLE.replace("…", key()))
    assert not watched.faults
    assert watched.accounts == (
        (
            Account(
                "search-prod",
                "you",
                {"api_key": key()},
                alert_below=Decimal(50),
                labels={"team": "search"},
            ),
            CATALOGUE["you"],
        ),
        (Account("sms", "vonage", {"api_key": key(), "api_secret": key()}), CATALOGUE["vonage"]),
    )


def test_every_option_of_an_account_is_taken_over() -> None:
    one = only(
        provider="regional",
        alert_below=12.5,
        labels={"team": "search", "note": ""},
        base_url="http://gateway.internal:8080/you",
        currency="credits",
        variables={"region": "eu", "project": "7"},
    )
    assert one == Account(
        "search",
        "regional",
        {"api_key": key()},
        alert_below=Decimal("12.5"),
        labels={"team": "search", "note": ""},
        base_url="http://gateway.internal:8080/you",
        currency="credits",
        variables={"region": "eu", "project": "7"},
    )


def test_another_way_to_authenticate_needs_its_own_credentials() -> None:
    assert only(auth="query", credentials={"token": key()}).auth == "query"


def test_accounts_of_all_secrets_are_watched() -> None:
    watched = understood(
        accounts={"accounts": [account(name="a")]},
        accounts_team={"accounts": [account(name="b")]},
    )
    assert (names(watched), watched.faults) == (["a", "b"], [])


def test_no_accounts_are_no_fault() -> None:
    watched = with_accounts()
    assert (names(watched), watched.faults) == ([], [])


@pytest.mark.parametrize("around", [" {} ", "{}\n", "\r\n{}\r\n", "\t{}"])
def test_what_a_paste_left_around_a_key_is_cut_off(around: str) -> None:
    assert only(credentials={"api_key": around.format(key())}).credentials == {"api_key": key()}


def test_a_threshold_is_exact() -> None:
    text = json.dumps({"accounts": [account(alert_below=0)]}).replace(
        '"alert_below": 0', '"alert_below": 0.12345678901234567890123'
    )
    ((one, _),) = understood(accounts=text).accounts
    assert one.alert_below == Decimal("0.12345678901234567890123")


@pytest.mark.parametrize("number", ["1e400", "1e99999999999999999999", "-1e-400"])
def test_a_threshold_of_an_impossible_size_is_told_at_its_account(number: str) -> None:
    text = json.dumps({"accounts": [account(alert_below=0), account(name="other")]})
    watched = understood(accounts=text.replace('"alert_below": 0', f'"alert_below": {number}'))
    assert names(watched) == ["other"]
    (fault,) = watched.faults
    assert fault.startswith(f"{WHERE}, alert_below: ")


def test_an_account_can_be_switched_off() -> None:
    watched = with_accounts(account(enabled=False), account(name="other"))
    assert (names(watched), watched.faults) == (["other"], [])


def test_an_account_that_is_switched_off_takes_no_name() -> None:
    watched = with_accounts(account(enabled=False), account())
    assert (names(watched), watched.faults) == (["search"], [])


def test_an_account_that_is_switched_off_is_checked_all_the_same() -> None:
    assert faults_of(enabled=False, credentials={})


def test_a_name_that_two_secrets_have_is_told_and_the_first_is_watched() -> None:
    watched = understood(
        accounts={"accounts": [account()]},
        accounts_team={
            "accounts": [
                account(provider="vonage", credentials={"api_key": key(), "api_secret": key()}),
                account(name="b"),
            ]
        },
    )
    assert [(one.name, one.provider) for one, _ in watched.accounts] == [
        ("search", "you"),
        ("b", "you"),
    ]
    assert watched.faults == [
        (
            "secret balance-watch/accounts/team, account search: "
            "another account has the same name; only the first one is watched"
        )
    ]


def test_names_that_differ_by_a_space_around_them_are_one() -> None:
    assert len(with_accounts(account(), account(name=" search ")).faults) == 1


FAULTS = {
    "unknown provider": (
        {"provider": "yuo"},
        "provider is not in the catalogue: see `balance-watch providers`",
    ),
    "missing credential": (
        {"provider": "vonage", "credentials": {"api_key": key()}},
        "credentials has no api_secret",
    ),
    "no such auth": ({"auth": "magic"}, "auth is not a way to authenticate at this provider"),
    "no name": ({"name": ""}, "name must be 1 to 100 characters on one line"),
    "currency": (
        {"currency": "Dollars!"},
        "currency must be a code such as USD, or a unit in lower case",
    ),
    "base_url": (
        {"base_url": "gateway:8080"},
        "base_url must be scheme, host, port and path prefix, with no query",
    ),
    "labels": (
        {"labels": {"team": "two\nlines"}},
        "labels must be 20 at most, each one line of 100 characters",
    ),
}


@pytest.mark.parametrize(("changes", "fault"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_told_by_secret_and_account(changes: dict[str, object], fault: str) -> None:
    place = WHERE if changes.get("name", "search") else WHERE.replace("search", "number 1")
    assert faults_of(**changes) == [f"{place}: {fault}"]


@pytest.mark.parametrize(
    "key", ["", " ", "k 1", "k\n1", "k\r\nX-Evil: 1", "k\t1", "k\x001", "ké", "“k”", "k\u200b"]
)
def test_a_key_that_no_header_can_hold_is_refused(key: str) -> None:
    assert faults_of(credentials={"api_key": key}) == [
        (
            f"{WHERE}: credentials, api_key: "
            "is empty, or has a space, line break or special character in it"
        )
    ]


@pytest.mark.parametrize(
    ("threshold", "what"),
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
def test_a_threshold_that_is_no_number_is_told(threshold: object, what: str) -> None:
    assert faults_of(alert_below=threshold) == [f"{WHERE}, alert_below: {what}"]


@pytest.mark.parametrize("field", ["name", "provider", "credentials"])
def test_a_field_that_is_missing_is_told(field: str) -> None:
    place = WHERE.replace("search", "number 1") if field == "name" else WHERE
    assert faults_of(**{field: None}) == [f"{place}, {field}: is missing"]


def test_every_variable_that_is_missing_is_told() -> None:
    assert faults_of(provider="regional", variables={"region": ""}) == [
        f"{WHERE}: variables, region: is missing",
        f"{WHERE}: variables, project: is missing",
    ]


def test_a_misspelt_option_is_told_by_its_name() -> None:
    (fault,) = faults_of(alert_bellow="50")
    assert fault.startswith(
        f"{WHERE}: unknown field 'alert_bellow'; the fields are alert_below, auth,"
    )


def test_a_key_in_the_place_of_a_field_is_not_shown() -> None:
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
def test_an_address_that_says_more_or_less_than_where_is_refused(address: str) -> None:
    assert len(faults_of(base_url=address)) == 1


def test_a_character_that_cannot_be_sent_is_refused() -> None:
    half = chr(0xD83D)
    for place in ({"labels": {"team": half}}, {"variables": {"x": half}}, {"currency": half}):
        assert f"{WHERE}: contains half a surrogate pair, which is no character" in faults_of(
            **place
        )


def test_an_account_whose_name_cannot_be_shown_is_told_by_its_number() -> None:
    for name in ("two\nlines", "x" * 101, chr(0xD83D), {"api_key": key()}, 5):
        assert all("account number 1" in fault for fault in faults_of(name=name))


@pytest.mark.parametrize("entry", ["text", 5, None, [], True])
def test_an_entry_that_is_no_account_is_told_by_its_number(entry: object) -> None:
    watched = with_accounts(entry, account())
    assert names(watched) == ["search"]
    (fault,) = watched.faults
    assert fault.startswith("secret balance-watch/accounts, account number 1: must be a table")


def test_all_faults_of_all_secrets_are_told_at_once_and_the_rest_is_watched() -> None:
    watched = understood(
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
    assert names(watched) == ["fine"]
    assert addresses(watched) == {"slack:default": webhook()}
    assert [fault.partition(": ")[0] for fault in watched.faults] == [
        "secret balance-watch/accounts, account search",
        "secret balance-watch/accounts/team, account a, alert_below",
        "secret balance-watch/accounts/team, account b",
        "secret balance-watch/accounts/team, account b",
        "secret balance-watch/accounts/text",
        "secret balance-watch/slack",
    ]
