"""The built packages in AWS's own runtime client, and how LambdaRuntime resembles Lambda."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from local.provider_server import ProviderAccount
from local.scenario import ACCOUNTS, states_at, ticks
from local.slack_inbox import NOT_OK
from local.stack import functions, read
from local.trouble import FINE, OUTAGE, slow
from local.world import World
from tests.support.canaries import key
from tests.support.lambda_runtime import PACKAGES, LambdaRuntime, NotBuiltError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

HOUR = 10
"""The hour of the scenario: every account can be read."""

THROWAWAY = """
import os, sys, time
def handler(event, context):
    print("event:", event["do"], flush=True)
    if event["do"] == "raise":
        raise ValueError("no such thing")
    if event["do"] == "exit":
        os._exit(3)
    if event["do"] == "hang":
        time.sleep(30)
    import boto3
    return {"boto3": boto3.__file__, "path": sys.path, "given": os.environ.get("GIVEN"),
            "home": os.environ.get("HOME"), "left": context.get_remaining_time_in_millis()}
"""


@pytest.fixture(scope="module")
def throwaway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambdaRuntime]:
    package: Path = tmp_path_factory.mktemp("package")
    (package / "throwaway.py").write_text(THROWAWAY)
    with LambdaRuntime(
        environment={"GIVEN": "yes"}, package=package, handler="throwaway.handler", timeout=2
    ) as function:
        yield function


def test_an_invocation_has_a_result_and_a_log(throwaway: LambdaRuntime) -> None:
    invocation = throwaway.invoke({"do": "return"})
    assert invocation.error is None
    assert "event: return" in invocation.log


def test_the_function_gets_the_given_environment_and_nothing_of_the_tests(
    throwaway: LambdaRuntime,
) -> None:
    payload = throwaway.invoke({"do": "return"}).payload
    assert (payload["given"], payload["home"]) == ("yes", None)
    assert "/lambda-runtime/boto3/" in payload["boto3"]
    assert not [entry for entry in payload["path"] if entry.endswith("site-packages")]


def test_the_time_that_is_left_is_at_most_the_functions_timeout(throwaway: LambdaRuntime) -> None:
    assert 0 < throwaway.invoke({"do": "return"}).payload["left"] <= 2000


def test_an_exception_is_a_function_error(throwaway: LambdaRuntime) -> None:
    invocation = throwaway.invoke({"do": "raise"})
    assert invocation.payload is None
    assert invocation.error is not None
    assert (invocation.error.kind, invocation.error.message) == ("ValueError", "no such thing")


def test_lambda_ends_a_function_at_its_timeout(throwaway: LambdaRuntime) -> None:
    invocation = throwaway.invoke({"do": "hang"})
    assert invocation.error is not None
    assert invocation.error.kind == "Sandbox.Timedout"
    assert "timed out after 2.00 seconds" in invocation.error.message


def test_a_crash_is_a_function_error_and_the_next_event_gets_a_new_process(
    throwaway: LambdaRuntime,
) -> None:
    crash = throwaway.invoke({"do": "exit"})
    assert crash.error is not None
    assert crash.error.kind == "Runtime.ExitError"
    assert throwaway.invoke({"do": "return"}).error is None


def test_a_package_that_is_not_built_is_named_with_the_command_that_builds_it(
    tmp_path: Path,
) -> None:
    missing = LambdaRuntime(
        environment={}, package=tmp_path / "nowhere", handler="handler", timeout=2
    )
    with pytest.raises(NotBuiltError, match=r"nowhere.*make build-host"):
        missing.start()


@pytest.mark.parametrize("function", functions(read()))
def test_every_function_is_built_with_its_handler(function: str) -> None:
    module, _, _ = functions(read())[function].handler.rpartition(".")
    assert (PACKAGES / function / f"{module.replace('.', '/')}.py").is_file()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        tick = ticks()[HOUR]
        running.show(states_at(tick), tick)
        yield running


def test_the_built_package_reads_every_account(world: World) -> None:
    tick = ticks()[HOUR]
    with LambdaRuntime.of("CheckBalances", environment=world.environment) as function:
        invocation = function.invoke({"scheduled_time": tick.isoformat()})
    assert invocation.error is None, invocation.log
    result = invocation.payload
    assert (result["accounts"], result["read"]) == (len(ACCOUNTS), len(ACCOUNTS))
    assert result["skipped"] is False


def test_the_built_package_reads_the_other_accounts_when_a_provider_fails(world: World) -> None:
    tick = ticks()[HOUR + 1]
    world.show(states_at(tick), tick)
    world.you.trouble = OUTAGE
    with LambdaRuntime.of("CheckBalances", environment=world.environment) as function:
        result = function.invoke({"scheduled_time": tick.isoformat()}).payload
    world.you.trouble = FINE
    failed = sum(account.provider == "you" for account in ACCOUNTS)
    assert (result["read"], result["unreadable"]) == (len(ACCOUNTS) - failed, failed)


def test_a_run_with_a_pending_notification_is_a_function_error_until_it_is_sent(
    world: World,
) -> None:
    tick = ticks()[HOUR + 2]
    states = states_at(tick)
    world.show({**states, "sms": replace(states["sms"], balance=Decimal(1))}, tick)
    world.slack.script("default", NOT_OK)
    with LambdaRuntime.of("CheckBalances", environment=world.environment) as function:
        first = function.invoke({"scheduled_time": tick.isoformat()})
        again = function.invoke({"scheduled_time": tick.isoformat()})
    assert first.error is not None
    assert first.error.kind == "RunIncompleteError"
    assert (again.error, again.payload["delivered"], again.payload["read"]) == (None, 1, 0)


def test_the_built_package_ends_before_its_timeout_and_then_reads_the_deferred_accounts(
    world: World,
) -> None:
    accounts = {key(f"{number}"): ProviderAccount(balance=Decimal(9)) for number in range(25)}
    entries = [
        {
            "name": f"account-{number}",
            "provider": "you",
            "credentials": {"api_key": api_key},
            "base_url": world.you.url,
        }
        for number, api_key in enumerate(accounts)
    ]
    world.aws.put_secret("balance-watch/accounts", {"accounts": entries})
    world.you.accounts.update(accounts)
    world.you.trouble = slow(3)
    event = {"scheduled_time": ticks()[HOUR + 3].isoformat()}
    with LambdaRuntime.of("CheckBalances", environment=world.environment, timeout=20) as function:
        first = function.invoke(event)
        world.you.trouble = FINE
        again = function.invoke(event)
    assert first.error is not None
    assert first.error.kind == "RunIncompleteError", first.log
    assert "15 accounts to read" in first.error.message
    assert (again.error, again.payload["read"], again.payload["deferred"]) == (None, 15, 0)
