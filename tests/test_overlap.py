"""Runs at once, for one tick and for neighbouring ones: one reading, one notification of each."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier, Event
from time import sleep
from typing import Any

import pytest
from botocore.exceptions import ClientError

from balance_watch.errors import RunUnderWayError
from balance_watch.usecases.summary import Summary
from tests.support.fakes import Looks
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


def at_once(number: int, work: Callable[[int], Summary | None]) -> list[Summary | None]:
    """Does the work so often at once, each in a thread, begun together."""
    together = Barrier(number)

    def begun(which: int) -> Summary | None:
        together.wait(30)
        return work(which)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(begun, range(number)))


def once(life: Life, tick: int = 0) -> Summary | None:
    """A run; None when another one holds the table."""
    try:
        return life.run(TICK + tick * FIVE_MINUTES)
    except RunUnderWayError:
        return None


def until_it_is_let(life: Life, tick: int) -> Summary:
    """A run that is tried again as Lambda does, until it is done or there is nothing to do."""
    while (summary := once(life, tick)) is None:
        sleep(0.05)
    return summary


@pytest.mark.parametrize("number", [2, 8])
def test_of_runs_for_one_tick_one_does_it(life: Life, number: int) -> None:
    came_of_it = at_once(number, lambda _: once(life))
    done = [each for each in came_of_it if each is not None and not each.skipped]
    assert len(done) == 1
    assert done[0].complete
    result = aftermath(life, set(), life.states(), same_tick_again=True)
    assert result.in_order, result
    assert (result.doubled, result.paid) == (Counter(), 1)


@pytest.mark.parametrize("number", [2, 8])
def test_runs_for_one_tick_that_are_tried_again_do_it_once(life: Life, number: int) -> None:
    came_of_it = at_once(number, lambda _: until_it_is_let(life, 0))
    assert sum(each is not None and not each.skipped for each in came_of_it) == 1
    result = aftermath(life, set(), life.states(), same_tick_again=True)
    assert (result.in_order, result.doubled, result.paid) == (True, Counter(), 1), result


@pytest.mark.parametrize("number", [2, 8])
def test_runs_for_neighbouring_ticks_lose_nothing_and_double_nothing(
    life: Life, number: int
) -> None:
    came_of_it = at_once(number, lambda tick: until_it_is_let(life, tick))
    ran = [tick for tick, each in enumerate(came_of_it) if each is not None and not each.skipped]
    assert ran[-1] == number - 1, "the latest tick is always done"
    states = life.states()
    assert {state.checked_at for state in states.values()} == {TICK + ran[-1] * FIVE_MINUTES}
    for tick in ran:
        assert life.readings_of(TICK + tick * FIVE_MINUTES) == states.keys() - {"rejected"}
    result = aftermath(life, set(), {}, same_tick_again=False)
    assert (result.in_order, result.doubled, result.paid) == (True, Counter(), 1), result


@dataclass
class Stalling(Looks):
    """Looks of which the first waits until it is let go on."""

    reached: Event = field(default_factory=Event)
    let_go: Event = field(default_factory=Event)

    def __call__(self, *args: Any, **words: Any) -> Any:  # noqa: ANN401 (as its base)
        if not self.reached.is_set():
            self.reached.set()
            self.let_go.wait(30)
        return super().__call__(*args, **words)


def test_a_run_that_outlived_its_lease_changes_nothing_of_the_next_ones(life: Life) -> None:
    looks = Stalling(life.looks.balances, life.looks.failures)
    life.looks = looks
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(life.run, TICK)
        assert looks.reached.wait(30)
        life.clock.forward(SECONDS + 1)
        assert life.run(NEXT).complete
        before = life.states()
        looks.let_go.set()
        assert isinstance(late.exception(30), ClientError), "it cannot give back what it has not"
    assert life.states() == before
    assert life.readings_of(TICK) == set()
    result = aftermath(life, set(), {}, same_tick_again=False)
    assert (result.in_order, result.doubled, result.paid) == (True, Counter(), 1), result
