"""A channel of each kind is down for a month, and then gets what still holds, once and in order."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from local.loopback import Reply
from local.scripted_inbox import ScriptedInbox
from tests.support.check_bench import FINE, LOW, Bench
from tests.support.examples import TICK
from tests.support.inboxes import INBOXES

DAYS = 31
MOST_ATTEMPTS = 80
"""Every other day, each of up to five alerts is a request of its own, but of those that a channel
refused for good, only one is tried."""

FOR_PEOPLE = ("pagerduty", "teams", "discord")
NAMES = re.compile("starving|wavering|configuration")


class Bus:
    """EventBridge: accepts every event, or refuses all with a code."""

    def __init__(self) -> None:
        self.code, self.calls = "", 0
        self.events: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (boto3's own name)
        self.calls += 1
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "PutEvents")
        self.events += [json.loads(entry["Detail"]) for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}


@dataclass
class Month:
    """What a channel was asked in the month, what it got after it, and what a run later."""

    attempts: int = 0
    heard: list[str] = field(default_factory=list)
    heard_later: list[str] = field(default_factory=list)


@dataclass
class Ear:
    """A channel that is down until it is told otherwise, and what it has heard."""

    kind: str
    lasts: bool
    inbox: ScriptedInbox | None
    bus: Bus

    def go_down(self) -> None:
        self.bus.code = "AccessDeniedException" if self.lasts else "ThrottlingException"
        if self.inbox is not None:
            self.inbox.outage = Reply(403 if self.lasts else 503)

    def come_back(self) -> None:
        self.bus.code = ""
        if self.inbox is not None:
            self.inbox.outage = None

    @property
    def attempts(self) -> int:
        return self.bus.calls if self.inbox is None else len(self.inbox.requests)

    @property
    def alerts(self) -> list[str]:
        """The JSON of each alert, in the order in which they came."""
        messages: list[dict[str, Any]] = (
            self.bus.events if self.inbox is None else self.inbox.messages
        )
        return [json.dumps(alert) for message in messages for alert in alerts_in(message)]


def alerts_in(message: dict[str, Any]) -> list[Any]:
    """Returns the parts of a message of any kind that are an alert each."""
    if "attachments" in message:
        parts: list[Any] = message["attachments"][0]["content"]["body"]
        return parts
    return list(message.get("embeds", [message]))


@pytest.fixture(params=[*INBOXES, "events"])
def ear(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Ear]:
    kind: str = request.param
    bus = Bus()
    with ExitStack() as stack:
        inbox = stack.enter_context(INBOXES[kind]()) if kind in INBOXES else None
        if inbox is not None:
            bench.put_secret(kind, inbox.secret)
            bench.trust(inbox.authority)
        else:
            settings = replace(bench.wiring.settings, event_bus="default")
            bench.wiring = replace(bench.wiring, settings=settings)
        usual = bench.wiring.make_client
        bench.wiring = replace(
            bench.wiring,
            make_store=lambda _: bench.store,
            make_client=lambda name: bus if name == "events" else usual(name),
        )
        bench.deliver = bench.wiring.deliver
        channel = kind if inbox is None else f"{kind}:default"
        bench.aws.put_policy(
            f'[defaults]\nreminder = "10d"\n[[routes]]\nchannels = ["{channel}"]\n'
        )
        yield Ear(kind, lasts=False, inbox=inbox, bus=bus)


def live(bench: Bench, ear: Ear) -> Month:
    """Lives through a month with a run every other day, and through two runs after it."""
    ear.go_down()
    bench.watch("starving", "wavering")
    now = TICK
    for day in range(0, DAYS, 2):
        bench.reads.balances = {"starving": LOW, "wavering": FINE if day % 4 else LOW}
        bench.run(now)
        now += timedelta(days=2)
    month = Month(ear.attempts)
    ear.come_back()
    for heard in (month.heard, month.heard_later):
        now += timedelta(minutes=5)
        before = len(ear.alerts)
        bench.run(now)
        heard.extend(ear.alerts[before:])
    return month


def name_in(alert: str) -> str:
    found = NAMES.search(alert)
    assert found is not None, alert
    return found[0]


@pytest.mark.parametrize("lasts", [True, False])
def test_it_gets_what_still_holds_once_in_order_and_then_the_end_of_the_fault_about_it(
    bench: Bench, ear: Ear, *, lasts: bool
) -> None:
    ear.lasts = lasts
    month = live(bench, ear)
    # A top-up opens nothing at PagerDuty, so nothing is sent for it.
    rise = ["wavering"] if ear.kind != "pagerduty" else []
    assert [name_in(alert) for alert in month.heard] == ["configuration", "starving", *rise]
    assert [name_in(alert) for alert in month.heard_later] == ["configuration"]
    if ear.kind in FOR_PEOPLE:
        assert all("Sent late" in alert for alert in month.heard)
    assert month.attempts <= MOST_ATTEMPTS
