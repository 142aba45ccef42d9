"""Domain objects for tests: plain ones, each to be changed in a field."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.outbox import OutboxEntry, PaymentOrder
from balance_watch.domain.reading import AutoReload, Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.run import Transition
from balance_watch.domain.spending import Day
from balance_watch.domain.state import AccountState
from balance_watch.domain.trend import Sample

TICK = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
NEXT = TICK + timedelta(minutes=5)
_HOUR = timedelta(hours=1)
SNS, SLACK = "sns", "slack:default"


def reading(balance: str = "71.5", at: datetime = TICK) -> Reading:
    """Returns a reading with nothing but a balance."""
    return Reading(at, Decimal(balance), "USD")


def state(account: str = "search-prod", at: datetime = TICK, balance: str = "71.5") -> AccountState:
    """Returns the state of an account after its balance was read."""
    return AccountState(account, checked_at=at, reading=reading(balance, at))


def entry(account: str = "search-prod", channel: str = SNS, at: datetime = TICK) -> OutboxEntry:
    """Returns the outbox entry of an alert about a low balance, for one channel."""
    return OutboxEntry(low_balance(account, at), channel)


def order(account: str = "search-prod", at: datetime = TICK) -> PaymentOrder:
    """Returns the payment order of an alert about a low balance."""
    return PaymentOrder(low_balance(account, at))


def low_balance(account: str = "search-prod", at: datetime = TICK) -> Notification:
    """Returns the notification that an account's balance is low."""
    return Notification(
        alert_id(account, Metric.BALANCE, Reason.FIRED, at),
        account,
        "you",
        "alert_below",
        Metric.BALANCE,
        Severity.CRITICAL,
        Reason.FIRED,
        at,
        at,
    )


def transition(account: str = "search-prod", channels: tuple[str, ...] = (SNS,)) -> Transition:
    """Returns the transition of an account that notifies these channels."""
    entries = tuple(entry(account, channel) for channel in channels)
    return Transition(state(account), entries)


def full_trend(now: datetime, first: str = "71.238") -> tuple[Sample, ...]:
    """Returns a day of hourly samples, falling."""
    hour, fall = now.replace(minute=0), Decimal("0.125")
    start = Sample(hour - timedelta(hours=24), Decimal(first))
    falling = (
        Sample(hour - timedelta(hours=24 - index), start.balance - fall * index, fall, _HOUR)
        for index in range(1, 25)
    )
    return (start, *falling)


def full_reading(at: datetime = TICK) -> Reading:
    """Returns a reading with every field that a provider can report."""
    return Reading(
        observed_at=at,
        balance=Decimal("275.7822475"),
        currency="USD",
        credits=Decimal(551564495),
        points=Decimal(71000),
        provider_flag=False,
        provider_threshold=Decimal("0.005"),
        auto_reload=AutoReload(enabled=True, threshold=Decimal(20), amount=Decimal(100)),
        provider_time=at - timedelta(minutes=3),
        status="Balance is current and up to date",
        credit_limit=Decimal("100.25"),
        expires_at=at + timedelta(days=300),
    )


def full_week(now: datetime, spent: str = "2.98765432101") -> tuple[Day, ...]:
    """Returns what was spent on each of eight days, with every digit that is kept."""
    return tuple(
        Day((now - timedelta(days=7 - index)).date(), Decimal(spent), timedelta(seconds=86_100))
        for index in range(8)
    )


def quiet_state(account: str = "llm-production-eu-central-1", at: datetime = TICK) -> AccountState:
    """Returns the state of a quiet account after a week of checks."""
    return AccountState(
        account,
        checked_at=at,
        reading=full_reading(at),
        trend=full_trend(at),
        days=full_week(at),
        top_up_notified_at=at - timedelta(days=3),
    )
