"""Concurrent runs, for one tick and for neighbouring ones: one reading, and one of each alert."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Barrier, Event
from time import sleep

import pytest
from botocore.exceptions import ClientError

from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadResult
from balance_watch.errors import RunUnderWayError
from balance_watch.providers.spec import Spec
from balance_watch.usecases.summary import Summary
from tests.support.fakes import FakeReads
from tests.support.simulation import (
    NEXT,
    SECONDS,
    TICK,
    Life,
    Past,
    aftermath,
    past_on_dynamodb_local,
)

FIVE_MINUTES = timedelta(minutes=5)


pytestmark = pytest.mark.e2e  # moto checks a condition and writes in two steps: it has races


@pytest.fixture(scope="module")
def the_past() -> Iterator[Past]:
    with past_on_dynamodb_local() as made:
        yield made


@pytest.fixture
def life(the_past: Past) -> Life:
    return the_past.begin()


def concurrently(number: int, work: Callable[[int], Summary | None]) -> list[Summary | None]:
    """Does the work in so many threads, all of which begin at the same moment."""
    barrier = Barrier(number)

    def begin(index: int) -> Summary | None:
        barrier.wait(30)
        return work(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(begin, range(number)))


def run_once(life: Life, tick: int = 0) -> Summary | None:
    """Runs a tick; returns None if another run holds the lease."""
    try:
        return life.run(TICK + tick * FIVE_MINUTES)
    except RunUnderWayError:
        return None


def run_until_claimed(life: Life, tick: int) -> Summary:
    """Runs a tick, again and again as Lambda does, until no other run holds the lease."""
    while (summary := run_once(life, tick)) is None:
        sleep(0.05)
    return summary


def was_done(summary: Summary | None) -> bool:
    return summary is not None and not summary.skipped


@pytest.mark.parametrize("number", [2, 8])
def test_of_concurrent_runs_for_one_tick_one_does_it(life: Life, number: int) -> None:
    summaries = concurrently(number, lambda _: run_once(life))
    done = [summary for summary in summaries if summary is not None and not summary.skipped]
    assert len(done) == 1
    assert done[0].complete
    result = aftermath(life, set(), life.states(), same_tick_again=True)
    assert result.in_order, result
    assert (result.doubled, result.paid) == (Counter(), 1)


@pytest.mark.parametrize("number", [2, 8])
def test_concurrent_runs_for_one_tick_that_are_retried_do_it_once(life: Life, number: int) -> None:
    summaries = concurrently(number, lambda _: run_until_claimed(life, 0))
    assert sum(map(was_done, summaries)) == 1
    result = aftermath(life, set(), life.states(), same_tick_again=True)
    assert (result.in_order, result.doubled, result.paid) == (True, Counter(), 1), result


@pytest.mark.parametrize("number", [2, 8])
def test_concurrent_runs_for_neighbouring_ticks_lose_and_double_nothing(
    life: Life, number: int
) -> None:
    summaries = concurrently(number, lambda tick: run_until_claimed(life, tick))
    done = [tick for tick, summary in enumerate(summaries) if was_done(summary)]
    assert done[-1] == number - 1, "the latest tick is always done"
    states = life.states()
    assert {state.checked_at for state in states.values()} == {TICK + done[-1] * FIVE_MINUTES}
    for tick in done:
        assert life.readings_of(TICK + tick * FIVE_MINUTES) == states.keys() - {"rejected"}
    result = aftermath(life, set(), {}, same_tick_again=False)
    assert (result.in_order, result.doubled, result.paid) == (True, Counter(), 1), result


@dataclass
class StalledReads(FakeReads):
    """Reads of which the first waits until it is released."""

    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        if not self.reached.is_set():
            self.reached.set()
            self.released.wait(30)
        return super().__call__(accounts, now=now, deadline=deadline)


def test_a_run_that_outlived_its_lease_changes_nothing_of_later_runs(life: Life) -> None:
    reads = StalledReads(life.looks.balances, life.looks.failures)
    life.looks = reads
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(life.run, TICK)
        assert reads.reached.wait(30)
        life.clock.forward(SECONDS + 1)
        assert life.run(NEXT).complete
        before = life.states()
        reads.released.set()
        assert isinstance(late.exception(30), ClientError), "it cannot end a lease that it lost"
    assert life.states() == before
    assert life.readings_of(TICK) == set()
    result = aftermath(life, set(), {}, same_tick_again=False)
    assert (result.in_order, result.doubled, result.paid) == (True, Counter(), 1), result
