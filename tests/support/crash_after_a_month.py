"""Another scenario of the crash tests: a webhook takes again what it refused for a month.

Alerts began and some ended while it refused everything. Ten minutes before it is tried again, a
rule orders a payment that there is no time for. Then the account gets another name.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from local.slack_inbox import NO_SERVICE
from local.vonage import VonageServer
from tests.support.crash_scenario import (
    LOW,
    PREFIX,
    Scenario,
    entry,
    outside_world,
    paying_entry,
    scenario_from,
)
from tests.support.fakes import FakeReads
from tests.support.simulation import DEFAULT, PAYS, TICK, TOPIC, Expected, Simulation

DAY, MINUTES = timedelta(days=1), timedelta(minutes=10)
FORMER_NAME = "pays before"
REMINDED = tuple(f"reminded-{index}" for index in range(8))
"""They are low since the first days of the month, and reminded of each week."""
LATE = tuple(f"late-{index}" for index in range(8))
"""They are low since the last days of the month."""
ENDED = tuple(f"ended-{index}" for index in range(4))
"""They were low for a part of the month."""
NAMES = (*REMINDED, *LATE, *ENDED)

POLICY = """
[defaults]
reminder = "7d"

[[rules]]
name = "pay"
match = { account = "pays*" }
below = "20"
top_up = { max_per_day = 1 }
"""

EXPECTED = Expected(
    announced={
        **{(name, "reminder"): (DEFAULT,) for name in REMINDED},
        **{(name, "fired"): (DEFAULT,) for name in LATE},
        **{(name, "topped_up"): (DEFAULT,) for name in ENDED},
        (PAYS, "fired"): (TOPIC, DEFAULT) * 2,  # it is low; the order of its former name is dropped
    },
    about_payments=(TOPIC, DEFAULT),
    watched=(*NAMES, PAYS),
    left_aside=("configuration",),
)
"""The webhook hears what still holds, once, and the topic nothing again.

The alert on the webhook ends in the run after the one that knows that it takes: if that dies after
the last message, after the next message.
"""


def effects_after_a_month() -> Counter[str]:
    """Returns the effects of the run at `TICK`; a test checks that there are no others."""
    return Counter(
        {
            "UpdateItem": 3,  # claim, the end of the former name's alerts, close
            "BatchGetSecretValue": 1,
            "GetTopicAttributes": 1,
            "GetParameter": 1,
            "PutItem": 1,  # the claim of the payment
            # the inventory, the account of the new name; the end of each order
            "TransactWriteItems": 2 + 2,
            # the state of the account that was removed; the states; the latest payment, for each
            # order
            "BatchGetItem": 1 + 1 + 2,
            "BatchWriteItem": 7,  # quiet accounts; what no longer holds; what was accepted
            "Query": 1 + 1,  # the inventory of the day before; the outbox
            "PublishBatch": 1 + 1,  # the notifications of the payments follow them
            "HTTP post": 1 + 1 + 1,  # the webhook, the payment, the webhook
        }
    )


@contextmanager
def scenario_after_a_month(dynamodb: str | None = None) -> Iterator[Scenario]:
    """Yields the scenario; its table is in moto, or in the DynamoDB at this address."""
    with outside_world(POLICY, _accounts, EXPECTED, dynamodb) as simulation:
        _live_through_the_month(simulation)
        accounts = [*map(entry, NAMES), paying_entry(simulation.vonage, PAYS)]
        simulation.aws.put_secret(f"{PREFIX}accounts", {"accounts": accounts})
        yield scenario_from(simulation, _reads)


def _accounts(vonage: VonageServer) -> list[dict[str, Any]]:
    return [*map(entry, NAMES), paying_entry(vonage, FORMER_NAME)]


def _reads() -> FakeReads:
    return FakeReads(balances=dict.fromkeys((*REMINDED, *LATE, PAYS), LOW))


def _live_through_the_month(simulation: Simulation) -> None:
    """Runs a check a day, and one without the time to pay."""
    simulation.slack.script("default", *[NO_SERVICE] * 30)
    for days_left in range(31, 0, -1):
        low = [name for index, name in enumerate(REMINDED) if days_left <= 30 - index % 2]
        low += [name for index, name in enumerate(LATE) if days_left <= 2 + index % 3]
        low += [name for name in ENDED if 10 < days_left <= 20]
        simulation.reads.balances = dict.fromkeys(low, LOW)
        simulation.run(TICK - days_left * DAY)
    simulation.reads.balances = dict.fromkeys((*REMINDED, *LATE, FORMER_NAME), LOW)
    simulation.run(TICK - MINUTES, seconds=15)
    simulation.aws.published()
    assert not simulation.slack.messages["default"], "it has accepted something"
