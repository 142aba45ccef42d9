"""`check_accounts` by itself, as workers would call it: each with a batch of a tick's accounts."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import inf

import pytest

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import Defaults, Policy
from balance_watch.domain.run import Run
from balance_watch.providers.registry import catalogue_provider
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.account_checks import CheckedAccounts, check_accounts
from balance_watch.usecases.decisions import Batch
from balance_watch.usecases.summary import Summary
from tests.support.canaries import key
from tests.support.check_bench import FINE, LOW, SECONDS, Bench
from tests.support.examples import NEXT, TICK
from tests.support.fakes import FakeReads

FIRST, SECOND = ("a", "b"), ("c", "d")


def batch_of(run: Run, names: Sequence[str]) -> Batch:
    """Returns a batch of accounts that alert below 20, and whose alerts go to the topic."""
    spec = catalogue_provider("you")
    assert spec is not None
    accounts = [
        (Account(name, "you", {"api_key": key(name)}, alert_below=Decimal(20)), spec)
        for name in names
    ]
    context = AlertContext(Defaults(), lambda _: ("sns",))
    return Batch(run, accounts, Policy(), context, deadline=inf)


@dataclass
class Worker:
    """Calls `check_accounts` with a store and reads of its own."""

    store: Store
    reads: FakeReads

    def check(self, batch: Batch) -> tuple[CheckedAccounts, Summary]:
        summary = Summary(batch.run.tick)
        checked = check_accounts(
            batch, summary, store=self.store, read=self.reads, open_payments=lambda _, __: {}
        )
        return checked, summary


@pytest.fixture
def workers(bench: Bench) -> tuple[Worker, Worker]:
    """Two workers with stores of their own on one table."""
    client = bench.wiring.client("dynamodb")
    first, second = (Worker(bench.store_over(client), FakeReads()) for _ in range(2))
    return first, second


def claimed(bench: Bench, tick: datetime = TICK) -> Run:
    run = bench.store.runs.claim(tick, SECONDS)
    assert run is not None
    return run


def announced(bench: Bench) -> list[tuple[str, str]]:
    """Returns the account and the reason of every pending entry."""
    entries = bench.store.outbox.pending().entries
    return sorted((it.notification.account, it.notification.reason.value) for it in entries)


def test_two_batches_of_one_tick_are_two_calls(
    bench: Bench, workers: tuple[Worker, Worker]
) -> None:
    run = claimed(bench)
    first, second = workers
    first.reads.balances["b"] = second.reads.balances["d"] = LOW
    checked, summary = first.check(batch_of(run, FIRST))
    assert (set(checked.states), checked.unsaved) == ({"a", "b"}, set())
    assert summary == Summary(TICK, accounts=2, read=2, fired=1)
    assert announced(bench) == [("b", "fired")]
    _, summary = second.check(batch_of(run, SECOND))
    assert summary == Summary(TICK, accounts=2, read=2, fired=1)
    assert announced(bench) == [("b", "fired"), ("d", "fired")]
    stored = bench.store.accounts.states([*FIRST, *SECOND])
    balances = {name: state.reading and state.reading.balance for name, state in stored.items()}
    assert balances == {name: Decimal(LOW if name in "bd" else FINE) for name in "abcd"}


def test_two_batches_can_be_checked_at_the_same_time(
    bench: Bench, workers: tuple[Worker, Worker]
) -> None:
    run = claimed(bench)
    for worker in workers:
        worker.reads.balances.update(dict.fromkeys("abcd", LOW))
    batches = [batch_of(run, FIRST), batch_of(run, SECOND)]
    with ThreadPoolExecutor(2) as pool:
        results = list(
            pool.map(lambda pair: pair[0].check(pair[1]), zip(workers, batches, strict=True))
        )
    assert [summary.fired for _, summary in results] == [2, 2]
    assert announced(bench) == [(name, "fired") for name in "abcd"]


def test_a_batch_that_is_delivered_twice_is_read_once(
    bench: Bench, workers: tuple[Worker, Worker]
) -> None:
    run = claimed(bench)
    first, second = workers
    first.reads.balances["a"] = second.reads.balances["a"] = LOW
    first.check(batch_of(run, FIRST))
    _, summary = second.check(batch_of(run, FIRST))
    assert summary == Summary(TICK, accounts=2)
    assert second.reads.requested == []
    assert announced(bench) == [("a", "fired")]


def test_the_next_tick_goes_on_from_what_both_batches_stored(
    bench: Bench, workers: tuple[Worker, Worker]
) -> None:
    first, second = workers
    first.reads.balances["a"] = LOW
    run = claimed(bench)
    for worker, names in zip(workers, (FIRST, SECOND), strict=True):
        worker.check(batch_of(run, names))
    bench.store.runs.close(run, run.record, done=True)
    _, summary = second.check(batch_of(claimed(bench, NEXT), ("a", "c")))
    assert (summary.read, summary.resolved) == (2, 1)
    assert announced(bench) == [("a", "fired"), ("a", "resolved"), ("a", "topped_up")]


def test_a_worker_that_outlives_the_lease_stores_nothing(
    bench: Bench, workers: tuple[Worker, Worker]
) -> None:
    run = claimed(bench)
    bench.clock.forward(SECONDS)
    claimed(bench, NEXT)
    first, _ = workers
    first.reads.balances["a"] = LOW
    checked, summary = first.check(batch_of(run, FIRST))
    assert (checked.unsaved, summary.deferred) == ({"a", "b"}, 2)
    assert bench.store.accounts.states(FIRST) == {}
    assert announced(bench) == []


def test_an_account_that_one_batch_cannot_read_in_time_defers_no_other(
    bench: Bench, workers: tuple[Worker, Worker]
) -> None:
    run = claimed(bench)
    first, second = workers
    first.reads.out_of_time = {"a"}
    assert first.check(batch_of(run, FIRST))[1] == Summary(TICK, accounts=2, read=1, deferred=1)
    assert second.check(batch_of(run, SECOND))[1] == Summary(TICK, accounts=2, read=2)


def test_an_open_payment_is_asked_for_and_every_read_is_reported(bench: Bench) -> None:
    read: list[tuple[str, int]] = []
    check_accounts(
        batch_of(claimed(bench), FIRST),
        Summary(TICK),
        store=bench.store,
        read=bench.reads,
        open_payments=lambda states, _: dict.fromkeys(states, PaymentOutcome.UNKNOWN),
        on_read=lambda account, _, number: read.append((account.name, number)),
    )
    assert read == [("a", 2), ("b", 2)]
    rules = [entry.notification.rule for entry in bench.store.outbox.pending().entries]
    assert rules == ["top_up", "top_up"]
