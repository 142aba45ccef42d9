"""`null` is as if the field were absent: Terraform writes it for an option that is not set."""

import json
from functools import partial

import pytest

from balance_watch.config.secrets import parse_secrets
from balance_watch.config.sources import Secrets
from balance_watch.notifiers.channels import KINDS
from balance_watch.providers.registry import resolve
from tests.support.canaries import key
from tests.support.secret_texts import account, names, parse

OPTIONS = (
    "alert_below",
    "labels",
    "base_url",
    "currency",
    "variables",
    "auth",
    "enabled",
    "runs_dry",
    "empty",
    "expires_at",
)


def parse_raw(entry: dict[str, object], **beside: object) -> tuple[list[str], list[str]]:
    """Parses a secret with this account, in which `None` is `null`."""
    parsed = parse(accounts=json.dumps({"accounts": [entry], **beside}))
    return names(parsed), list(parsed.faults)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_is_null_is_absent(option: str) -> None:
    assert parse_raw({**account(), option: None}) == (["search"], [])


def test_all_options_may_be_null_at_once() -> None:
    assert parse_raw({**account(), **dict.fromkeys(OPTIONS)}) == (["search"], [])


@pytest.mark.parametrize("table", ["labels", "variables"])
def test_an_entry_of_a_table_that_is_null_is_absent(table: str) -> None:
    entry = {**account(), table: {"team": None, "env": "prod"}}
    parsed = parse(accounts=json.dumps({"accounts": [entry]}))
    assert getattr(parsed.accounts[0][0], table) == {"env": "prod"}
    assert not parsed.faults


def test_a_credential_that_is_null_is_missing() -> None:
    assert parse_raw({**account(), "credentials": {"api_key": None}})[1] == [
        "secret balance-watch/accounts, account search: credentials has no api_key"
    ]


def test_an_unknown_field_that_is_null_is_absent() -> None:
    assert parse_raw({**account(), "credit": None}) == (["search"], [])


def test_a_field_beside_the_accounts_that_is_null_is_absent() -> None:
    assert parse_raw(account(), version=None) == (["search"], [])


def test_null_within_the_body_of_a_request_stays() -> None:
    provider = {
        "name": "Own",
        "url": "https://api.example.com",
        "method": "POST",
        "json": {"after": None},
        "auth": {"headers": {"X-Key": "$api_key"}},
        "billing": None,
        "reply": {"balance": "balance", "currency": None},
        "currency": "USD",
    }
    entry = {"name": "a", "provider": provider, "credentials": {"api_key": key()}}
    texts = {"balance-watch/accounts": json.dumps({"accounts": [entry]})}
    parsed = parse_secrets(Secrets(texts), "balance-watch/", partial(resolve, {}), KINDS)
    assert not parsed.faults
    assert parsed.accounts[0][1].json == {"after": None}
