"""A watchman for tests: reads one account again and again, and keeps what it announced to whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
from balance_watch.domain.channels import AvailableChannels
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import OutboxEntry, PaymentOrder
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.rules import Metric, Rule, Severity
from balance_watch.domain.silences import IsSuppressed, Silence, suppression
from balance_watch.domain.state import AccountState
from tests.support.canaries import key

START = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
TICK = timedelta(minutes=5)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LINK = "https://example.com/billing"

ACCOUNT = Account("sms", "vonage", {"api_key": key()}, labels={"team": "messaging"})


def reading(balance: str, **facts: object) -> Reading:
    """A reading; the watchman sets its time."""
    return replace(Reading(START, Decimal(balance), "EUR"), **facts)


def failure(kind: FailureKind = FailureKind.TIMED_OUT) -> ReadFailure:
    """A failed read."""
    return ReadFailure(kind, "No whole reply came in time.")


def below(threshold: str, **changes: object) -> Rule:
    """A rule on the balance that fires at the first check."""
    rule = Rule("low balance", Metric.BALANCE, Severity.WARNING, below=Decimal(threshold))
    return replace(rule, **changes)


def above(threshold: str, **changes: object) -> Rule:
    """A rule as `below` makes one, but with a threshold above."""
    return below("0", below=None, above=Decimal(threshold), **changes)


BOTH_WEBHOOKS = AvailableChannels(
    frozenset({"sns", "slack:default", "slack:oncall"}), defaults=("sns", "slack:default")
)
"""The topic and two webhooks."""


@dataclass
class Watchman:
    """Feeds `decide` and keeps the state; `entries` are all outbox entries, in order."""

    policy: Policy = field(default_factory=Policy)
    account: Account = ACCOUNT
    channels: AvailableChannels = BOTH_WEBHOOKS
    now: datetime = START - TICK
    state: AccountState = field(default_factory=lambda: AccountState("sms"))
    entries: list[OutboxEntry] = field(default_factory=list)
    orders: list[PaymentOrder] = field(default_factory=list)
    traits: ProviderTraits = field(default_factory=lambda: ProviderTraits(LINK))
    silences: list[Silence] = field(default_factory=list)
    payment: PaymentOutcome | None = None

    def is_suppressed(self) -> IsSuppressed:
        """What tells whether an alert is suppressed now."""
        return suppression(self.silences, self.policy.mute_times, self.now)

    def announces(self, result: ReadResult | str, after: timedelta = TICK) -> list[str]:
        """Returns what one read makes the alerts announce: `reason channel`; text is a balance."""
        entries = [entry for entry in self.check(result, after) if not _is_of_top_up(entry)]
        return [f"{entry.notification.reason} {entry.channel}" for entry in entries]

    def notifies(
        self, result: ReadResult | str, after: timedelta = TICK
    ) -> tuple[Notification, ...]:
        """Returns the notifications of the alerts that one read makes, each once."""
        entries = [entry for entry in self.check(result, after) if not _is_of_top_up(entry)]
        return tuple({it.notification.alert_id: it.notification for it in entries}.values())

    def top_up_entries(
        self, result: ReadResult | str, after: timedelta = TICK
    ) -> list[OutboxEntry]:
        """Returns the outbox entries of top-ups that one read makes."""
        return [entry for entry in self.check(result, after) if _is_of_top_up(entry)]

    def check(self, result: ReadResult | str, after: timedelta = TICK) -> tuple[OutboxEntry, ...]:
        """Returns the outbox entries that one read makes."""
        self.now += after
        result = reading(result) if isinstance(result, str) else result
        if isinstance(result, Reading):
            result = replace(result, observed_at=self.now)

        def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
            return self.policy.channels_for(facts, self.channels)

        self.state, outgoing = decide(
            self.state,
            result,
            account=self.account,
            rules=self.policy.rules_for(self.account),
            context=AlertContext(
                self.policy.defaults, routing, self.is_suppressed(), self.policy.mention_for
            ),
            traits=self.traits,
            payment=self.payment,
            now=self.now,
        )
        entries = tuple(it for it in outgoing if isinstance(it, OutboxEntry))
        self.entries += entries
        self.orders += (it for it in outgoing if isinstance(it, PaymentOrder))
        return entries


def _is_of_top_up(entry: OutboxEntry) -> bool:
    return entry.notification.reason is Reason.TOPPED_UP


def watching(*rules: Rule, **policy: object) -> Watchman:
    """A watchman with these rules in its policy."""
    return Watchman(replace(Policy(rules=rules), **policy))
