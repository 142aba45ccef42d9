"""Simulated processes that run one after the other over the same table, channels and provider."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from balance_watch.config.settings import CheckSettings
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.payment import Payment
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.text import summary_line
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.delivery import DeliveryReport
from balance_watch.usecases.outbox_step import Deliver
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from local.slack_inbox import SlackInbox
from local.vonage import VonageServer
from tests.support.clock import Clock
from tests.support.crash_points import (
    CrashableClients,
    CrashableTransport,
    CrashError,
    CrashPoint,
    SimulatedProcess,
    wait_for_other_threads,
)
from tests.support.fakes import FakeReads
from tests.support.paid_accounts import purse_in

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Forwarded = Any  # an argument that is passed on unchanged

TICK = datetime.fromisoformat("2026-11-22T10:05:00Z")
NEXT = TICK + timedelta(minutes=5)
SECONDS = 100.0
TOPIC, DEFAULT, ONCALL = "sns", "slack:default", "slack:oncall"

PAYS = "pays"
QUIET = tuple(f"quiet-{index}" for index in range(11))
COSTS = "costs"
"""An account whose provider tells costs and no balance."""
WATCHED = ("fires", "worsens", "resolves", "lasts", "rejected", COSTS, PAYS, *QUIET)
"""The accounts, most of them named by what happens to them at `TICK`."""


@dataclass(frozen=True)
class Expected:
    """What must come of the run at `TICK`, whatever crashes.

    Attributes:
        announced: the channels that must be notified, by account and reason.
        about_payments: the channels of a payment whose outcome is unknown.
        watched: the accounts.
        unreadable: those of them that have no reading.
        left_aside: what else is announced in some runs, and not compared.
        with_costs: those of which settled costs are kept.
    """

    announced: Mapping[tuple[str, str], tuple[str, ...]]
    about_payments: tuple[str, ...]
    watched: tuple[str, ...]
    unreadable: frozenset[str] = frozenset()
    left_aside: tuple[str, ...] = ()
    with_costs: frozenset[str] = frozenset()


@dataclass
class Simulation:
    """Everything outside the process, and the processes that run in it one after the other."""

    aws: EmbeddedAws
    slack: SlackInbox
    vonage: VonageServer
    clients: dict[str, Any]
    outside: "DynamoDBClient"
    """A client of the table that no crash affects."""
    crashable_clients: CrashableClients
    transport: CrashableTransport
    settings: CheckSettings
    expected: Expected
    clock: Clock = field(default_factory=Clock)
    reads: FakeReads = field(default_factory=FakeReads)
    alert_ids: dict[str, str] = field(default_factory=dict)
    """The alert id behind each summary line in Slack."""
    alerts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The account and the reason of each alert id."""
    published: list[str] = field(default_factory=list)
    """The alert ids of all messages to the topic."""

    def broken_promises(self) -> list[str]:
        """Returns what else is wrong after the last run, in a kind of simulation of its own."""
        return []

    @property
    def store(self) -> Store:
        """A store that no crash affects."""
        return Store(self.outside, self.settings.table_name)

    def run(
        self, tick: datetime, process: SimulatedProcess | None = None, seconds: float = SECONDS
    ) -> Summary:
        """Runs the check of a tick in a new process, until it ends or crashes."""
        process = process or SimulatedProcess()
        self.crashable_clients.process = self.transport.process = process
        wiring = Wiring(
            self.settings,
            make_client=self.clients.__getitem__,
            make_transport=lambda: self.transport,
            make_store=lambda client: Store(
                client, self.settings.table_name, clock=self.clock.time
            ),
        )
        check = replace(wiring.check(), read=self.reads, deliver=self._recording(wiring))
        return check.run(tick, seconds=seconds)

    def run_until(self, point: CrashPoint) -> None:
        """Runs `TICK` in a process that crashes at this point, and waits until its lease ends."""
        with pytest.raises(CrashError):
            self.run(TICK, SimulatedProcess(point))
        wait_for_other_threads()
        self.clock.forward(SECONDS)

    def accepted(self) -> Counter[tuple[str, str]]:
        """Counts the notifications that the channels accepted, by channel and alert id."""
        self.published += [message.content["alert_id"] for message in self.aws.published()]
        lines = [
            (f"slack:{name}", line)
            for name, messages in self.slack.messages.items()
            for message in messages
            for line in message["text"].split("\n")
        ]
        to_topic = [(TOPIC, alert_id) for alert_id in self.published]
        return Counter(to_topic + [(channel, self.alert_ids[line]) for channel, line in lines])

    def pending(self) -> set[tuple[str, str]]:
        """Returns channel and alert id of all pending entries; a payment order has no channel."""
        pending = self.store.outbox.pending()
        orders = {("", order.notification.alert_id) for order in pending.orders}
        return orders | {(entry.channel, entry.notification.alert_id) for entry in pending.entries}

    def states(self) -> dict[str, AccountState]:
        """Returns the stored state of every account."""
        return self.store.accounts.states(self.expected.watched)

    def readings_of(self, tick: datetime) -> set[str]:
        """Returns the accounts that have a reading of this tick in their history."""
        history, watched = self.store.accounts.history, self.expected.watched
        return {name for name in watched if history(name, tick, tick)}

    def with_costs(self) -> set[str]:
        """Returns the accounts of which settled costs are stored."""
        items = self.outside.scan(TableName=self.settings.table_name, ConsistentRead=True)["Items"]
        of_costs = [item for item in items if item["sk"]["S"] == "COSTS"]
        return {item["pk"]["S"].removeprefix("ACCOUNT#") for item in of_costs}

    def listed(self) -> set[str]:
        """Returns the accounts of the stored inventory."""
        inventory = self.store.inventories.latest()
        return set() if inventory is None else {account.name for account in inventory.accounts}

    @property
    def payments(self) -> int:
        """The number of payments that the provider received."""
        return len(next(iter(self.vonage.accounts.values())).top_ups)

    @property
    def payment(self) -> Payment | None:
        """The latest payment in the table."""
        wiring = Wiring(self.settings, make_client=self.clients.__getitem__)
        return self.store.payments.latest([purse_in(wiring.load(), PAYS)]).get(PAYS)

    def _recording(self, wiring: Wiring) -> Deliver:
        """Returns the delivery, which first records what each entry's summary line stands for."""

        def deliver(entries: Sequence[OutboxEntry], **others: Forwarded) -> DeliveryReport:
            for notification in (entry.notification for entry in entries):
                self.alert_ids[summary_line(notification)] = notification.alert_id
                alert = notification.account, notification.reason.value
                self.alerts[notification.alert_id] = alert
            return wiring.deliver(entries, **others)

        return deliver
