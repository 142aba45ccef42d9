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
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec.structs import replace

from balance_watch.config.loading import Configuration, load
from balance_watch.domain.account import Account
from balance_watch.domain.channels import TOPIC
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.payment import Payment, PaymentOutcome
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
from tests.support.model_channels import CHANNELS, ModelChannel, Received, Reply
from tests.support.paid_accounts import purse_in
from tests.support.tables import new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

START = datetime.fromisoformat("2026-11-22T00:00:00Z")
SECONDS = 100.0
THRESHOLD = Decimal(20)
PAYER, PAYER_TOO = "payer", "payer too"
"""Two names of one purse."""
PAYERS = (PAYER, PAYER_TOO)
NAMES = ("a", "b", PAYER)
EVERY_NAME = (*NAMES, PAYER_TOO)
MAX_PER_DAY = 2

POLICIES = {
    "built in": "",
    "graver": '[[rules]]\nname = "very low"\nbelow = 10\nseverity = "critical"\n',
    "routed": '[[routes]]\nmatch = { severity = "critical" }\n'
    'channels = ["sns", "pagerduty:oncall"]\n',
    "pays": '[[rules]]\nname = "pay"\nmatch = { account = "payer*" }\nbelow = 20\n'
    f"top_up = {{ max_per_day = {MAX_PER_DAY} }}\n",
    "apart": '[[routes]]\nmatch = { metric = "balance" }\nchannels = ["pagerduty:oncall"]\n',
    "digests": '[digest]\nat = "06:00"\n',
    "broken": "[[rules]\n",
}

Shown = Decimal | FailureKind
"""A balance, or the kind of failure to read it."""


@dataclass(frozen=True)
class Paid:
    """A payment that the provider received: when, for which tick, name and purse."""

    at: datetime
    tick: datetime
    account: str
    purse: int


class World:
    """The state that the rules change, and a record of what the promises are checked against."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.client, self.table = client, new_table(client)
        self.clock, self.now = Clock(), START
        self.tick = START
        """The tick of the process that runs."""
        self.purse = 0
        """The purse behind the names in PAYERS: another key is another purse."""
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
        self.stored: set[tuple[str, datetime]] = set()
        """The reads that yielded a balance in runs that stored all of it."""
        self.purse_at: dict[tuple[str, datetime], int] = {}
        """The purse that it was read of."""
        self.received: list[Received] = []
        self.missed: dict[str, list[datetime]] = defaultdict(list)
        """When each channel rejected something, or a run may have died before it sent anything."""
        self.unsaid: set[str] = set()
        """The channels that have accepted something without saying so."""
        self.payments: list[Paid] = []
        self.added_or_removed: list[tuple[str, datetime]] = []
        """Accounts, each with the time. The alerts of a removed account end unannounced."""
        self.every_silence: list[Silence] = []
        self.crashed = False
        self.webhook_died = False
        self.payer_was_removed = False
        self.routed_apart = False
        """Whether a policy kept some alerts from all channels but one."""

    def run(self, tick: datetime, crash_at: CrashPoint | None = None) -> Summary | None:
        """Runs a process; returns None if it crashes, or if another one holds the lease."""
        process = self.process = SimulatedProcess(crash_at)
        self.tick = tick
        try:
            summary = self._check(process).run(tick, seconds=SECONDS)
        except CrashError:
            self.crashed = True
            self._every_channel_misses(tick)
            wait_for_other_threads()
            self.clock.forward(SECONDS)
        except (RunUnderWayError, ClientError):
            self._every_channel_misses(tick)
        else:
            if not (summary.skipped or summary.deferred):
                self._is_stored(tick)
            return summary
        finally:
            self.process = SimulatedProcess()
        return None

    def _is_stored(self, tick: datetime) -> None:
        """Notes that what was read at a tick is in the table."""
        shown = ((name, self.shown_at.get((name, tick))) for name in self.watched)
        self.stored |= {(name, tick) for name, it in shown if isinstance(it, Decimal)}

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
            self.store.silences.end(silence)
            ended = replace(silence, until=min(silence.until, self.now))
            self.every_silence = [
                ended if known == silence else known for known in self.every_silence
            ]
        self.silences = []

    def clear_payment(self) -> None:
        for name in self.payers:
            self.store.payments.clear(purse_in(self._load(self.store), name))

    @property
    def payers(self) -> tuple[str, ...]:
        """The names of the purse that is paid into."""
        return tuple(name for name in PAYERS if name in self.watched)

    def latest_payment(self) -> Payment | None:
        """Returns the latest payment into the purse, as it is stored."""
        configuration = self._load(self.store)
        purses = [purse_in(configuration, name) for name in self.payers]
        return next(iter(self.store.payments.latest(purses).values()), None)

    def _check(self, process: SimulatedProcess) -> Check:
        """Returns the real check; every call to its table is an effect of the process."""
        store = self._store_of(process)
        pay = Pay(store, self._pay)
        return Check(store, partial(self._load, store), self._read, self._deliver, pay)

    def _store_of(self, process: SimulatedProcess) -> Store:
        client: Any = CrashableClient(self.client, process)
        return Store(client, self.table, clock=self.clock.time, sleep=self.clock.sleep)

    def _load(self, store: Store, *, policy_was_kept: bool = True) -> Configuration:
        del policy_was_kept
        accounts = [
            {
                "name": name,
                "provider": "vonage" if name in PAYERS else "you",
                "credentials": {
                    "api_key": key(f"purse {self.purse}" if name in PAYERS else ""),
                    "api_secret": key("secret"),
                },
                "alert_below": str(THRESHOLD),
                "variables": {"trx": "t"},
            }
            for name in sorted(self.watched)
        ]
        secrets = {
            "accounts": {"accounts": accounts},
            "slack": {"webhooks": {"default": webhook("default")}},
            "pagerduty": {"routing_keys": {"oncall": key("oncall")}},
        }
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
        self.process, self.tick = process, now
        for account, spec in accounts:
            shown = self.shown[PAYER if account.name in PAYERS else account.name]
            self.shown_at[account.name, now] = shown
            self.purse_at[account.name, now] = self.purse if account.name in PAYERS else 0
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
        del spec
        nth = self.process.begin(CALL)
        self.payments.append(Paid(self.now, self.tick, account.name, self.purse))
        self.process.end(CALL, nth)
        return self.payment_outcome
