"""Concurrent runs for one tick or for neighbouring ticks store one reading and each alert once."""

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
from tests.support.audit import audit_of
from tests.support.crash_scenario import Scenario, on_dynamodb_local
from tests.support.fakes import FakeReads
from tests.support.simulation import NEXT, SECONDS, TICK, Simulation

FIVE_MINUTES = timedelta(minutes=5)


pytestmark = pytest.mark.e2e  # moto checks a condition and writes in two steps, and so has races


@pytest.fixture(scope="module")
def day_before() -> Iterator[Scenario]:
    with on_dynamodb_local() as prepared:
        yield prepared


@pytest.fixture
def simulation(day_before: Scenario) -> Simulation:
    return day_before.begin()


def concurrently(number: int, work: Callable[[int], Summary | None]) -> list[Summary | None]:
    """Does the work in this many threads, which all begin at the same moment."""
    barrier = Barrier(number)

    def begin(index: int) -> Summary | None:
        barrier.wait(30)
        return work(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(begin, range(number)))


def run_once(simulation: Simulation, tick: int = 0) -> Summary | None:
    """Runs a tick; returns None if another run holds the lease."""
    try:
        return simulation.run(TICK + tick * FIVE_MINUTES)
    except RunUnderWayError:
        return None


def run_until_claimed(simulation: Simulation, tick: int) -> Summary:
    """Runs a tick, and retries as Lambda does, until no other run holds the lease."""
    while (summary := run_once(simulation, tick)) is None:
        sleep(0.05)
    return summary


def was_done(summary: Summary | None) -> bool:
    """Tells whether the run did its tick, instead of finding it done or under way."""
    return summary is not None and not summary.skipped


@pytest.mark.parametrize("number", [2, 8])
def test_one_of_many_concurrent_runs_for_a_tick_does_it(
    simulation: Simulation, number: int
) -> None:
    summaries = concurrently(number, lambda _: run_once(simulation))
    done = [summary for summary in summaries if summary is not None and not summary.skipped]
    assert len(done) == 1
    assert done[0].complete
    audit = audit_of(simulation, set(), simulation.states(), same_tick_again=True)
    assert audit.is_correct, audit
    assert (audit.doubled, audit.payments) == (Counter(), 1)


@pytest.mark.parametrize("number", [2, 8])
def test_concurrent_runs_for_a_tick_do_it_once_even_if_each_is_retried(
    simulation: Simulation, number: int
) -> None:
    summaries = concurrently(number, lambda _: run_until_claimed(simulation, 0))
    assert sum(map(was_done, summaries)) == 1
    audit = audit_of(simulation, set(), simulation.states(), same_tick_again=True)
    assert audit.is_correct, audit
    assert (audit.doubled, audit.payments) == (Counter(), 1)


@pytest.mark.parametrize("number", [2, 8])
def test_concurrent_runs_for_neighbouring_ticks_lose_and_double_nothing(
    simulation: Simulation, number: int
) -> None:
    summaries = concurrently(number, lambda tick: run_until_claimed(simulation, tick))
    done = [tick for tick, summary in enumerate(summaries) if was_done(summary)]
    assert done[-1] == number - 1, "the latest tick is always done"
    states = simulation.states()
    assert {state.checked_at for state in states.values()} == {TICK + done[-1] * FIVE_MINUTES}
    for tick in done:
        assert simulation.readings_of(TICK + tick * FIVE_MINUTES) == states.keys() - {"rejected"}
    audit = audit_of(simulation, set(), {}, same_tick_again=False)
    assert audit.is_correct, audit
    assert (audit.doubled, audit.payments) == (Counter(), 1)


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


def test_a_run_that_outlives_its_lease_changes_nothing_of_later_runs(
    simulation: Simulation,
) -> None:
    given = simulation.reads
    reads = StalledReads(given.balances, given.failures, settled=given.settled)
    simulation.reads = reads
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(simulation.run, TICK)
        assert reads.reached.wait(30)
        simulation.clock.forward(SECONDS + 1)
        assert simulation.run(NEXT).complete
        before = simulation.states()
        reads.released.set()
        assert isinstance(late.exception(30), ClientError), "it cannot end a lease that it lost"
    assert simulation.states() == before
    assert simulation.readings_of(TICK) == set()
    audit = audit_of(simulation, set(), {}, same_tick_again=False)
    assert audit.is_correct, audit
    assert (audit.doubled, audit.payments) == (Counter(), 1)
