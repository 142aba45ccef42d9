"""The parts of the embedded stack run together and have each other's addresses and keys."""

import json
from collections.abc import Iterator
from datetime import timedelta
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


@pytest.mark.parametrize("function", functions(read()))
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
