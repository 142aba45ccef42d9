"""A process crashes before or after each of its effects: the next runs recover from it.

They announce everything, and nothing twice. `python -m tests.crash_matrix` does the same and shows
the figures.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.support.audit import audit_of, crash_and_recover
from tests.support.crash_points import CrashPoint, SimulatedProcess
from tests.support.crash_scenario import Scenario, on_dynamodb_local
from tests.support.crash_scenarios import MOTO, SCENARIOS
from tests.support.simulation import NEXT, TICK, Simulation

pytestmark = pytest.mark.e2e  # hundreds of crashes take minutes

PREPARED = [(name, where) for name in SCENARIOS for where in SCENARIOS[name].places]


class Prepared:
    """Prepares a scenario when the first test asks for it, and keeps it until one asks for another.

    A fixture of the module would be made anew for every test that has a parameter of its own.
    """

    def __init__(self) -> None:
        self._of: tuple[str, str] | None = None
        self._stack = ExitStack()

    def scenario(self, name: str, where: str) -> Scenario:
        """Returns the scenario of this name, at this place."""
        if self._of != (name, where):
            self.close()
            prepare = SCENARIOS[name].prepared
            made = prepare(None) if where == MOTO else on_dynamodb_local(prepare)
            self._scenario = self._stack.enter_context(made)
            self._of = name, where
        return self._scenario

    def close(self) -> None:
        """Ends the scenario."""
        self._of = None
        self._stack.close()


@pytest.fixture(scope="module")
def kept() -> Iterator[Prepared]:
    with closing(Prepared()) as made:
        yield made


@pytest.fixture
def prepared(request: pytest.FixtureRequest, kept: Prepared) -> Scenario:
    name, where = request.param
    return kept.scenario(name, where)


@pytest.fixture
def simulation(prepared: Scenario) -> Simulation:
    return prepared.begin()


EVERY_SCENARIO = pytest.mark.parametrize(
    ("prepared", "effects"),
    [(it, SCENARIOS[it[0]].effects) for it in PREPARED],
    indirect=["prepared"],
    ids=map(", ".join, PREPARED),
)
EVERY_POINT = pytest.mark.parametrize(
    ("prepared", "point"),
    [
        pytest.param(it, point, id=f"{', '.join(it)}, {point}")
        for it in PREPARED
        for point in SCENARIOS[it[0]].tested_points
    ],
    indirect=["prepared"],
)


@EVERY_SCENARIO
def test_a_run_without_a_crash_has_exactly_the_effects_of_the_crash_points(
    simulation: Simulation, effects: Counter[str]
) -> None:
    process = SimulatedProcess()
    assert simulation.run(TICK, process).complete
    assert process.effects == effects


@pytest.mark.parametrize("prepared", PREPARED, indirect=True, ids=map(", ".join, PREPARED))
def test_a_run_without_a_crash_announces_each_transition_once_per_channel_and_pays_once(
    simulation: Simulation,
) -> None:
    simulation.run(TICK)
    simulation.run(NEXT)
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
