"""A transition is stored with all of its outbox entries, or not at all."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.outbox import OutboxEntry, Pending
from balance_watch.domain.payment import Payment, PaymentOutcome, Purse
from balance_watch.domain.run import Run, Transition
from balance_watch.store.dynamodb import Store
from tests.support.clock import Clock
from tests.support.digests import DIGEST, notification_of
from tests.support.dynamodb_clients import (
    Wrapped,
    failing,
    failing_once,
    never_answered,
    recording,
    refusal,
)
from tests.support.examples import (
    NEXT,
    SLACK,
    SNS,
    TICK,
    entry,
    order,
    reading,
    state,
    transition,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

StoreOver = Callable[[Any], Store]
BOTH = (SNS, SLACK)
LEASE = 100.0
PURSE = Purse("a", "digest-of-a")


def claim(store: Store) -> Run:
    run = store.runs.claim(TICK, LEASE)
    assert run is not None
    return run


def names(number: int) -> list[str]:
    return [f"account-{index:03}" for index in range(number)]


def channels(number: int) -> tuple[str, ...]:
    return tuple(f"slack:{index:03}" for index in range(number))


def test_a_transition_is_stored_with_its_reading_and_its_outbox_entries(store: Store) -> None:
    assert store.save_transitions(claim(store), [transition("a", BOTH)]) == set()
    assert store.accounts.states(["a"]) == {"a": state("a")}
    assert store.accounts.history("a", TICK, TICK) == [reading()]
    assert {pending.channel for pending in store.outbox.pending().entries} == set(BOTH)


def test_the_transition_of_a_first_read_that_failed_has_no_reading(store: Store) -> None:
    failed = transition("a")._replace(state=replace(state("a"), reading=None))
    assert store.save_transitions(claim(store), [failed]) == set()
    assert store.accounts.history("a", TICK, TICK) == []
    assert store.outbox.pending().entries == [entry("a")]


def test_no_transition_needs_no_call(client: "DynamoDBClient", store_over: StoreOver) -> None:
    recorded = recording(client, "transact_write_items")
    assert store_over(recorded).save_transitions(claim(store_over(client)), []) == set()
    assert recorded.calls == []


def test_transitions_share_transactions_of_a_hundred_actions(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    recorded = recording(client, "transact_write_items")
    store = store_over(recorded)
    # State, two channels and an event: four actions each, and a check of the lease.
    transitions = [transition(name, BOTH) for name in names(60)]
    assert store.save_transitions(claim(store), transitions) == set()
    assert [len(request["TransactItems"]) for _, request in recorded.calls] == [97, 97, 49]
    assert len(store.outbox.pending().entries) == 120


def test_the_actions_of_one_account_stay_in_one_transaction(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    recorded = recording(client, "transact_write_items")
    store = store_over(recorded)
    transitions = [transition("a", channels(90)), transition("b", channels(30))]
    assert store.save_transitions(claim(store), transitions) == set()
    assert [len(request["TransactItems"]) for _, request in recorded.calls] == [93, 33]


def test_a_transition_that_cannot_be_stored_stops_no_other(store: Store) -> None:
    run = claim(store)
    store.accounts.save([state("b", balance="1")])  # the state of b at this tick
    transitions = [transition(name) for name in ("a", "b", "c")]
    assert store.save_transitions(run, transitions) == {"b"}
    accounts = {pending.notification.account for pending in store.outbox.pending().entries}
    assert accounts == {"a", "c"}
    assert store.accounts.states(["b"]) == {"b": state("b", balance="1")}


def test_of_a_transition_that_cannot_be_stored_nothing_is(store: Store) -> None:
    run = claim(store)
    store.accounts.save([state("b")])
    assert store.save_transitions(run, [transition("b", BOTH)]) == {"b"}
    assert store.outbox.pending() == Pending([], [], [])


def test_if_dynamodb_takes_no_transaction_every_account_is_returned(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    throttled = failing(refusal("ThrottlingException", "TransactWriteItems"))
    store = store_over(Wrapped(client, transact_write_items=throttled))
    transitions = [transition(name) for name in names(3)]
    assert store.save_transitions(claim(store), transitions) == set(names(3))


def test_a_transaction_whose_replies_are_lost_is_stored_once(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    lost = never_answered(client.transact_write_items)
    store = store_over(Wrapped(client, transact_write_items=lost))
    store.save_transitions(claim(store), [transition("a", BOTH)])
    assert sorted(pending.channel for pending in store.outbox.pending().entries) == sorted(BOTH)


def test_the_alert_on_the_configuration_is_stored_with_its_outbox_entries(store: Store) -> None:
    run = claim(store)
    configuration = ConfigurationState(("secret x: is not JSON",))
    assert store.save_configuration(run, configuration, [entry("configuration")])
    assert store.outbox.pending().entries == [entry("configuration")]


def test_a_run_that_lost_its_lease_stores_no_alert_on_the_configuration(
    store: Store, clock: Clock
) -> None:
    late = claim(store)
    clock.forward(LEASE)
    claim(store)
    configuration = ConfigurationState(("x",))
    assert not store.save_configuration(late, configuration, [entry("configuration")])
    assert store.outbox.pending() == Pending([], [], [])


def ordered(store: Store) -> tuple[Run, Payment]:
    """Stores a transition with a payment order, and claims that payment."""
    run = claim(store)
    assert store.save_transitions(run, [transition("a")._replace(entries=(order("a"),))]) == set()
    payment = store.payments.claim(PURSE, TICK, idempotency_key="alert 1")
    assert isinstance(payment, Payment)
    return run, payment


def test_the_end_of_a_payment_replaces_its_order_by_notifications(store: Store) -> None:
    run, payment = ordered(store)
    assert store.outbox.pending() == Pending([], [order("a")], [])
    paid = Payment(payment.claimed_at, payment.idempotency_key, PaymentOutcome.PAID)
    end = Transition(state("a", balance="90"), (entry("a", at=NEXT),))
    assert store.settle_payment(run, order("a"), end, (PURSE, paid))
    assert store.outbox.pending() == Pending([entry("a", at=NEXT)], [], [])
    assert store.accounts.states(["a"]) == {"a": state("a", balance="90")}
    assert store.payments.latest([PURSE]) == {"a": paid}


def test_the_end_of_a_payment_does_not_replace_the_payment_of_a_person(store: Store) -> None:
    run, payment = ordered(store)
    store.payments.settle(PURSE, payment, PaymentOutcome.UNKNOWN)
    by_command = store.payments.claim(PURSE, NEXT, idempotency_key="command 2", after_unknown=True)
    end = Transition(state("a"), (entry("a", at=NEXT),))
    assert store.settle_payment(run, order("a"), end, (PURSE, payment))
    assert store.outbox.pending() == Pending([entry("a", at=NEXT)], [], [])
    assert store.payments.latest([PURSE]) == {"a": by_command}


def test_the_end_of_a_payment_replaces_no_state_of_another_tick(store: Store) -> None:
    run, payment = ordered(store)
    store.accounts.save([state("a", at=NEXT)])
    end = Transition(state("a"), (entry("a", at=NEXT),))
    assert not store.settle_payment(run, order("a"), end, (PURSE, payment))
    assert store.outbox.pending().orders == [order("a")]
    assert store.accounts.states(["a"]) == {"a": state("a", at=NEXT)}


def cancelled(*reasons: str) -> ClientError:
    """Returns what DynamoDB says of a transaction that it has not done, and why."""
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": str(reasons)},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(response, "TransactWriteItems")


def test_a_transaction_that_another_write_is_in_the_way_of_is_repeated(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    refused = failing_once(client.transact_write_items, cancelled("None", "TransactionConflict"))
    store = store_over(Wrapped(client, transact_write_items=refused))
    assert store.save_transitions(claim(store), [transition("a")]) == set()
    assert store.accounts.states(["a"]) == {"a": state("a")}


@pytest.mark.parametrize(
    ("reasons", "attempts"),
    [
        (("None", "TransactionConflict"), 5),
        (("ConditionalCheckFailed", "TransactionConflict"), 1),
        (("ConditionalCheckFailed", "None"), 1),
        (("ValidationError",), 1),
        ((), 1),
    ],
)
def test_a_transaction_is_given_up_for_any_other_reason_and_after_a_second_at_most(
    client: "DynamoDBClient",
    store_over: StoreOver,
    clock: Clock,
    reasons: tuple[str, ...],
    attempts: int,
) -> None:
    busy = Wrapped(client, transact_write_items=failing(cancelled(*reasons)))
    store = store_over(busy)
    run, began = claim(store), clock.now
    assert store.save_transitions(run, [transition("a")]) == {"a"}
    assert len(busy.calls) == attempts
    assert clock.now - began < 1


def test_a_transition_of_more_than_a_transaction_holds_is_stored(store: Store) -> None:
    many = transition("a", channels(250))
    assert store.save_transitions(claim(store), [many, transition("b")]) == set()
    assert len(store.outbox.pending().entries) == 251
    assert set(store.accounts.states(["a", "b"])) == {"a", "b"}


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_its_state_is_stored_last_so_the_same_tick_says_the_same_again(
    client: "DynamoDBClient", store_over: StoreOver, nth: int
) -> None:
    left = [nth]

    def dying(**request: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise refusal("InternalServerError", "TransactWriteItems")
        return client.transact_write_items(**request)  # type: ignore[arg-type]

    many = transition("a", channels(250))
    store, working = store_over(Wrapped(client, transact_write_items=dying)), store_over(client)
    run = claim(working)
    assert store.save_transitions(run, [many]) == {"a"}
    assert working.accounts.states(["a"]) == {}
    assert working.save_transitions(run, [many]) == set()
    assert len(working.outbox.pending().entries) == 250


def test_no_transaction_begins_once_the_lease_has_ended(
    client: "DynamoDBClient", store_over: StoreOver, clock: Clock
) -> None:
    recorded = recording(client, "transact_write_items")
    store = store_over(recorded)
    run = claim(store)
    clock.sleep(LEASE)
    assert store.save_transitions(run, [transition("a"), transition("b")]) == {"a", "b"}
    assert not store.save_configuration(run, ConfigurationState(), [entry("a")])
    assert not store.save_outages(run, {}, [entry("a")])
    assert recorded.calls == []


def test_a_digest_that_cannot_be_stored_is_not_and_raises_nothing(store: Store) -> None:
    digest = replace(DIGEST, accounts=object())
    told = OutboxEntry(notification_of(digest), SNS, (SNS,))
    assert not store.save_digest(claim(store), DigestMark(TICK, TICK), [told])
    assert store.outbox.pending() == Pending([], [], [])
