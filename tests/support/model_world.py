"""The world of the state machine: everything outside the process, and how processes run in it.

The check, its decisions, the store and the delivery are the real ones, and moto holds the table.
The state machine sets what is read, how channels and payments end, and when a process crashes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from balance_watch.config.loading import Configuration, load
from balance_watch.domain.account import Account
from balance_watch.domain.channels import TOPIC
from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.silences import Silence
from balance_watch.errors import RunUnderWayError
from balance_watch.notifiers.channels import ConfiguredChannel
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.check import Check
from balance_watch.usecases.delivery import DeliveryReport, deliver
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.summary import Summary
from tests.support.canaries import key, webhook
from tests.support.clock import Clock
from tests.support.crash_points import (
    CALL,
    CrashableClient,
    CrashError,
    CrashPoint,
    SimulatedProcess,
    wait_for_other_threads,
)
from tests.support.fakes import PREFIX, WrittenSources
from tests.support.paid_accounts import purse_in
from tests.support.tables import new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

START = datetime.fromisoformat("2026-11-22T00:00:00Z")
SECONDS = 100.0
WEBHOOK, ONCALL = "slack:default", "slack:oncall"
CHANNELS = (TOPIC, WEBHOOK, ONCALL)
THRESHOLD = Decimal(20)
PAYER = "payer"
NAMES = ("a", "b", PAYER)

POLICIES = {
    "built in": "",
    "graver": '[[rules]]\nname = "very low"\nbelow = 10\nseverity = "critical"\n',
    "routed": '[[routes]]\nmatch = { severity = "critical" }\nchannels = ["sns", "slack:oncall"]\n',
    "pays": '[[rules]]\nname = "pay"\nmatch = { account = "payer" }\nbelow = 20\n'
    "top_up = { max_per_day = 2 }\n",
    "broken": "[[rules]\n",
}

Reply = Literal["accepts", "rejects", "is dead"]
"""How a channel replies to notifications. A dead channel rejects them permanently."""

Shown = Decimal | FailureKind
"""A balance, or the kind of failure to read it."""


@dataclass(frozen=True)
class Received:
    """A notification that a channel accepted."""

    channel: str
    notification: Notification


@dataclass
class ModelChannel:
    """A channel that replies as the world says. Sending is an effect of the current process."""

    name: str
    world: "World"

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        del deadline
        reply = self.world.replies[self.name]
        nth = self.world.process.begin(CALL)
        if reply == "accepts":
            self.world.received += [Received(self.name, sent) for sent in notifications]
        self.world.process.end(CALL, nth)
        every = tuple(notifications)
        if reply == "accepts":
            yield SendResult(accepted=every)
        else:
            self.world.missed[self.name].append(self.world.now)
            yield SendResult(rejected=every, why=reply, permanent=reply == "is dead")


class World:
    """The state that the rules change, and a record of what the promises are checked against."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.client, self.table = client, new_table(client)
        self.clock, self.now = Clock(), START
        self.process = SimulatedProcess()
        self.policy = ""
        self.watched = set(NAMES)
        self.replies: dict[str, Reply] = dict.fromkeys(CHANNELS, "accepts")
        self.shown: dict[str, Shown] = dict.fromkeys(NAMES, Decimal(60))
        self.payment_outcome = PaymentOutcome.PAID
        self.silences: list[Silence] = []
        self.while_reading: Callable[[], None] = lambda: None
        """Is called once, when the next run reads the accounts."""

        self.in_another_unit: set[str] = set()
        """Accounts that show their balance in a unit that nobody has confirmed."""
        self.shown_at: dict[tuple[str, datetime], Shown] = {}
        """What was read of each account at each tick."""
        self.received: list[Received] = []
        self.missed: dict[str, list[datetime]] = defaultdict(list)
        """When each channel rejected something, or a run may have died before it sent anything."""
        self.payments: list[datetime] = []
        self.added_or_removed: list[tuple[str, datetime]] = []
        """Accounts, each with the time. The alerts of a removed account end unannounced."""
        self.every_silence: list[Silence] = []
        self.crashed = False
        self.webhook_died = False

    def run(self, tick: datetime, crash_at: CrashPoint | None = None) -> Summary | None:
        """Runs a process; returns None if it crashes, or if another one holds the lease."""
        process = self.process = SimulatedProcess(crash_at)
        try:
            return self._check(process).run(tick, seconds=SECONDS)
        except CrashError:
            self.crashed = True
            self._every_channel_misses(tick)
            wait_for_other_threads()
            self.clock.forward(SECONDS)
        except (RunUnderWayError, ClientError):
            self._every_channel_misses(tick)
        finally:
            self.process = SimulatedProcess()
        return None

    def _every_channel_misses(self, tick: datetime) -> None:
        for channel in CHANNELS:
            self.missed[channel].append(tick)

    @property
    def store(self) -> Store:
        """A store that no crash affects."""
        return Store(self.client, self.table, clock=self.clock.time)

    def silence(self, silence: Silence) -> None:
        self.store.silences.add(silence)
        self.silences.append(silence)
        self.every_silence.append(silence)

    def end_silences(self) -> None:
        for silence in self.silences:
            self.store.silences.end(silence.name)
            ended = silence._replace(until=min(silence.until, self.now))
            self.every_silence = [
                ended if known == silence else known for known in self.every_silence
            ]
        self.silences = []

    def clear_payment(self) -> None:
        if PAYER in self.watched:
            self.store.payments.clear(purse_in(self._load(self.store), PAYER))

    def _check(self, process: SimulatedProcess) -> Check:
        """Returns the real check; every call to its table is an effect of the process."""
        store = self._store_of(process)
        pay = Pay(store, self._pay)
        return Check(store, partial(self._load, store), self._read, self._deliver, pay)

    def _store_of(self, process: SimulatedProcess) -> Store:
        client: Any = CrashableClient(self.client, process)
        return Store(client, self.table, clock=self.clock.time, sleep=self.clock.sleep)

    def _load(self, store: Store) -> Configuration:
        accounts = [
            {
                "name": name,
                "provider": "vonage" if name == PAYER else "you",
                "credentials": {"api_key": key(), "api_secret": key("secret")},
                "alert_below": str(THRESHOLD),
                "variables": {"trx": "t"},
            }
            for name in sorted(self.watched)
        ]
        webhooks = {"default": webhook("default"), "oncall": webhook("oncall")}
        secrets = {"accounts": {"accounts": accounts}, "slack": {"webhooks": webhooks}}
        return load(
            WrittenSources(secrets, self.policy),
            prefix=PREFIX,
            stack_channels={TOPIC: "the topic"},
            last_good_policy=store.policies.last_good,
        )

    def _read(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        del deadline
        other_run, self.while_reading = self.while_reading, lambda: None
        process = self.process
        other_run()
        self.process = process
        for account, spec in accounts:
            shown = self.shown[account.name]
            self.shown_at[account.name, now] = shown
            if isinstance(shown, FailureKind):
                yield account, ReadFailure(shown, "It failed.")
            elif account.name in self.in_another_unit:
                self.shown_at[account.name, now] = FailureKind.AMBIGUOUS
                yield account, Reading(now, shown, "CNY")
            else:
                yield account, Reading(now, shown, spec.currency or "")

    def _deliver(
        self,
        entries: Sequence[OutboxEntry],
        *,
        channels: Sequence[ConfiguredChannel],
        configuration: Configuration,
        deadline: float,
        refusing: AbstractSet[str] = frozenset(),
    ) -> DeliveryReport:
        del deadline
        return deliver(
            entries,
            channels={channel.name: ModelChannel(channel.name, self) for channel in channels},
            outbox=self._store_of(self.process).outbox,
            deadline=monotonic() + 30,
            fallbacks=configuration.fallbacks,
            unread_kinds=configuration.unread_kinds,
            refusing=refusing,
        )

    def _pay(self, spec: Spec, account: Account) -> PaymentOutcome:
        del spec, account
        nth = self.process.begin(CALL)
        self.payments.append(self.now)
        self.process.end(CALL, nth)
        return self.payment_outcome
