"""The scenarios of the crash tests, by name."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from tests.support.crash_after_a_month import effects_after_a_month, scenario_after_a_month
from tests.support.crash_points import CrashPoint, crash_points
from tests.support.crash_scenario import Scenario, effects_of_the_run, scenario
from tests.support.crash_with_buttons import PRESS, effects_with_buttons, scenario_with_buttons
from tests.support.worker_simulation import WorkerSimulation

READS = frozenset(
    {
        "BatchGetItem",
        "BatchGetSecretValue",
        "GetItem",
        "GetParameter",
        "GetSecretValue",
        "GetTopicAttributes",
        "Query",
    }
)
"""The effects that change nothing."""

MOTO, DYNAMODB_LOCAL = "moto", "DynamoDB Local"


class CrashScenario(NamedTuple):
    """A scenario: how it is prepared, on moto or at an address, and the effects of its run.

    `places` are the tables that the tests try it on, which takes two minutes each. With
    `sampled` the tests try a sixth of what changes something, half of it before and half after:
    a crash at a read leaves what the write before it has left. Of a press, they try all of it. The
    matrix crashes everywhere.
    """

    prepared: Callable[[str | None], AbstractContextManager[Scenario]]
    effects: Counter[str]
    places: tuple[str, ...] = (MOTO, DYNAMODB_LOCAL)
    sampled: bool = False

    @property
    def points(self) -> list[CrashPoint]:
        """Every crash point of the run."""
        return crash_points(self.effects)

    @property
    def tested_points(self) -> list[CrashPoint]:
        """The crash points that the tests try."""
        if not self.sampled:
            return self.points
        writing = [it for it in self.points if it.effect.removeprefix(PRESS) not in READS]
        return [
            it
            for number, it in enumerate(writing)
            if number % 12 in (0, 7) or it.effect.startswith(PRESS)
        ]


def effects_with_workers() -> Counter[str]:
    """Returns the effects of a planner and two workers; the second one finishes the tick."""
    return Counter(
        {
            # planner: claim, close, the plan is sent; a worker: its batch ends, it is taken off the
            # plan; the one that finishes: claim, close
            "UpdateItem": 3 + 2 * 2 + 2,
            # planner, workers, the end, the payment
            "GetParameter": 5,
            "BatchGetSecretValue": 5,
            "GetTopicAttributes": 1,
            "SendMessageBatch": 1,
            "PutItem": 2,  # the valid policy, the claim of the payment
            # planner: the inventory, the configuration, the plan; a worker: its claim, its
            # accounts; the end: the digest, the payment
            "TransactWriteItems": 3 + 2 * 2 + 2,
            # a worker: its claim, its states; the settled costs, the account that was topped up;
            # the end: the alerts of what is owed, the whole state of who is paid for, the payment
            "BatchGetItem": 2 * 2 + 2 + 3,
            "BatchWriteItem": 11,
            # planner: the inventory of the day before, the batches; a worker: the readings of the
            # account that was topped up; the end: the batches, the outbox
            "Query": 2 + 1 + 2,
            "PublishBatch": 2,
            "HTTP post": 5,
        }
    )


@contextmanager
def scenario_with_workers(dynamodb: str | None = None) -> Iterator[Scenario]:
    """Yields the scenario of a day after, in which workers check the accounts."""
    with scenario(dynamodb, WorkerSimulation) as prepared:
        yield prepared


SCENARIOS = {
    "a day after": CrashScenario(scenario, effects_of_the_run()),
    "a month after": CrashScenario(scenario_after_a_month, effects_after_a_month(), (MOTO,)),
    "with workers": CrashScenario(scenario_with_workers, effects_with_workers(), sampled=True),
    "with buttons": CrashScenario(
        scenario_with_buttons, effects_with_buttons(), (MOTO,), sampled=True
    ),
}
