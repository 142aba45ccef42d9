"""A process crashes before or after each of its effects: the next runs recover from it.

They announce everything, and nothing twice. `python -m tests.crash_matrix` does the same and shows
the figures.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.audit import audit_of, crash_and_recover
from tests.support.crash_points import CrashPoint, SimulatedProcess, crash_points
from tests.support.crash_scenario import (
    Scenario,
    effects_of_the_run,
    scenario,
    scenario_on_dynamodb_local,
)
from tests.support.simulation import TICK, Simulation

pytestmark = pytest.mark.e2e  # nearly two hundred crashes take minutes


@pytest.fixture(scope="module", params=["moto", "aws"])
def day_before(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    with scenario() if request.param == "moto" else scenario_on_dynamodb_local() as prepared:
        yield prepared


@pytest.fixture
def simulation(day_before: Scenario) -> Simulation:
    return day_before.begin()


EVERY_POINT = pytest.mark.parametrize("point", crash_points(effects_of_the_run()), ids=str)


def test_a_run_without_a_crash_has_exactly_the_effects_of_the_crash_points(
    simulation: Simulation,
) -> None:
    process = SimulatedProcess()
    assert simulation.run(TICK, process).complete
    assert process.effects == effects_of_the_run()


def test_a_run_without_a_crash_announces_each_transition_once_per_channel_and_pays_once(
    simulation: Simulation,
) -> None:
    simulation.run(TICK)
    audit = audit_of(simulation, set(), simulation.states(), same_tick_again=True)
    assert audit.is_correct, audit
    assert (audit.payments, audit.payment, audit.doubled) == (1, "paid", Counter())


@EVERY_POINT
def test_the_same_tick_again_recovers_from_a_crash(
    simulation: Simulation, point: CrashPoint
) -> None:
    audit = crash_and_recover(simulation, point, same_tick_again=True)
    assert audit.is_correct, audit


@EVERY_POINT
def test_the_next_tick_alone_recovers_from_a_crash(
    simulation: Simulation, point: CrashPoint
) -> None:
    audit = crash_and_recover(simulation, point, same_tick_again=False)
    assert audit.is_correct, audit
