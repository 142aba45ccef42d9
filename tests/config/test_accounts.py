"""The accounts of secrets, as they are parsed, and how several secrets combine."""

import json
from decimal import Decimal

import pytest

from balance_watch.domain.account import Account, matches
from tests.support.canaries import key
from tests.support.secret_texts import (
    CATALOGUE,
    account,
    names,
    parse,
    parse_entries,
)

EXAMPLE = """
{"accounts": [
  {"name": "search-prod", "provider": "you", "credentials": {"api_key": "…"},
   "alert_below": "50", "labels": {"team": "search"}},
  {"name": "sms", "provider": "vonage", "credentials": {"api_key": "…", "api_secret": "…"}}
]}
"""


def parsed_account(**changes: object) -> Account:
    parsed = parse_entries(account(**changes))
    assert not parsed.faults
    ((only, _),) = parsed.accounts
    return only


def test_the_example_of_the_contract_is_parsed() -> None:
    parsed = parse(accounts=EXAMPLE.replace("…", key()))
    assert not parsed.faults
    assert parsed.accounts == (
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


def test_every_option_of_an_account_is_parsed() -> None:
    parsed = parsed_account(
        provider="regional",
        alert_below=12.5,
        labels={"team": "search", "note": ""},
        base_url="http://gateway.internal:8080/you",
        currency="credits",
        variables={"region": "eu", "project": "7"},
    )
    assert parsed == Account(
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
    assert parsed_account(auth="query", credentials={"token": key()}).auth == "query"


def test_the_accounts_of_all_secrets_are_parsed() -> None:
    parsed = parse(
        accounts={"accounts": [account(name="a")]},
        accounts_team={"accounts": [account(name="b")]},
    )
    assert (names(parsed), parsed.faults) == (["a", "b"], [])


def test_a_secret_without_accounts_has_no_fault() -> None:
    parsed = parse_entries()
    assert (names(parsed), parsed.faults) == ([], [])


@pytest.mark.parametrize("around", [" {} ", "{}\n", "\r\n{}\r\n", "\t{}"])
def test_white_space_around_a_key_is_removed(around: str) -> None:
    parsed = parsed_account(credentials={"api_key": around.format(key())})
    assert parsed.credentials == {"api_key": key()}


def test_a_threshold_is_exact() -> None:
    text = json.dumps({"accounts": [account(alert_below=0)]}).replace(
        '"alert_below": 0', '"alert_below": 0.12345678901234567890123'
    )
    ((parsed, _),) = parse(accounts=text).accounts
    assert parsed.alert_below == Decimal("0.12345678901234567890123")


def test_a_disabled_account_is_left_out() -> None:
    parsed = parse_entries(account(enabled=False), account(name="other"))
    assert (names(parsed), parsed.faults) == (["other"], [])


def test_a_disabled_account_does_not_take_its_name() -> None:
    parsed = parse_entries(account(enabled=False), account())
    assert (names(parsed), parsed.faults) == (["search"], [])


def test_a_name_in_two_secrets_is_reported_and_the_first_account_is_kept() -> None:
    parsed = parse(
        accounts={"accounts": [account()]},
        accounts_team={
            "accounts": [
                account(provider="vonage", credentials={"api_key": key(), "api_secret": key()}),
                account(name="b"),
            ]
        },
    )
    assert [(kept.name, kept.provider) for kept, _ in parsed.accounts] == [
        ("search", "you"),
        ("b", "you"),
    ]
    assert parsed.faults == [
        (
            "secret balance-watch/accounts/team, account search: "
            "another account has the same name; only the first one is watched"
        )
    ]


def test_names_that_differ_only_in_surrounding_space_are_the_same() -> None:
    assert len(parse_entries(account(), account(name=" search ")).faults) == 1


def test_two_ways_to_write_a_name_in_unicode_are_one_name() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    parsed = parse_entries(account(name=decomposed), account(name=composed))
    assert names(parsed) == [composed]
    assert "another account has the same name" in parsed.faults[0]


@pytest.mark.parametrize("glob", ["caf\u00e9", "cafe\u0301", "caf\u00e9*", "cafe\u0301*"])
def test_a_match_fits_a_name_however_it_is_written(glob: str) -> None:
    assert all(
        matches({"account": glob}, {"account": name}) for name in ("caf\u00e9", "cafe\u0301")
    )
