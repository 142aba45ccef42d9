"""Domain objects for tests: plain ones to change a field of."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from balance_watch.domain.notification import Notification, OutboxEntry, Reason, alert_id
from balance_watch.domain.reading import AutoReload, Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.spending import Day
from balance_watch.domain.state import AccountState
from balance_watch.domain.trend import Sample
from balance_watch.store.dynamodb import Transition

TICK = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
NEXT = TICK + timedelta(minutes=5)
SNS, SLACK = "sns", "slack:default"


def reading(balance: str = "71.5", at: datetime = TICK) -> Reading:
    """A reading with nothing but a balance."""
    return Reading(at, Decimal(balance), "USD")


def state(account: str = "search-prod", at: datetime = TICK, balance: str = "71.5") -> AccountState:
    """The state after a good look."""
    return AccountState(account, checked_at=at, reading=reading(balance, at))


def owed(account: str = "search-prod", channel: str = SNS, at: datetime = TICK) -> OutboxEntry:
    """A low balance, fired."""
    return OutboxEntry(
        Notification(
            alert_id(account, Metric.BALANCE, Reason.FIRED, at),
            account,
            "you",
            "alert_below",
            Metric.BALANCE,
            Severity.CRITICAL,
            Reason.FIRED,
            at,
            at,
        ),
        channel,
    )


def transition(account: str = "search-prod", channels: tuple[str, ...] = (SNS,)) -> Transition:
    """An account that fires to these channels."""
    return Transition(
        state(account), reading(), tuple(owed(account, channel) for channel in channels)
    )


def full_window(now: datetime, first: str = "71.238") -> tuple[Sample, ...]:
    """A day of hourly samples, falling."""
    hour = now.replace(minute=0)
    return tuple(
        Sample(hour - timedelta(hours=24 - each), Decimal(first) - Decimal("0.125") * each)
        for each in range(25)
    )


def well_filled_reading(at: datetime = TICK) -> Reading:
    """A reading of a provider that says everything that there is to say."""
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
    )


def full_week(now: datetime, spent: str = "2.98765432101") -> tuple[Day, ...]:
    """What was spent on each of eight days, to the last digit that is kept."""
    return tuple(
        Day((now - timedelta(days=7 - each)).date(), Decimal(spent), timedelta(seconds=86_100))
        for each in range(8)
    )


def quiet_state(account: str = "llm-production-eu-central-1", at: datetime = TICK) -> AccountState:
    """The state of a quiet account after a week of checks."""
    return AccountState(
        account,
        checked_at=at,
        reading=well_filled_reading(at),
        trend=full_window(at),
        days=full_week(at),
        top_up_notified_at=at - timedelta(days=3),
    )
