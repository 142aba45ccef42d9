"""The check of one tick, with the real store and secrets, and with fake reads."""

import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.errors import RunUnderWayError
from balance_watch.store.packs import hour_of
from balance_watch.usecases.summary import Summary
from tests.support.canaries import webhook
from tests.support.check_bench import (
    FINE,
    LOW,
    SECONDS,
    THIRD,
    Bench,
)
from tests.support.dynamodb_clients import Response, Wrapped, failing, refusal
from tests.support.examples import NEXT, TICK, state
from tests.support.fakes import FakeReads


@pytest.mark.parametrize(("secrets", "accounts"), [(1, 10), (1, 100), (2, 101), (21, 250)])
def test_a_quiet_run_makes_these_calls_and_no_others(
    bench: Bench, calls: Counter[str], secrets: int, accounts: int
) -> None:
    names = [f"account-{index:03}" for index in range(accounts)]
    for index in range(secrets):
        bench.watch(*names[index::secrets], into=f"accounts/{index}")
    bench.run()
    calls.clear()
    assert bench.run(NEXT).read == accounts
    packs = sum(hour_of(name, TICK) != hour_of(name, NEXT) for name in names)
    assert packs < accounts / 4, "a twelfth in the long run"
    assert calls == {
        "GetParameter": 1,
        "BatchGetSecretValue": ceil(secrets / 20),
        "BatchGetItem": ceil(accounts / 100),
        "BatchWriteItem": ceil(accounts / 25) + ceil(packs / 25),
        "UpdateItem": 2,
        "Query": 1,
    }


def test_the_summary_counts_what_the_run_did(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.reads.balances["a"] = LOW
    bench.reads.failures["b"] = ReadFailure(FailureKind.KEY_REJECTED, "no")
    summary = bench.run()
    expected = Summary(TICK, accounts=3, read=2, unreadable=1, fired=2, delivered=2)
    assert summary == expected
    assert summary.complete


def test_an_alert_to_two_channels_counts_once_as_fired_and_twice_as_delivered(
    bench: Bench,
) -> None:
    bench.watch("a")
    bench.put_secret("slack", {"webhooks": {"default": webhook()}})
    bench.reads.balances["a"] = LOW
    summary = bench.run()
    assert (summary.fired, summary.delivered) == (1, 2)


def test_an_alert_that_recovers_is_resolved(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.run()
    bench.reads.balances["a"] = FINE
    assert bench.run(NEXT).resolved == 1
    assert bench.delivery.announced == [("a", "fired"), ("a", "resolved"), ("a", "topped_up")]


def test_an_alert_that_lasts_is_reminded_of(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.run()
    assert bench.run(TICK + timedelta(hours=24)).reminded == 1


def test_a_tick_that_is_delivered_twice_is_one_run(bench: Bench) -> None:
    bench.watch("a")
    bench.run()
    bench.reads.balances["a"] = "1"
    assert bench.run() == Summary(TICK, skipped=True)
    assert bench.reads.requested == ["a"]
    assert [reading.balance for reading in bench.store.accounts.history("a", TICK, NEXT)] == [
        Decimal(FINE)
    ]


def test_a_tick_that_comes_late_is_skipped(bench: Bench) -> None:
    bench.watch("a")
    bench.run(NEXT)
    assert bench.run(TICK).skipped


def test_a_run_ends_in_an_error_while_another_one_is_under_way(bench: Bench) -> None:
    bench.watch("a")
    bench.store.runs.claim(TICK, SECONDS)
    with pytest.raises(RunUnderWayError):
        bench.run()
    assert bench.reads.requested == []


@pytest.mark.parametrize("tick", [TICK, NEXT], ids=["same tick", "next tick"])
def test_the_reading_of_a_run_that_died_is_in_the_history(bench: Bench, tick: datetime) -> None:
    bench.watch("a", "b")
    bench.store.runs.claim(TICK, SECONDS)
    bench.store.accounts.save([state("a", balance="12.34")])
    bench.clock.forward(SECONDS)
    bench.run(tick)
    assert [reading.balance for reading in bench.store.accounts.history("a", TICK, TICK)] == [
        Decimal("12.34")
    ]


def test_an_undelivered_entry_stays_pending_and_the_tick_stays_open(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.delivery.rejects = True
    summary = bench.run()
    assert (summary.fired, summary.delivered, summary.undelivered) == (1, 0, 1)
    assert not summary.complete


def test_the_same_tick_again_sends_pending_entries_and_reads_nothing(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.delivery.rejects = True
    bench.run()
    bench.delivery.rejects = False
    summary = bench.run()
    assert (summary.read, summary.fired, summary.delivered) == (0, 0, 1)
    assert bench.reads.requested == ["a"]
    assert bench.run().skipped


def test_the_next_tick_sends_pending_entries(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.delivery.rejects = True
    bench.run()
    bench.delivery.rejects = False
    assert bench.run(NEXT).delivered == 1
    assert bench.delivery.announced == [("a", "fired")]


def test_of_an_alert_that_nobody_may_have_heard_of_the_end_is_sent_alone(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.delivery.rejects = True
    bench.run()
    bench.reads.balances["a"] = FINE
    bench.delivery.rejects = False
    bench.run(NEXT)
    assert bench.delivery.announced == [("a", "resolved"), ("a", "topped_up")]


def test_an_account_that_was_not_read_in_time_is_deferred_and_the_tick_stays_open(
    bench: Bench,
) -> None:
    bench.watch("a", "b", "c")
    bench.reads.out_of_time = {"b"}
    summary = bench.run()
    assert (summary.accounts, summary.read, summary.deferred) == (3, 2, 1)
    assert not summary.complete


def test_the_same_tick_again_reads_only_the_deferred_accounts(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.reads.out_of_time = {"b"}
    bench.run()
    bench.reads = FakeReads()
    assert bench.run().read == 1
    assert bench.reads.requested == ["b"]
    assert bench.run().skipped


def test_a_deferred_account_is_read_first_in_the_next_run(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.run(TICK)
    bench.reads.out_of_time = {"c"}
    bench.run(NEXT)
    bench.reads = FakeReads()
    bench.run(THIRD)
    assert bench.reads.requested[0] == "c"


def test_an_account_that_was_never_checked_is_read_first(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.run()
    bench.watch("a", "b", "new")
    bench.reads = FakeReads()
    bench.run(NEXT)
    assert bench.reads.requested[0] == "new"


def test_a_run_without_time_for_any_account_defers_all(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.reads.out_of_time = {"a", "b"}
    summary = bench.run()
    assert summary == Summary(TICK, accounts=2, deferred=2)


def test_only_the_account_that_cannot_be_stored_is_deferred(bench: Bench) -> None:
    bench.watch("a", "b", "c", "d")
    bench.reads.balances = {"a": LOW, "b": LOW}
    client = bench.wiring.client("dynamodb")

    def reject_b(**request: object) -> Response:
        if '"ACCOUNT#b"' in json.dumps(request):
            raise refusal("TransactionCanceledException", "TransactWriteItems")
        return client.transact_write_items(**request)

    store = bench.store_over(Wrapped(client, transact_write_items=reject_b))
    summary = bench.check(store).run(TICK, seconds=SECONDS)
    assert (summary.fired, summary.deferred) == (1, 1)
    assert bench.delivery.announced == [("a", "fired")]
    bench.run()
    assert bench.delivery.announced == [("a", "fired"), ("b", "fired")]


def test_quiet_accounts_that_cannot_be_stored_are_deferred(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.reads.balances = {"a": LOW}
    client = bench.wiring.client("dynamodb")
    throttled = Wrapped(client, batch_write_item=failing(refusal("ThrottlingException")))
    summary = bench.check(bench.store_over(throttled)).run(TICK, seconds=SECONDS)
    assert (summary.fired, summary.deferred) == (1, 1)
