"""Kill the process before or after any effect: the next run makes it good, and tells all once.

`python -m tests.crash_matrix` does the same and shows the figures.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.crash_points import Fate, Moment, moments
from tests.support.simulation import (
    TICK,
    Life,
    Past,
    aftermath,
    die,
    effects_of_the_run,
    past,
    past_on_dynamodb_local,
)

pytestmark = pytest.mark.e2e  # nearly two hundred deaths take minutes


@pytest.fixture(scope="module", params=["moto", "aws"])
def the_past(request: pytest.FixtureRequest) -> Iterator[Past]:
    with past() if request.param == "moto" else past_on_dynamodb_local() as made:
        yield made


@pytest.fixture
def life(the_past: Past) -> Life:
    return the_past.begin()


MOMENTS = pytest.mark.parametrize("moment", moments(effects_of_the_run()), ids=str)


def test_a_run_that_lives_has_the_effects_that_the_others_die_at(life: Life) -> None:
    fate = Fate()
    assert life.run(TICK, fate).complete
    assert fate.effects == effects_of_the_run()


def test_a_run_that_lives_tells_every_channel_every_transition_once_and_pays_once(
    life: Life,
) -> None:
    life.run(TICK)
    came_of_it = aftermath(life, set(), life.states(), same_tick_again=True)
    assert came_of_it.in_order, came_of_it
    assert (came_of_it.paid, came_of_it.payment, came_of_it.doubled) == (1, "paid", Counter())


@MOMENTS
def test_the_same_tick_again_makes_a_death_good(life: Life, moment: Moment) -> None:
    came_of_it = die(life, moment, same_tick_again=True)
    assert came_of_it.in_order, came_of_it


@MOMENTS
def test_the_next_tick_alone_makes_a_death_good(life: Life, moment: Moment) -> None:
    came_of_it = die(life, moment, same_tick_again=False)
    assert came_of_it.in_order, came_of_it
