"""A tick is one run: claimed by one conditional write, closed when nothing is left to do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.rules import Severity
from balance_watch.errors import FutureTickError, RunUnderWayError
from balance_watch.store.dynamodb import Run, Store
from balance_watch.store.runs import RunRecord
from tests.support.clock import Clock
from tests.support.dynamodb_clients import Wrapped, sent_twice
from tests.support.examples import NEXT, TICK

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = 117.0


def claimed(store: Store, tick: datetime = TICK) -> Run:
    run = store.claim(tick, LEASE)
    assert run is not None
    return run


def close(store: Store, run: Run, *, done: bool = True) -> None:
    store.close(run, RunRecord(), done=done)


def test_the_first_tick_of_a_new_table_is_claimed(store: Store) -> None:
    run = claimed(store)
    assert run == Run(TICK, run.token, unfinished=False)


def test_a_tick_that_is_done_is_not_claimed_again(store: Store) -> None:
    close(store, claimed(store))
    assert store.claim(TICK, LEASE) is None


def test_an_older_tick_is_not_claimed(store: Store) -> None:
    close(store, claimed(store, NEXT))
    assert store.claim(TICK, LEASE) is None


def test_a_tick_of_the_far_future_does_not_have_real_ticks_skipped_in_silence(
    store: Store, clock: Clock
) -> None:
    real = datetime.fromtimestamp(clock.time(), UTC)
    close(store, claimed(store, real + timedelta(days=3650)))
    with pytest.raises(FutureTickError, match="in the future"):
        store.claim(real, LEASE)


def test_an_older_tick_is_not_claimed_while_a_newer_one_is_under_way(store: Store) -> None:
    claimed(store, NEXT)
    assert store.claim(TICK, LEASE) is None


def test_an_older_tick_is_not_claimed_though_the_newer_one_is_incomplete(store: Store) -> None:
    close(store, claimed(store, NEXT), done=False)
    assert store.claim(TICK, LEASE) is None


def test_the_next_tick_is_claimed_after_one_that_is_done(store: Store) -> None:
    close(store, claimed(store))
    assert claimed(store, NEXT).unfinished is False


def test_a_tick_that_is_incomplete_is_claimed_again_at_once(store: Store) -> None:
    close(store, claimed(store), done=False)
    assert claimed(store).unfinished is True


def test_the_next_tick_knows_that_the_one_before_did_not_come_to_its_end(
    store: Store, clock: Clock
) -> None:
    claimed(store)
    clock.forward(LEASE)
    assert claimed(store, NEXT).unfinished is True


def test_a_tick_is_not_claimed_while_another_run_holds_it(store: Store) -> None:
    claimed(store)
    with pytest.raises(RunUnderWayError, match="2026-11-22T10:05:00Z is under way"):
        store.claim(TICK, LEASE)


def test_the_next_tick_is_not_claimed_while_the_last_one_is_under_way(store: Store) -> None:
    claimed(store)
    with pytest.raises(RunUnderWayError):
        store.claim(NEXT, LEASE)


def test_a_lease_holds_until_its_last_second(store: Store, clock: Clock) -> None:
    claimed(store)
    clock.forward(LEASE - 1)
    with pytest.raises(RunUnderWayError):
        store.claim(TICK, LEASE)


def test_a_run_that_died_is_followed_when_its_lease_is_over(store: Store, clock: Clock) -> None:
    claimed(store)
    clock.forward(LEASE)
    assert claimed(store).unfinished is True


def test_a_claim_whose_reply_was_lost_is_the_claimants_own(
    client: "DynamoDBClient", a_store: Callable[[Any], Store]
) -> None:
    store = a_store(Wrapped(client, update_item=sent_twice(client.update_item)))
    close(store, claimed(store))
    assert store.claim(TICK, LEASE) is None


def test_a_close_whose_reply_was_lost_is_no_error(
    client: "DynamoDBClient", store: Store, a_store: Callable[[Any], Store]
) -> None:
    run = claimed(store)
    close(a_store(Wrapped(client, update_item=sent_twice(client.update_item))), run)
    assert store.claim(TICK, LEASE) is None


def test_a_run_that_overran_its_lease_cannot_close_the_one_that_followed(
    store: Store, clock: Clock
) -> None:
    late = claimed(store)
    clock.forward(LEASE)
    claimed(store)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        close(store, late)


def test_what_a_run_leaves_behind_is_what_the_next_one_finds(store: Store) -> None:
    alert = Alert(
        "configuration", Severity.CRITICAL, TICK, notified=Severity.CRITICAL, notified_at=TICK
    )
    found = ConfigurationState(("secret x: is not JSON",), alert)
    store.close(claimed(store), RunRecord(found, "abc"), done=True)
    run = claimed(store, NEXT)
    assert run.record == RunRecord(found, "abc")


def test_a_claim_keeps_what_the_run_that_died_knew(store: Store, clock: Clock) -> None:
    found = ConfigurationState(("secret x: is not JSON",))
    store.close(claimed(store), RunRecord(found, "abc"), done=True)
    claimed(store, NEXT)
    clock.forward(LEASE)
    run = claimed(store, NEXT + timedelta(minutes=5))
    assert run.record == RunRecord(found, "abc")
