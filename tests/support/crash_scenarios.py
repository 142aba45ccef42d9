"""The scenarios of the crash tests, by name."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from tests.support.crash_after_a_month import effects_after_a_month, scenario_after_a_month
from tests.support.crash_points import CrashPoint, crash_points
from tests.support.crash_scenario import Scenario, effects_of_the_run, scenario

MOTO, DYNAMODB_LOCAL = "moto", "DynamoDB Local"


class CrashScenario(NamedTuple):
    """A scenario: how it is prepared, on moto or at an address, and the effects of its run.

    `places` are the tables that the tests try it on, which takes two minutes each.
    """

    prepared: Callable[[str | None], AbstractContextManager[Scenario]]
    effects: Counter[str]
    places: tuple[str, ...] = (MOTO, DYNAMODB_LOCAL)

    @property
    def points(self) -> list[CrashPoint]:
        """Every crash point of the run."""
        return crash_points(self.effects)


SCENARIOS = {
    "a day after": CrashScenario(scenario, effects_of_the_run()),
    "a month after": CrashScenario(scenario_after_a_month, effects_after_a_month(), (MOTO,)),
}
