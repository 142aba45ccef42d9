"""A batch is done by one worker at a time, ends once in its plan, and leaves what it found."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.batches import BatchMessage, BatchResult, Plan
from balance_watch.domain.place_reports import FailedAccount, PlaceReport
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.run import Run, RunRecord
from balance_watch.domain.silences import Silence
from balance_watch.errors import RunUnderWayError
from balance_watch.store.batches import (
    ClaimedBatch,
    NotClaimed,
    _result_from_item,
    _result_to_item,
)
from balance_watch.store.dynamodb import Store
from balance_watch.store.items import batch_key
from balance_watch.store.table import deserialize, serialize
from tests.support.clock import Clock
from tests.support.dynamodb_clients import Wrapped, never_answered, sent_twice
from tests.support.examples import NEXT, TICK, transition
from tests.support.strategies import severities, ticks, words

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = 100.0
LEFT = BatchResult({"read": 3}, frozenset({"a"}), {"b": NEXT}, {"you at a": TICK})


def planned(store: Store, count: int = 2, run: Run | None = None) -> Plan:
    run = run or store.runs.claim(TICK, LEASE)
    assert run is not None
    plan = store.batches.begin(store.runs.fence(run), run.tick, range(count))
    assert plan is not None
    return plan


def of(plan: Plan, number: int = 0) -> BatchMessage:
    return BatchMessage(plan.tick, plan.token, number, ("s",), frozenset())


def claimed(store: Store, message: BatchMessage) -> ClaimedBatch:
    found = store.batches.claim(message, LEASE)
    assert isinstance(found, ClaimedBatch)
    return found


def done(store: Store, message: BatchMessage, result: BatchResult = LEFT) -> bool:
    store.batches.end(claimed(store, message).run, message, result)
    return store.batches.take_off(message)


def test_without_a_plan_there_is_none(store: Store) -> None:
    assert store.batches.plan() is None
    assert store.batches.all() == []


def test_a_plan_is_stored_with_what_is_left_of_it(store: Store) -> None:
    plan = planned(store)
    assert store.batches.plan() == plan == Plan(TICK, plan.token, frozenset({0, 1}))


def test_a_run_that_lost_its_lease_plans_nothing(store: Store, clock: Clock) -> None:
    late = store.runs.claim(TICK, LEASE)
    assert late is not None
    clock.forward(LEASE)
    store.runs.claim(TICK, LEASE)
    assert store.batches.begin(store.runs.fence(late), TICK, range(2)) is None


def test_a_claimed_batch_has_its_own_lease_and_what_the_run_before_left(store: Store) -> None:
    silence = Silence("s", {"account": "a"}, NEXT, "known", TICK)
    store.silences.add(silence)
    run = store.runs.claim(TICK, LEASE)
    assert run is not None
    plan = planned(store, run=run)
    store.runs.close(run, RunRecord(plan=plan.token, judged_at=TICK), done=False, stored=True)
    worker = claimed(store, of(plan, 1)).run
    assert (worker.tick, worker.batch, worker.unfinished) == (TICK, 1, False)
    assert (worker.record.plan, worker.record.judged_at) == (plan.token, TICK)
    assert worker.silences == (silence,)


def test_a_batch_is_not_claimed_while_another_worker_has_it(store: Store) -> None:
    message = of(planned(store))
    claimed(store, message)
    assert store.batches.claim(message, LEASE) is NotClaimed.LEASED


def test_of_two_that_look_at_once_one_gets_the_batch(
    client: "DynamoDBClient", store: Store, store_over: Callable[[Any], Store]
) -> None:
    message = of(planned(store))

    def overtaken(**request: Any) -> object:  # noqa: ANN401 (boto3's own)
        claimed(store, message)
        return client.transact_write_items(**request)

    late = store_over(Wrapped(client, transact_write_items=overtaken))
    assert late.batches.claim(message, LEASE) is NotClaimed.LEASED


def test_a_batch_whose_plan_ends_between_look_and_claim_is_stale(
    client: "DynamoDBClient", store: Store, store_over: Callable[[Any], Store]
) -> None:
    run = store.runs.claim(TICK, LEASE)
    message = of(planned(store, run=run))

    def overtaken(**request: Any) -> object:  # noqa: ANN401 (boto3's own)
        planned(store, run=run)
        return client.transact_write_items(**request)

    late = store_over(Wrapped(client, transact_write_items=overtaken))
    assert late.batches.claim(message, LEASE) is NotClaimed.STALE
    assert store.batches.all() == []


def test_a_claim_whose_reply_was_lost_belongs_to_its_worker(
    client: "DynamoDBClient", store: Store, store_over: Callable[[Any], Store]
) -> None:
    message = of(planned(store))
    unlucky = Wrapped(client, transact_write_items=never_answered(client.transact_write_items))
    worker = claimed(store_over(unlucky), message)
    store.batches.end(worker.run, message, LEFT)
    assert store.batches.all()[0].result == LEFT


def test_a_batch_whose_worker_died_is_claimed_after_its_lease(store: Store, clock: Clock) -> None:
    message = of(planned(store))
    first = claimed(store, message)
    clock.forward(LEASE - 1)
    assert store.batches.claim(message, LEASE) is NotClaimed.LEASED
    clock.forward(2)
    assert claimed(store, message).run.token != first.run.token


def test_a_batch_that_was_released_is_claimed_at_once(store: Store) -> None:
    message = of(planned(store))
    store.batches.release(claimed(store, message).run)
    claimed(store, message)


def test_a_worker_that_outlived_its_lease_releases_nobody_elses(store: Store, clock: Clock) -> None:
    message = of(planned(store))
    late = claimed(store, message)
    clock.forward(LEASE + 1)
    claimed(store, message)
    store.batches.release(late.run)
    assert store.batches.claim(message, LEASE) is NotClaimed.LEASED


def test_a_worker_that_outlived_its_lease_stores_and_ends_nothing(
    store: Store, clock: Clock
) -> None:
    message = of(planned(store))
    late = claimed(store, message)
    clock.forward(LEASE + 1)
    claimed(store, message)
    assert store.save_transitions(late.run, [transition("a")]) == {"a"}
    with pytest.raises(RunUnderWayError):
        store.batches.end(late.run, message, LEFT)
    assert store.batches.all()[0].ended is None


def test_a_worker_that_outlived_its_lease_does_not_replace_what_another_left(
    store: Store, clock: Clock
) -> None:
    message = of(planned(store))
    late = claimed(store, message)
    clock.forward(LEASE + 1)
    done(store, message)
    with pytest.raises(RunUnderWayError):
        store.batches.end(late.run, message, BatchResult({"deferred": 9}))
    assert store.batches.all()[0].result == LEFT


def test_an_end_whose_reply_was_lost_succeeds(
    client: "DynamoDBClient", store: Store, store_over: Callable[[Any], Store]
) -> None:
    message = of(planned(store))
    worker = claimed(store, message)
    twice = store_over(Wrapped(client, update_item=sent_twice(client.update_item)))
    twice.batches.end(worker.run, message, LEFT)
    assert store.batches.all()[0].ended == message.plan


def test_a_batch_that_has_ended_is_not_claimed_again_in_its_plan(store: Store) -> None:
    message = of(planned(store))
    done(store, message)
    assert store.batches.claim(message, LEASE) is NotClaimed.ENDED


def test_a_batch_of_an_earlier_plan_is_stale_and_ends_nothing(store: Store) -> None:
    run = store.runs.claim(TICK, LEASE)
    old = of(planned(store, run=run))
    new = planned(store, run=run)
    assert store.batches.claim(old, LEASE) is NotClaimed.STALE
    assert not store.batches.take_off(old)
    assert store.batches.plan() == new


def test_a_batch_gets_what_it_left_in_the_plan_before(store: Store) -> None:
    run = store.runs.claim(TICK, LEASE)
    done(store, of(planned(store, run=run)))
    again = claimed(store, of(planned(store, run=run)))
    assert (again.before, again.before_tick) == (LEFT, TICK)


def test_what_a_worker_does_not_leave_is_removed(store: Store) -> None:
    run = store.runs.claim(TICK, LEASE)
    done(store, of(planned(store, run=run)))
    done(store, of(planned(store, run=run)), BatchResult({"read": 1}))
    assert store.batches.all()[0].result == BatchResult({"read": 1})


def test_the_last_one_taken_off_leaves_none_also_when_it_is_done_again(store: Store) -> None:
    plan = planned(store)
    assert not store.batches.sent(plan)
    assert not done(store, of(plan, 1))
    assert not store.batches.take_off(of(plan, 1))
    assert done(store, of(plan, 0))
    assert store.batches.take_off(of(plan, 0))
    assert store.batches.plan() == Plan(TICK, plan.token, frozenset(), is_sent=True)


def test_while_messages_are_sent_no_batch_is_the_last_one(store: Store) -> None:
    plan = planned(store, 1)
    assert not done(store, of(plan))
    assert store.batches.sent(plan)
    assert store.batches.sent(plan)


def test_a_plan_without_batches_has_none_left_once_it_is_sent(store: Store) -> None:
    assert store.batches.sent(planned(store, 0))


def test_an_earlier_plan_is_not_sent_in_place_of_the_latest(store: Store) -> None:
    run = store.runs.claim(TICK, LEASE)
    old = planned(store, 0, run)
    new = planned(store, 0, run)
    assert not store.batches.sent(old)
    assert store.batches.plan() == new


def put(client: "DynamoDBClient", table: str, number: int, **attributes: object) -> None:
    client.put_item(TableName=table, Item=serialize({**batch_key(number), **attributes}))


@pytest.mark.parametrize(
    "damage",
    [
        {"places": b"no zlib"},
        {"places": "text"},
        {"digest": b""},
        {"counts": "many"},
        {"counts": {"read": "x"}},
        {"paused": {"a": "soon"}},
        {"suspects": ["a"]},
        {"tick": "soon"},
        {"tick": 5},
        {"unsaved": 5},
    ],
    ids=str,
)
def test_a_malformed_batch_counts_as_one_that_left_nothing(
    client: "DynamoDBClient", table: str, store: Store, damage: dict[str, object]
) -> None:
    plan = planned(store, 1)
    put(client, table, 0, **damage)
    (batch,) = store.batches.all()
    assert (batch.result, batch.lease_until, batch.ended_tick) == (BatchResult(), 0, None)
    done(store, of(plan))
    assert store.batches.all()[0].result == LEFT


def test_a_malformed_lease_delays_no_plan(
    client: "DynamoDBClient", table: str, store: Store
) -> None:
    put(client, table, 0, lease_until="soon")
    assert [it.lease_until for it in store.batches.all()] == [0]


def test_a_malformed_plan_is_none(client: "DynamoDBClient", table: str, store: Store) -> None:
    item = serialize({"pk": "BATCHES", "sk": "PLAN", "plan": "x", "tick": "soon"})
    client.put_item(TableName=table, Item=item)
    assert store.batches.plan() is None


failed = st.builds(
    FailedAccount, words, st.sampled_from(FailureKind), st.none() | severities, st.none() | ticks
)
reports = st.builds(
    PlaceReport, words, words, st.integers(0, 500), st.lists(failed, max_size=4).map(tuple)
)
results = st.builds(
    BatchResult,
    st.dictionaries(words, st.integers(0, 10**6), max_size=4),
    st.frozensets(words, max_size=3),
    st.dictionaries(words, ticks, max_size=3),
    st.dictionaries(words, ticks, max_size=3),
    st.dictionaries(words, reports, max_size=3),
)


@settings(max_examples=60, deadline=timedelta(seconds=2))
@given(results)
def test_what_a_worker_leaves_is_read_as_it_was_stored(result: BatchResult) -> None:
    assert _result_from_item(deserialize(serialize(_result_to_item(result)))) == result
