"""A watchman for tests: shows one account look after look, and tells what was said to whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
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
    """A good look; the watchman sets its time."""
    return replace(Reading(START, Decimal(balance), "EUR"), **facts)  # type: ignore[arg-type]


def failure(kind: FailureKind = FailureKind.TIMED_OUT) -> ReadFailure:
    """A failed look."""
    return ReadFailure(kind, "No whole reply came in time.")


def below(threshold: str, **changes: object) -> Rule:
    """A rule on the balance that fires at the first check."""
    rule = Rule("low balance", Metric.BALANCE, Severity.WARNING, below=Decimal(threshold))
    return replace(rule, **changes)  # type: ignore[arg-type]


def above(threshold: str, **changes: object) -> Rule:
    """As `below`, the other way round."""
    return below("0", below=None, above=Decimal(threshold), **changes)


@dataclass
class Watchman:
    """Feeds `decide` and keeps the state; `said` and `orders` are all that it decided, in order."""

    policy: Policy = field(default_factory=Policy)
    account: Account = ACCOUNT
    webhooks: frozenset[str] = frozenset({"default", "oncall"})
    now: datetime = START - TICK
    state: AccountState = field(default_factory=lambda: AccountState("sms"))
    said: list[OutboxEntry] = field(default_factory=list)
    orders: list[PaymentOrder] = field(default_factory=list)
    offer: ProviderTraits = field(default_factory=lambda: ProviderTraits(LINK))
    silences: list[Silence] = field(default_factory=list)
    payment: PaymentOutcome | None = None

    def held(self) -> IsSuppressed:
        """What is held back now."""
        return suppression(self.silences, self.policy.mute_times, self.now)

    def sees(self, look: ReadResult | str, after: timedelta = TICK) -> list[str]:
        """Returns what one look makes its alerts say: `reason channel`; a string is a balance."""
        owed = [it for it in self.owes(look, after) if not _is_notice(it)]
        return [f"{it.notification.reason} {it.channel}" for it in owed]

    def tells(self, look: ReadResult | str, after: timedelta = TICK) -> tuple[Notification, ...]:
        """Returns what one look makes its alerts say, each notification once."""
        owed = [it for it in self.owes(look, after) if not _is_notice(it)]
        return tuple({it.notification.alert_id: it.notification for it in owed}.values())

    def notices(self, look: ReadResult | str, after: timedelta = TICK) -> list[OutboxEntry]:
        """Returns what one look makes it say that no alert stands behind: of top-ups."""
        return [it for it in self.owes(look, after) if _is_notice(it)]

    def owes(self, look: ReadResult | str, after: timedelta = TICK) -> tuple[OutboxEntry, ...]:
        """Returns what one look makes it owe."""
        self.now += after
        outcome = reading(look) if isinstance(look, str) else look
        if isinstance(outcome, Reading):
            outcome = replace(outcome, observed_at=self.now)

        def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
            return self.policy.channels_for(facts, self.webhooks)

        self.state, outgoing = decide(
            self.state,
            outcome,
            account=self.account,
            rules=self.policy.rules_for(self.account),
            context=AlertContext(self.policy.defaults, routing, self.held()),
            traits=self.offer,
            payment=self.payment,
            now=self.now,
        )
        entries = tuple(it for it in outgoing if isinstance(it, OutboxEntry))
        self.said += entries
        self.orders += (it for it in outgoing if isinstance(it, PaymentOrder))
        return entries


def _is_notice(owed: OutboxEntry) -> bool:
    return owed.notification.reason is Reason.TOPPED_UP


def watching(*rules: Rule, **policy: object) -> Watchman:
    """A watchman with these rules in its policy."""
    return Watchman(replace(Policy(rules=rules), **policy))  # type: ignore[arg-type]
