"""A transition is stored with all that it owes or not at all; what is owed stays until settled."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.notification import OutboxEntry
from balance_watch.store.dynamodb import Run, Store
from tests.support.clock import Clock
from tests.support.dynamodb_clients import (
    Wrapped,
    failing,
    never_answered,
    passed_on,
    processing,
    refusal,
)
from tests.support.examples import NEXT, SLACK, SNS, TICK, owed, reading, state, transition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AStore = Callable[[Any], Store]
BOTH = (SNS, SLACK)
LEASE = 100.0


def run_of(store: Store) -> Run:
    run = store.claim(TICK, LEASE)
    assert run is not None
    return run


def names(number: int) -> list[str]:
    return [f"account-{index:03}" for index in range(number)]


def channels(number: int) -> tuple[str, ...]:
    return tuple(f"slack:{index:03}" for index in range(number))


def test_nothing_is_owed_at_first(store: Store) -> None:
    assert store.pending() == []


def test_a_transition_is_stored_with_its_reading_and_what_it_owes(store: Store) -> None:
    assert store.save_owing(run_of(store), [transition("a", BOTH)]) == set()
    assert store.states(["a"]) == {"a": state("a")}
    assert store.history("a", TICK, TICK) == [reading()]
    assert {each.channel for each in store.pending()} == set(BOTH)


def test_a_failed_look_owes_without_a_reading(store: Store) -> None:
    assert store.save_owing(run_of(store), [transition("a")._replace(reading=None)]) == set()
    assert store.history("a", TICK, TICK) == []
    assert store.pending() == [owed("a")]


def test_no_transition_needs_no_call(client: "DynamoDBClient", a_store: AStore) -> None:
    watched = passed_on(client, "transact_write_items")
    assert a_store(watched).save_owing(run_of(a_store(client)), []) == set()
    assert watched.calls == []


def test_transitions_share_transactions_of_a_hundred_actions(
    client: "DynamoDBClient", a_store: AStore
) -> None:
    watched = passed_on(client, "transact_write_items")
    store = a_store(watched)
    # State, reading and two channels: four actions each, and a check of the lease beside them.
    changes = [transition(name, BOTH) for name in names(60)]
    assert store.save_owing(run_of(store), changes) == set()
    assert [len(it["TransactItems"]) for _, it in watched.calls] == [97, 97, 49]
    assert len(store.pending()) == 120


def test_the_actions_of_one_account_stay_in_one_transaction(
    client: "DynamoDBClient", a_store: AStore
) -> None:
    watched = passed_on(client, "transact_write_items")
    store = a_store(watched)
    changes = [transition("a", channels(90)), transition("b", channels(30))]
    assert store.save_owing(run_of(store), changes) == set()
    assert [len(it["TransactItems"]) for _, it in watched.calls] == [93, 33]


def test_a_transition_that_cannot_be_stored_takes_no_other_along(store: Store) -> None:
    run = run_of(store)
    store.save([(state("b", balance="1"), None)])  # this tick's look at b is there already
    changes = [transition(name) for name in ("a", "b", "c")]
    assert store.save_owing(run, changes) == {"b"}
    assert {each.notification.account for each in store.pending()} == {"a", "c"}
    assert store.states(["b"]) == {"b": state("b", balance="1")}


def test_of_a_transition_that_cannot_be_stored_nothing_is(store: Store) -> None:
    run = run_of(store)
    store.save([(state("b"), None)])
    assert store.save_owing(run, [transition("b", BOTH)]) == {"b"}
    assert store.pending() == []
    assert store.history("b", TICK, TICK) == []


def test_when_dynamodb_takes_no_transaction_every_account_is_named(
    client: "DynamoDBClient", a_store: AStore
) -> None:
    throttled = failing(refusal("ThrottlingException", "TransactWriteItems"))
    store = a_store(Wrapped(client, transact_write_items=throttled))
    changes = [transition(name) for name in names(3)]
    assert store.save_owing(run_of(store), changes) == set(names(3))


def test_a_transaction_whose_replies_are_lost_is_stored_once(
    client: "DynamoDBClient", a_store: AStore
) -> None:
    lost = never_answered(client.transact_write_items)
    store = a_store(Wrapped(client, transact_write_items=lost))
    store.save_owing(run_of(store), [transition("a", BOTH)])
    assert sorted(each.channel for each in store.pending()) == sorted(BOTH)


def test_what_is_owed_is_told_oldest_first(store: Store) -> None:
    run = run_of(store)
    later = transition("a")._replace(entries=(owed("a", at=NEXT),))
    assert store.save_owing(run, [later, transition("b")]) == set()
    assert [each.notification.account for each in store.pending()] == ["b", "a"]


def test_what_was_accepted_is_owed_no_more(store: Store) -> None:
    store.save_owing(run_of(store), [transition("a", BOTH)])
    assert store.remove([owed("a", SNS)])
    assert store.pending() == [owed("a", SLACK)]


def test_what_was_settled_can_be_settled_again(store: Store) -> None:
    store.save_owing(run_of(store), [transition("a")])
    assert store.remove([owed("a")])
    assert store.remove([owed("a")])


def test_sixty_are_settled_in_three_calls(client: "DynamoDBClient", a_store: AStore) -> None:
    watched = passed_on(client, "batch_write_item")
    store = a_store(watched)
    store.save_owing(run_of(store), [transition(name) for name in names(60)])
    assert store.remove(store.pending())
    assert len(watched.calls) == 3
    assert store.pending() == []


def test_what_was_not_processed_is_settled_again(client: "DynamoDBClient", a_store: AStore) -> None:
    store = a_store(processing(client, 7))
    store.save_owing(run_of(store), [transition(name) for name in names(20)])
    assert store.remove(store.pending())
    assert store.pending() == []


def test_what_cannot_be_settled_is_said_so(client: "DynamoDBClient", a_store: AStore) -> None:
    store = a_store(processing(client, 0))
    store.save_owing(run_of(store), [transition("a")])
    assert not store.remove(store.pending())


def test_many_debts_are_read_to_their_end(store: Store) -> None:
    run = run_of(store)
    for name in names(4):  # of 300 KB each: more than the 1 MB that one Query returns
        wide = replace(owed(name).notification, detail="d" * 300_000)
        assert (
            store.save_owing(run, [transition(name)._replace(entries=(OutboxEntry(wide, SNS),))])
            == set()
        )
    assert {each.notification.account for each in store.pending()} == set(names(4))


def test_the_alert_on_the_configuration_is_stored_with_what_it_owes(store: Store) -> None:
    run = run_of(store)
    found = ConfigurationState(("secret x: is not JSON",))
    assert store.save_configuration(run, found, [owed("configuration")])
    assert store.pending() == [owed("configuration")]


def test_a_run_that_lost_its_lease_stores_no_alert_on_the_configuration(
    store: Store, clock: Clock
) -> None:
    late = run_of(store)
    clock.forward(LEASE)
    run_of(store)
    assert not store.save_configuration(late, ConfigurationState(("x",)), [owed("configuration")])
    assert store.pending() == []
