"""CheckBalances: the events that it accepts, its result, and when it ends in an error."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from balance_watch.errors import (
    EventError,
    RunIncompleteError,
    RunUnderWayError,
    SettingsError,
)
from balance_watch.handlers import check_balances, runtime
from balance_watch.store.dynamodb import Store
from local.loopback import LoopbackServer, Reply, Request
from local.slack_inbox import NOT_OK
from local.world import World
from tests.support.canaries import key
from tests.support.tables import new_table

EVENTS = Path(__file__).resolve().parents[2] / "events"
TICK = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
AT_TICK = {"scheduled_time": "2026-11-22T10:05:00Z"}

PING = f"/ping/{key()}"

Handler = Callable[..., dict[str, Any]]


class Context:
    """The part of Lambda's context that a handler reads: the time that is left."""

    def __init__(self, seconds: float = 120) -> None:
        self._milliseconds = int(seconds * 1000)

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class Switch(LoopbackServer):
    """A dead man's switch."""

    def answer(self, request: Request) -> Reply:
        del request
        return Reply(200, b"OK", "text/plain")

    @property
    def pings(self) -> list[str]:
        return [request.path for request in self.requests]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def switch() -> Iterator[Switch]:
    with Switch() as switch:
        yield switch


@pytest.fixture
def table(world: World) -> str:
    return new_table(world.aws.client("dynamodb"))


@pytest.fixture
def handler(world: World, switch: Switch, table: str, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The handler as a cold start makes it, over an empty table."""
    trusted = f"{world.environment['TRUSTED_HOSTS']},{switch.authority}"
    for name, value in {
        **world.environment,
        "TABLE_NAME": table,
        "TRUSTED_HOSTS": trusted,
        "HEARTBEAT_URL": f"{switch.url}{PING}",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    runtime.forget_starts()
    return check_balances.handler


def test_the_schedulers_time_is_the_tick() -> None:
    event = json.loads((EVENTS / "scheduled_check.json").read_text())
    assert check_balances.tick(event) == datetime.fromisoformat(event["scheduled_time"])


def test_the_time_of_an_eventbridge_rule_is_the_tick() -> None:
    event = json.loads((EVENTS / "eventbridge_rule.json").read_text())
    assert event["source"] == "aws.events"
    assert check_balances.tick(event) == datetime.fromisoformat(event["time"])


def test_the_schedulers_time_has_precedence_over_a_rules() -> None:
    event = {**AT_TICK, "source": "aws.events", "time": "2020-01-01T00:00:00Z"}
    assert check_balances.tick(event) == TICK


@pytest.mark.parametrize("event", [{}, {"time": "2020-01-01T00:00:00Z"}, {"scheduled_time": None}])
def test_without_a_time_the_tick_is_now_to_the_second(event: dict[str, Any]) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    tick = check_balances.tick(event)
    assert before <= tick <= datetime.now(UTC)
    assert tick.microsecond == 0


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-22T10:05:00Z",
        "2026-11-22T10:05:00.987Z",
        "2026-11-22T11:05:00+01:00",
        "2026-11-22T10:05:00",
    ],
)
def test_a_tick_is_in_utc_and_to_the_second(time: str) -> None:
    tick = check_balances.tick({"scheduled_time": time})
    assert (tick, tick.tzinfo) == (TICK, UTC)


@pytest.mark.parametrize("time", ["", "soon", "<aws.scheduler.scheduled-time>", 1763805900, []])
def test_an_invalid_time_is_an_error(time: object) -> None:
    with pytest.raises(EventError, match="must be an ISO 8601 time"):
        check_balances.tick({"scheduled_time": time})


@pytest.mark.parametrize("event", [None, [], "now", 5])
def test_an_event_that_is_no_object_is_an_error(event: object) -> None:
    with pytest.raises(EventError):
        check_balances.tick(event)


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:00"])
def test_a_time_out_of_range_is_an_error(time: str) -> None:
    with pytest.raises(EventError):
        check_balances.tick({"scheduled_time": time})


def test_the_result_has_the_keys_of_the_contract_in_their_order(handler: Handler) -> None:
    result = handler(AT_TICK, Context())
    assert list(result) == [
        "scheduled_time",
        "accounts",
        "read",
        "unreadable",
        "fired",
        "resolved",
        "reminded",
        "delivered",
        "undelivered",
        "deferred",
        "skipped",
    ]


def test_the_result_is_json_of_a_time_counts_and_a_flag(handler: Handler) -> None:
    result = json.loads(json.dumps(handler(AT_TICK, Context())))
    assert result.pop("scheduled_time") == "2026-11-22T10:05:00Z"
    assert result.pop("skipped") is False
    assert {type(count) for count in result.values()} == {int}
    assert (result["accounts"], result["read"]) == (10, 10)


def test_a_tick_that_is_done_is_skipped(handler: Handler) -> None:
    handler(AT_TICK, Context())
    result = handler(AT_TICK, Context())
    assert (result["skipped"], result["accounts"]) == (True, 0)


def test_a_run_with_a_pending_notification_ends_in_an_error(handler: Handler, world: World) -> None:
    world.slack.script("default", NOT_OK)
    with pytest.raises(RunIncompleteError, match=r"incomplete: 1 notification to deliver\."):
        handler(AT_TICK, Context())


def test_the_next_invocation_sends_the_pending_notification(handler: Handler, world: World) -> None:
    world.slack.script("default", NOT_OK)
    with pytest.raises(RunIncompleteError):
        handler(AT_TICK, Context())
    assert handler(AT_TICK, Context())["delivered"] == 1


def test_a_run_without_time_defers_every_account_and_ends_in_an_error(handler: Handler) -> None:
    with pytest.raises(RunIncompleteError, match=r"incomplete: 10 accounts to read"):
        handler(AT_TICK, Context(seconds=2))


def test_a_run_that_finds_another_under_way_ends_in_an_error(
    handler: Handler, world: World, table: str
) -> None:
    Store(world.aws.client("dynamodb"), table).runs.claim(TICK, 100)
    with pytest.raises(RunUnderWayError):
        handler(AT_TICK, Context())


def test_a_complete_run_pings_the_switch(handler: Handler, switch: Switch) -> None:
    handler(AT_TICK, Context())
    assert switch.pings == [PING]


def test_an_incomplete_run_pings_the_switchs_fail(
    handler: Handler, world: World, switch: Switch
) -> None:
    world.slack.script("default", NOT_OK)
    with pytest.raises(RunIncompleteError):
        handler(AT_TICK, Context())
    assert switch.pings == [f"{PING}/fail"]


def test_a_run_that_raises_pings_the_switchs_fail(handler: Handler, switch: Switch) -> None:
    with pytest.raises(EventError):
        handler({"scheduled_time": "soon"}, Context())
    assert switch.pings == [f"{PING}/fail"]


def test_a_tick_that_is_skipped_pings_nothing(handler: Handler, switch: Switch) -> None:
    handler(AT_TICK, Context())
    handler(AT_TICK, Context())
    assert switch.pings == [PING]


def test_a_run_that_finds_another_under_way_pings_nothing(
    handler: Handler, world: World, switch: Switch, table: str
) -> None:
    Store(world.aws.client("dynamodb"), table).runs.claim(TICK, 100)
    with pytest.raises(RunUnderWayError):
        handler(AT_TICK, Context())
    assert switch.pings == []


@pytest.fixture
def secret_switch(
    handler: Handler, world: World, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Switch]:
    """A switch whose address is a secret, and not in the environment."""
    del handler  # its environment comes first
    monkeypatch.setenv("HEARTBEAT_URL", "")
    world.aws.put_secret("balance-watch/heartbeat", {"url": f"{switch.url}{PING}?create=1"})
    yield switch
    world.aws.client("secretsmanager").delete_secret(
        SecretId="balance-watch/heartbeat", ForceDeleteWithoutRecovery=True
    )


def test_the_address_of_the_switch_can_be_a_secret(
    handler: Handler, world: World, secret_switch: Switch
) -> None:
    world.slack.script("default", NOT_OK)
    with pytest.raises(RunIncompleteError):
        handler(AT_TICK, Context())
    handler(AT_TICK, Context())
    assert secret_switch.pings == [f"{PING}/fail", PING]
    assert [request.query for request in secret_switch.requests] == [{"create": "1"}] * 2


def test_a_run_that_cannot_load_the_configuration_pings_the_last_known_switch(
    handler: Handler, secret_switch: Switch
) -> None:
    handler(AT_TICK, Context())
    with pytest.raises(EventError):
        handler({"scheduled_time": "soon"}, Context())
    assert secret_switch.pings == [PING, f"{PING}/fail"]


def test_without_a_switch_nothing_is_pinged(
    handler: Handler, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTBEAT_URL", "")
    handler(AT_TICK, Context())
    assert switch.pings == []


def test_a_switch_that_does_not_answer_fails_no_run(
    handler: Handler, switch: Switch, capsys: pytest.CaptureFixture[str]
) -> None:
    switch.stop()
    assert handler(AT_TICK, Context())["read"] == 10
    assert PING not in capsys.readouterr().out


def test_a_missing_variable_is_named(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "")
    with pytest.raises(SettingsError, match="The environment is missing TABLE_NAME"):
        handler(AT_TICK, Context())
