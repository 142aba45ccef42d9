"""Items that are not what they should be: each is told, and none stops the others."""

from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.state import AccountState
from balance_watch.store import items, outbox
from balance_watch.store.dynamodb import Store
from tests.support.clock import Clock
from tests.support.examples import NEXT, TICK, owed, quiet_state, reading, state, transition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = 117.0


def put(client: "DynamoDBClient", table: str, item: dict[str, Any]) -> None:
    pack = TypeSerializer().serialize
    client.put_item(TableName=table, Item={name: pack(value) for name, value in item.items()})


@pytest.mark.parametrize(
    "damage",
    [
        {"failure": {"kind": "no_such_kind", "message": "", "count": 1}},
        {"reading": {"observed_at": "2026-11-22T10:05:00Z"}},
        {"checked_at": "yesterday"},
        {"trail": "garbage"},
        {"days": "1:2"},
        {"jump": {"at": "never"}},
        {"alerts": {"balance": {"rule": "x"}}},
    ],
    ids=lambda damage: next(iter(damage)),
)
def test_an_account_whose_state_is_not_understood_begins_anew_and_stops_no_other(
    store: Store, client: "DynamoDBClient", table: str, damage: dict[str, Any]
) -> None:
    store.save([(state("b"), None)])
    put(client, table, {**items.state_to_item(state("a")), **damage})
    assert store.states(["a", "b"]) == {"a": AccountState("a"), "b": state("b")}


def test_an_alert_of_a_metric_that_is_not_known_is_left_out(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    item = items.state_to_item(quiet_state("a"))
    put(client, table, {**item, "alerts": {**item.get("alerts", {}), "of_a_newer_version": {}}})
    assert store.states(["a"]) == {"a": quiet_state("a")}


@pytest.mark.parametrize("text", ["not JSON", "{}", '{"metric": "balance", "value": "x"}'])
def test_what_is_owed_and_not_understood_is_told_and_stops_nothing_else(
    store: Store, client: "DynamoDBClient", table: str, text: str
) -> None:
    run = store.claim(TICK, LEASE)
    assert run is not None
    store.save_owing(run, [transition("a")])
    put(client, table, {"pk": outbox.OUTBOX, "sk": "0", "channel": "sns", "notification": text})
    broken: list[str] = []
    assert [each.notification.account for each in store.pending(broken)] == ["a"]
    assert broken == ["0"]
    assert owed("a").channel == "sns"


def test_a_configuration_that_is_not_understood_stops_no_run(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    damaged = {"configuration": {"alert": {"severity": "fatal"}}, "tick": "2026-11-22T00:00:00Z"}
    put(client, table, {**items.RUN, **damaged, "done": True})
    run = store.claim(TICK, LEASE)
    assert run is not None
    assert run.record.configuration == ConfigurationState()


def test_a_run_that_overran_its_lease_overwrites_nothing(store: Store, clock: Clock) -> None:
    late = store.claim(TICK, LEASE)
    assert late is not None
    clock.sleep(LEASE + 1)
    store.claim(NEXT, LEASE)
    store.save([(state("a", at=NEXT), None)])
    assert store.save([(state("a"), reading())], late) == {"a"}
    assert store.save_owing(late, [transition("a")]) == {"a"}
    assert store.states(["a"]) == {"a": state("a", at=NEXT)}
