"""Malformed items: each is reported, and none stops the others."""

from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store
from balance_watch.store.items import RUN_KEY
from balance_watch.store.outbox import OUTBOX
from balance_watch.store.states import state_to_item
from tests.support.clock import Clock
from tests.support.examples import NEXT, TICK, entry, quiet_state, state, transition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = 117.0


def put(client: "DynamoDBClient", table: str, item: dict[str, Any]) -> None:
    serialize = TypeSerializer().serialize
    client.put_item(TableName=table, Item={name: serialize(value) for name, value in item.items()})


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
def test_an_account_with_a_malformed_state_starts_over_and_stops_no_other(
    store: Store, client: "DynamoDBClient", table: str, damage: dict[str, Any]
) -> None:
    store.accounts.save([state("b")])
    put(client, table, {**state_to_item(state("a")), **damage})
    assert store.accounts.states(["a", "b"]) == {"a": AccountState("a"), "b": state("b")}


def test_an_alert_of_an_unknown_metric_is_left_out(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    item = state_to_item(quiet_state("a"))
    put(client, table, {**item, "alerts": {**item.get("alerts", {}), "of_a_newer_version": {}}})
    assert store.accounts.states(["a"]) == {"a": quiet_state("a")}


@pytest.mark.parametrize("text", ["not JSON", "{}", '{"metric": "balance", "value": "x"}'])
def test_a_malformed_outbox_entry_is_reported_and_stops_no_other(
    store: Store, client: "DynamoDBClient", table: str, text: str
) -> None:
    run = store.runs.claim(TICK, LEASE)
    assert run is not None
    store.save_transitions(run, [transition("a")])
    put(client, table, {"pk": OUTBOX, "sk": "0", "channel": "sns", "notification": text})
    pending = store.outbox.pending()
    assert pending.entries == [entry("a", "sns")]
    assert pending.malformed == ["0"]


def test_a_malformed_configuration_stops_no_run(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    damaged = {"configuration": {"alert": {"severity": "fatal"}}, "tick": "2026-11-22T00:00:00Z"}
    put(client, table, {**RUN_KEY, **damaged, "done": True})
    run = store.runs.claim(TICK, LEASE)
    assert run is not None
    assert run.record.configuration == ConfigurationState()


def test_a_run_that_overran_its_lease_overwrites_nothing(store: Store, clock: Clock) -> None:
    late = store.runs.claim(TICK, LEASE)
    assert late is not None
    clock.sleep(LEASE + 1)
    store.runs.claim(NEXT, LEASE)
    store.accounts.save([state("a", at=NEXT)])
    assert store.accounts.save([state("a")], late) == {"a"}
    assert store.save_transitions(late, [transition("a")]) == {"a"}
    assert store.accounts.states(["a"]) == {"a": state("a", at=NEXT)}
