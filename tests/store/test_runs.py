"""A tick has one run: one conditional write claims it, and another one closes it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.rules import Severity
from balance_watch.domain.run import Run, RunRecord
from balance_watch.errors import FutureTickError, RunUnderWayError
from balance_watch.store.dynamodb import Store
from tests.support.clock import Clock
from tests.support.dynamodb_clients import Wrapped, sent_twice
from tests.support.examples import NEXT, TICK

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = 117.0


def claim(store: Store, tick: datetime = TICK) -> Run:
    run = store.runs.claim(tick, LEASE)
    assert run is not None
    return run


def close(store: Store, run: Run, *, done: bool = True) -> None:
    store.runs.close(run, RunRecord(), done=done)


def test_the_first_tick_of_a_new_table_is_claimed(store: Store) -> None:
    run = claim(store)
    assert run == Run(TICK, run.token, unfinished=False, lease_until=run.lease_until)


def test_a_tick_that_is_done_is_not_claimed_again(store: Store) -> None:
    close(store, claim(store))
    assert store.runs.claim(TICK, LEASE) is None


def test_an_older_tick_is_not_claimed(store: Store) -> None:
    close(store, claim(store, NEXT))
    assert store.runs.claim(TICK, LEASE) is None


def test_a_tick_of_the_far_future_does_not_silently_skip_current_ticks(
    store: Store, clock: Clock
) -> None:
    current = datetime.fromtimestamp(clock.time(), UTC)
    close(store, claim(store, current + timedelta(days=3650)))
    with pytest.raises(FutureTickError, match="in the future"):
        store.runs.claim(current, LEASE)


@pytest.mark.parametrize("ahead", [2, 5, 59])
def test_a_tick_of_the_near_future_does_not_silently_skip_current_ticks(
    store: Store, clock: Clock, ahead: int
) -> None:
    current = datetime.fromtimestamp(clock.time(), UTC)
    close(store, claim(store, current + timedelta(minutes=ahead)))
    with pytest.raises(FutureTickError, match=r"see docs/operations\.md, A tick of the future"):
        store.runs.claim(current, LEASE)


def test_a_tick_that_arrives_after_the_next_one_is_skipped(store: Store, clock: Clock) -> None:
    current = datetime.fromtimestamp(clock.time(), UTC)
    close(store, claim(store, current))
    assert store.runs.claim(current - timedelta(minutes=5), LEASE) is None


def test_ticks_ahead_of_the_clock_are_claimed_one_after_the_other(
    store: Store, clock: Clock
) -> None:
    current = datetime.fromtimestamp(clock.time(), UTC)
    for hours in (1, 2, 50):
        close(store, claim(store, current + timedelta(hours=hours)))
    assert store.runs.claim(current + timedelta(hours=49), LEASE) is None


def test_an_older_tick_is_not_claimed_while_a_newer_one_is_under_way(store: Store) -> None:
    claim(store, NEXT)
    assert store.runs.claim(TICK, LEASE) is None


def test_an_older_tick_is_not_claimed_even_if_the_newer_one_is_incomplete(store: Store) -> None:
    close(store, claim(store, NEXT), done=False)
    assert store.runs.claim(TICK, LEASE) is None


def test_the_next_tick_is_claimed_after_one_that_is_done(store: Store) -> None:
    close(store, claim(store))
    assert claim(store, NEXT).unfinished is False


def test_an_incomplete_tick_is_claimed_again_at_once(store: Store) -> None:
    close(store, claim(store), done=False)
    assert claim(store).unfinished is True


def test_the_next_tick_learns_that_the_run_before_died(store: Store, clock: Clock) -> None:
    claim(store)
    clock.forward(LEASE)
    assert claim(store, NEXT).unfinished is True


def test_a_tick_is_not_claimed_while_another_run_holds_the_lease(store: Store) -> None:
    claim(store)
    with pytest.raises(RunUnderWayError, match="2026-11-22T10:05:00Z is under way"):
        store.runs.claim(TICK, LEASE)


def test_the_next_tick_is_not_claimed_while_the_last_one_is_under_way(store: Store) -> None:
    claim(store)
    with pytest.raises(RunUnderWayError):
        store.runs.claim(NEXT, LEASE)


def test_a_lease_holds_until_its_last_second(store: Store, clock: Clock) -> None:
    claim(store)
    clock.forward(LEASE - 1)
    with pytest.raises(RunUnderWayError):
        store.runs.claim(TICK, LEASE)


def test_the_tick_of_a_run_that_died_is_claimed_after_its_lease(store: Store, clock: Clock) -> None:
    claim(store)
    clock.forward(LEASE)
    assert claim(store).unfinished is True


def test_a_claim_whose_reply_was_lost_belongs_to_its_claimant(
    client: "DynamoDBClient", store_over: Callable[[Any], Store]
) -> None:
    store = store_over(Wrapped(client, update_item=sent_twice(client.update_item)))
    close(store, claim(store))
    assert store.runs.claim(TICK, LEASE) is None


def test_a_close_whose_reply_was_lost_succeeds(
    client: "DynamoDBClient", store: Store, store_over: Callable[[Any], Store]
) -> None:
    run = claim(store)
    close(store_over(Wrapped(client, update_item=sent_twice(client.update_item))), run)
    assert store.runs.claim(TICK, LEASE) is None


def test_a_run_that_overran_its_lease_cannot_close_the_next_run(store: Store, clock: Clock) -> None:
    late = claim(store)
    clock.forward(LEASE)
    claim(store)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        close(store, late)


def test_the_record_of_a_run_is_what_the_next_run_gets(store: Store) -> None:
    alert = Alert(
        "configuration", Severity.CRITICAL, TICK, notified=Severity.CRITICAL, notified_at=TICK
    )
    configuration = ConfigurationState(("secret x: is not JSON",), alert)
    store.runs.close(claim(store), RunRecord(configuration, "abc"), done=True)
    run = claim(store, NEXT)
    assert run.record == RunRecord(configuration, "abc", digest=DigestMark(TICK))


def test_a_claim_keeps_the_record_from_before_a_run_that_died(store: Store, clock: Clock) -> None:
    configuration = ConfigurationState(("secret x: is not JSON",))
    store.runs.close(claim(store), RunRecord(configuration, "abc"), done=True)
    claim(store, NEXT)
    clock.forward(LEASE)
    run = claim(store, NEXT + timedelta(minutes=5))
    # The run that died may have been the first with a digest in its policy.
    mark = DigestMark(NEXT - timedelta(days=1))
    assert run.record == RunRecord(configuration, "abc", digest=mark)


MARK = DigestMark(TICK - timedelta(hours=1), TICK - timedelta(days=1))


def test_which_digests_are_told_is_kept_until_the_policy_has_none(store: Store) -> None:
    store.runs.close(claim(store), RunRecord(digest=MARK), done=True)
    run = claim(store, NEXT)
    assert run.record.digest == MARK
    store.runs.close(run, RunRecord(), done=True)
    assert store.runs.record().digest == DigestMark(NEXT)


def test_a_mark_that_may_be_stored_is_not_overwritten(store: Store) -> None:
    run = claim(store)
    told = replace(MARK, told_at=TICK)
    assert store.save_digest(run, told, ())
    store.runs.close(run, RunRecord(digest=MARK), done=False, digest_is_known=False)
    assert store.runs.record().digest == told


def test_before_a_run_has_ended_no_digest_is_due(store: Store, clock: Clock) -> None:
    claim(store)
    clock.forward(LEASE)
    assert claim(store, NEXT).record.digest is None


def test_a_run_that_lost_its_lease_tells_no_digest(store: Store, clock: Clock) -> None:
    old = claim(store)
    clock.forward(LEASE)
    claim(store, NEXT)
    assert not store.save_digest(old, MARK, [])
