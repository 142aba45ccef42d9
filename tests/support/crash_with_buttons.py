"""A scenario of the crash tests: people press buttons of yesterday's alerts before a run.

Somebody acknowledges an alert, silences another one and orders a payment at a third. Before each
later run, Slack sends the same requests again.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from balance_watch.config.settings import SlackActionsSettings
from balance_watch.handlers.slack_actions import respond
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import SlackActionsWiring
from local.vonage import VonageServer
from tests.support.audit import ORDINARY
from tests.support.crash_points import SimulatedProcess
from tests.support.crash_scenario import (
    DAY_BEFORE,
    LOW,
    PREFIX,
    Scenario,
    entry,
    outside_world,
    paying_entry,
    scenario_from,
)
from tests.support.fakes import FakeReads
from tests.support.simulation import PAYS, SECONDS, TICK, TOPIC, Expected, Simulation
from tests.support.slack_presses import SECRET, Message, buttons_of, pressed, request

PRESS = "press: "
"""How the name of each effect of a press begins."""

SEEN, MUTED, LASTS = "seen", "muted", "lasts"
PRESSED = {SEEN: "acknowledge", MUTED: "silence:1w", PAYS: "top_up"}
"""What is pressed, by the account of the alert."""

POLICY = """
[defaults]
reminder = "24h"
"""

EXPECTED = Expected(
    announced={
        **{(name, "fired"): (TOPIC,) for name in (SEEN, MUTED, LASTS, PAYS)},
        **{(name, "reminder"): ORDINARY for name in (LASTS, PAYS)},
    },
    about_payments=ORDINARY,
    watched=(SEEN, MUTED, LASTS, PAYS),
)
"""Nobody is reminded of what was acknowledged or silenced.

What Slack heard the day before is not counted.
"""


def effects_with_buttons() -> Counter[str]:
    """Returns the effects of the presses and of the run; a test checks that there are no others."""
    presses = {
        "GetSecretValue": 1,  # a warm start keeps the secret
        # the event, who was first, what to tell; the state of an alert that is to fire still
        "BatchGetItem": 3 * 3 + 2,
        "GetItem": 1,  # how many acknowledgements there are
        # who was first, done; an acknowledgement, a silence and that there is one
        "UpdateItem": 3 * 2 + 1 + 2,
        "PutItem": 1,  # the order
        "Invoke": 1,
        "HTTP post": 3,  # the message is updated
    }
    run = {
        "UpdateItem": 2,  # claim and close
        "BatchGetSecretValue": 1,
        "GetTopicAttributes": 1,
        "GetParameter": 1,
        "BatchGetItem": 2,  # the states, the latest payment
        "TransactWriteItems": 2,  # the accounts, the end of the payment
        # packs, quiet accounts; entries of two channels, twice
        "BatchWriteItem": 2 + 2 * 2,
        "Query": 1 + 1,  # the silences, the outbox
        "PutItem": 1,  # the claim of the payment
        "PublishBatch": 1 + 1,  # the notification of the payment follows the payment
        "HTTP post": 1 + 1 + 1,  # the reminders, the payment, its notification
    }
    return Counter({**{f"{PRESS}{name}": number for name, number in presses.items()}, **run})


@dataclass
class Press(SimulatedProcess):
    """The process of a press, as a part of another one that may crash."""

    whole: SimulatedProcess = field(default_factory=SimulatedProcess)

    def begin(self, effect: str) -> int:
        """Counts an effect that is about to happen."""
        return self.whole.begin(f"{PRESS}{effect}")

    def end(self, effect: str, nth: int) -> None:
        """Notes that an effect has happened."""
        self.whole.end(f"{PRESS}{effect}", nth)


@dataclass
class Checks:
    """A client of Lambda that counts the checks that presses begin; each call is an effect."""

    process: SimulatedProcess
    begun: list[str]

    def invoke(self, **arguments: str | bytes) -> None:
        """Notes that a check begins. The run at `TICK` is that check."""
        nth = self.process.begin("Invoke")
        self.begun.append(str(arguments["FunctionName"]))
        self.process.end("Invoke", nth)


@dataclass
class ButtonSimulation(Simulation):
    """A simulation in which buttons are pressed before each run from `TICK` on."""

    message: Message | None = None
    """The message with the buttons, as people saw it first."""

    begun: list[str] = field(default_factory=list, init=False)

    def run(
        self, tick: datetime, process: SimulatedProcess | None = None, seconds: float = SECONDS
    ) -> Summary:
        """Presses the buttons, and runs the check of a tick."""
        process = process or SimulatedProcess()
        if self.message is not None:
            self._press(self.message, tick - timedelta(minutes=1), process)
        return super().run(tick, process, seconds)

    def _press(self, message: Message, now: datetime, process: SimulatedProcess) -> None:
        press = Press(whole=process)
        self.crashable_clients.process = self.transport.process = press
        clients = {**self.clients, "lambda": Checks(press, self.begun)}
        settings = self.settings
        wired = SlackActionsWiring(
            SlackActionsSettings(
                table_name=settings.table_name,
                check_function="CheckBalances",
                trusted_hosts=settings.trusted_hosts,
            ),
            make_client=clients.__getitem__,
            make_transport=lambda: self.transport,
            make_store=lambda client: Store(client, settings.table_name, clock=self.clock.time),
        )
        for button in buttons_of(message):
            account = json.loads(button["value"])["account"]
            if button["action_id"] == PRESSED.get(account):
                url = self.slack.response_url(account)
                body = pressed(message, button, response_url=url)
                assert respond(wired, request(body, now), now)["statusCode"] == 200

    def broken_promises(self) -> list[str]:
        """Returns what of the presses is not done once, or not told in the message."""
        silences, seen = self.store.silences.at(TICK), self.store.acknowledgements.by_alert()
        told = json.dumps([messages[-1] for messages in self.slack.updates.values()])
        return [
            *([] if [it.match["account"] for it in silences] == [MUTED] else ["silences"]),
            *([] if [account for account, _ in seen] == [SEEN] else ["acknowledgements"]),
            *([] if self.begun else ["no check was begun"]),
            *([] if told.count("<@U0ANN>") >= len(PRESSED) else ["the message"]),
            *self.slack.private,
        ]


@contextmanager
def scenario_with_buttons(dynamodb: str | None = None) -> Iterator[Scenario]:
    """Yields the scenario; its table is in moto, or in the DynamoDB at this address."""
    with outside_world(POLICY, _accounts, EXPECTED, dynamodb, ButtonSimulation) as simulation:
        assert isinstance(simulation, ButtonSimulation)
        slack = {"webhooks": simulation.slack.webhooks, "signing_secret": SECRET}
        simulation.aws.put_secret(f"{PREFIX}slack", slack)
        simulation.settings = replace(simulation.settings, slack_actions=True)
        simulation.reads = _reads()
        simulation.run(DAY_BEFORE)
        (simulation.message,) = simulation.slack.messages["default"]
        simulation.published = [each.content["alert_id"] for each in simulation.aws.published()]
        yield scenario_from(simulation, _reads, ("AT#",))  # a press reads an event


def _accounts(vonage: VonageServer) -> list[dict[str, Any]]:
    watched = [entry(name) for name in (SEEN, MUTED, LASTS)]
    return [*watched, {**paying_entry(vonage, PAYS), "alert_below": "20"}]


def _reads() -> FakeReads:
    return FakeReads(balances=dict.fromkeys((SEEN, MUTED, LASTS, PAYS), LOW))
