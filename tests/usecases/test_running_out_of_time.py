"""Runs that run out of time: every account gets its turn, and nothing grows without limit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from math import ceil

import pytest

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.run import RunRecord
from balance_watch.providers.spec import Spec
from balance_watch.store.sizes import size_of
from balance_watch.store.table import deserialize
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT, TICK
from tests.support.fakes import FakeReads

HOUR = timedelta(hours=1)


@dataclass
class ReadsWithLittleTime(FakeReads):
    """Reads only the first `number` accounts."""

    number: int = 3

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        return islice(super().__call__(accounts, now=now, deadline=deadline), self.number)


@pytest.mark.parametrize("number", [1, 3, 9])
def test_no_account_starves_however_often_time_runs_out(bench: Bench, number: int) -> None:
    names = [f"account-{index}" for index in range(10)]
    bench.watch(*names)
    bench.reads = ReadsWithLittleTime(number=number)
    rounds = 3 * ceil(len(names) / number)
    for index in range(rounds):
        summary = bench.run(TICK + index * HOUR)
        assert (summary.read, summary.deferred) == (number, 10 - number)
    readings = [
        len(bench.store.accounts.history(name, TICK, TICK + rounds * HOUR)) for name in names
    ]
    assert min(readings) >= 3, "every account gets its turn"


def test_an_alert_that_fires_in_a_run_without_time_is_still_delivered(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.reads = ReadsWithLittleTime({"a": LOW, "b": LOW}, number=1)
    summary = bench.run()
    assert (summary.fired, summary.delivered, summary.deferred) == (1, 1, 1)


def test_a_thousand_alerted_accounts_with_the_longest_names_fit_into_the_item_of_the_run(
    bench: Bench,
) -> None:
    names = [f"{index:04}{'é' * 96}" for index in range(1000)]
    bench.watch(*names)
    run = bench.store.runs.claim(TICK, 100)
    assert run is not None
    bench.store.runs.close(run, RunRecord(alerted=tuple(names)), done=True)
    bench.reads = ReadsWithLittleTime(number=0)
    bench.run(NEXT)
    (item,) = [deserialize(raw) for raw in bench.scan() if raw["pk"]["S"] == "RUN"]
    assert size_of(item) < 400_000


def test_an_account_has_one_reading_however_often_its_tick_is_repeated(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.reads = ReadsWithLittleTime(number=1)
    for _ in range(3):
        bench.run()
    assert bench.run().skipped
    expected = [Reading(TICK, Decimal("71.5"), "USD")]
    assert [bench.store.accounts.history(name, TICK, TICK) for name in "abc"] == [expected] * 3


def test_an_outage_of_used_up_credit_stays_one_message_when_its_tick_is_repeated(
    bench: Bench,
) -> None:
    used_up = ReadFailure(FailureKind.OUT_OF_CREDIT, "The provider answered HTTP 402.")
    bench.watch(*"abcde")
    bench.reads = ReadsWithLittleTime(failures=dict.fromkeys("abcde", used_up), number=3)
    bench.run()
    bench.run()
    assert bench.delivery.announced == [("every account", "fired")]
