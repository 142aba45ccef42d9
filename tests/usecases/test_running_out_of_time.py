"""Time that runs out, run after run: everybody's turn comes, and nothing grows without bounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from math import ceil

import pytest

from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.domain.run import RunRecord
from balance_watch.providers.spec import Spec
from balance_watch.store.sizes import size_of
from balance_watch.store.table import deserialize
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT, TICK
from tests.support.fakes import Looks, Outcome

HOUR = timedelta(hours=1)


@dataclass
class ShortOfTime(Looks):
    """Comes to so many accounts, and to no more."""

    number: int = 3

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, Outcome]]:
        return islice(super().__call__(accounts, now=now, deadline=deadline), self.number)


@pytest.mark.parametrize("number", [1, 3, 9])
def test_no_account_starves_however_often_time_runs_out(bench: Bench, number: int) -> None:
    names = [f"account-{index}" for index in range(10)]
    bench.watch(*names)
    bench.looks = ShortOfTime(number=number)
    rounds = 3 * ceil(len(names) / number)
    for index in range(rounds):
        summary = bench.run(TICK + index * HOUR)
        assert (summary.read, summary.deferred) == (number, 10 - number)
    readings = [
        len(bench.store.accounts.history(name, TICK, TICK + rounds * HOUR)) for name in names
    ]
    assert min(readings) >= 3, "each in its turn"


def test_what_fires_in_a_run_without_time_is_told_by_it_all_the_same(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.looks = ShortOfTime({"a": LOW, "b": LOW}, number=1)
    summary = bench.run()
    assert (summary.fired, summary.delivered, summary.deferred) == (1, 1, 1)


def test_a_thousand_accounts_with_the_longest_names_alerted_on_fit_into_the_run(
    bench: Bench,
) -> None:
    names = [f"{index:04}{'é' * 96}" for index in range(1000)]
    bench.watch(*names)
    run = bench.store.runs.claim(TICK, 100)
    assert run is not None
    bench.store.runs.close(run, RunRecord(alerted=tuple(names)), done=True)
    bench.looks = ShortOfTime(number=0)
    bench.run(NEXT)
    (item,) = [deserialize(it) for it in bench.scan() if it["pk"]["S"] == "RUN"]
    assert size_of(item) < 400_000


def test_the_reading_of_a_tick_is_one_however_often_the_tick_is_tried(bench: Bench) -> None:
    bench.watch("a", "b", "c")
    bench.looks = ShortOfTime(number=1)
    for _ in range(3):
        bench.run()
    assert bench.run().skipped
    expected = [Reading(TICK, Decimal("71.5"), "USD")]
    assert [bench.store.accounts.history(name, TICK, TICK) for name in "abc"] == [expected] * 3
