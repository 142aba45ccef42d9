"""The parts of the embedded stack run together and have each other's addresses and keys."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from local.scenario import ACCOUNTS, START, states_at
from local.stack import functions, read
from local.world import World
from tests.support.canaries import key

JsonObject = dict[str, Any]


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def world(running: World) -> World:
    running.show(states_at(START), START)
    return running


def secret(world: World, name: str) -> JsonObject:
    client = world.aws.client("secretsmanager")
    reply = client.get_secret_value(SecretId=f"balance-watch/{name}")
    content: JsonObject = json.loads(reply["SecretString"])
    return content


def entry(world: World, name: str) -> JsonObject:
    accounts = secret(world, "accounts")["accounts"]
    (account,) = (account for account in accounts if account["name"] == name)
    return dict(account)


def read_sms_legacy(world: World) -> int:
    account = entry(world, "sms-legacy")
    url = f"{account['base_url']}/account/get-balance"
    return requests.get(url, params=account["credentials"], timeout=5).status_code


def test_the_accounts_secret_holds_all_accounts(world: World) -> None:
    names = [account["name"] for account in secret(world, "accounts")["accounts"]]
    assert names == [account.name for account in ACCOUNTS]


def test_an_entry_has_the_fields_of_the_contract(world: World) -> None:
    assert entry(world, "sms-legacy") == {
        "name": "sms-legacy",
        "provider": "vonage",
        "credentials": {"api_key": key("sms-legacy"), "api_secret": key("sms-legacy-1")},
        "alert_below": "20",
        "auth": "query",
        "labels": {"team": "sms"},
        "base_url": world.vonage.url,
    }


def test_the_slack_secret_holds_webhooks_of_the_inbox(world: World) -> None:
    webhooks = secret(world, "slack")["webhooks"]
    assert set(webhooks) == {"default", "oncall"}
    assert requests.post(webhooks["oncall"], json={"text": "x"}, timeout=5).text == "ok"


def test_the_loopback_servers_are_trusted(world: World) -> None:
    trusted = world.environment["TRUSTED_HOSTS"].split(",")
    servers = (world.legnext, world.you, world.aimlapi, world.vonage, world.slack)
    assert trusted == [f"127.0.0.1:{server.port}" for server in servers]


OFF_BY_DEFAULT = ("CheckAccounts", "SlackActionsFunction")


@pytest.mark.parametrize("function", OFF_BY_DEFAULT)
def test_a_function_that_is_off_by_default_is_not_there(world: World, function: str) -> None:
    with pytest.raises(KeyError):
        world.environment_of(function)


@pytest.mark.parametrize("function", sorted(set(functions(read())).difference(OFF_BY_DEFAULT)))
def test_a_function_trusts_the_loopback_servers_if_it_declares_trusted_hosts(
    world: World, function: str
) -> None:
    declared = world.aws.environment_of(function)
    trusting = {**declared, "TRUSTED_HOSTS": world.environment["TRUSTED_HOSTS"]}
    assert world.environment_of(function) == (trusting if "TRUSTED_HOSTS" in declared else declared)


def test_a_key_of_the_secret_reads_its_account(world: World) -> None:
    account = entry(world, "images-prod")
    reply = requests.get(
        f"{account['base_url']}/api/account/balance",
        headers={"x-api-key": account["credentials"]["api_key"]},
        timeout=5,
    )
    assert reply.json()["data"]["balance_usd"] == 72.048


@pytest.mark.parametrize(("hour", "status"), [(19, 200), (20, 401), (31, 401), (32, 200)])
def test_a_revoked_key_is_rejected_until_it_is_replaced(
    world: World, hour: int, status: int
) -> None:
    tick = START + timedelta(hours=hour)
    world.show(states_at(tick), tick)
    assert read_sms_legacy(world) == status


def test_time_that_passes_is_spent_at_the_providers(world: World) -> None:
    def balance() -> Decimal:
        return next(iter(world.legnext.accounts.values())).balance

    before, noon = balance(), START + timedelta(hours=12)
    world.pass_time(START, noon, noon + timedelta(minutes=12))
    # 7 % of a day's 24.50 USD in an hour
    assert before - balance() == Decimal("0.343")


def test_a_top_up_stays_when_time_passes(world: World) -> None:
    (account, *_) = world.vonage.accounts.values()
    account.balance += 100
    world.pass_time(START, START, START + timedelta(minutes=1))
    assert account.balance > 100


def test_no_balance_falls_below_zero_when_time_passes(world: World) -> None:
    for account in world.legnext.accounts.values():
        account.balance = Decimal("0.001")
    world.pass_time(START, START + timedelta(hours=9), START + timedelta(hours=10))
    assert {account.balance for account in world.legnext.accounts.values()} == {0}


def test_an_auto_reload_happens_when_time_passes(world: World) -> None:
    (research,) = (it for it in world.aimlapi.accounts.values() if it.auto_reload)
    research.balance = research.threshold
    world.pass_time(START, START + timedelta(hours=9), START + timedelta(hours=10))
    assert research.balance > 100


def test_the_spare_account_is_known_to_its_provider_and_in_no_secret(world: World) -> None:
    spare = world.spare()
    reply = requests.get(
        f"{spare['base_url']}/v1/billing/account_balance",
        headers={"X-API-Key": spare["credentials"]["api_key"], "User-Agent": "test"},
        timeout=5,
    )
    assert reply.json()["data"]["attributes"]["balance"] == 25000
    assert spare["credentials"]["api_key"] not in json.dumps(secret(world, "accounts"))
