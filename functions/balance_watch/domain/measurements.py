"""From a look to the numbers that rules are judged on, and what a reply should hold but lacks."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.rules import Measurements, Metric, Rule
from balance_watch.domain.state import AccountState

_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""A provider's time before this stands for none: some write the year 1, some 1970."""

_AHEAD = timedelta(hours=1)
"""A clock that is further ahead says nothing."""


def measure(
    seen: AccountState,
    outcome: ReadResult | None,
    payment: PaymentOutcome | None,
    now: datetime,
) -> Measurements:
    """Returns a look with every number that is known; of a failed one, the last known numbers."""
    pace = seen.pace
    known = {} if seen.reading is None else _numbers(seen.reading, now)
    if seen.reading is not None and (lasts := pace.lasts(seen.reading.balance)) is not None:
        known[Metric.RUNWAY] = Decimal(int(lasts.total_seconds()))
    known[Metric.SPEND_RATE] = pace.today
    numbers = {metric: number for metric, number in known.items() if number is not None}
    return Measurements(
        outcome,
        seen.failure,
        numbers,
        pace.per_day,
        pace.usual,
        payment,
        until_reset=_until_reset(seen.reading, now),
    )


def _until_reset(reading: Reading | None, now: datetime) -> Decimal | None:
    """Seconds until a quota begins anew; None where there is none, or its time is past."""
    at = reading.resets_at if reading else None
    return None if at is None or at <= now else Decimal(int((at - now).total_seconds()))


def _numbers(reading: Reading, now: datetime) -> dict[Metric, Decimal | None]:
    return {
        Metric.BALANCE: reading.balance,
        Metric.CREDITS: reading.credits,
        Metric.POINTS: reading.points,
        Metric.STALENESS: _staleness(reading, now),
    }


def _staleness(reading: Reading, now: datetime) -> Decimal | None:
    """Seconds since the time that the provider gives its balance."""
    at = reading.provider_time
    if at is None or at < _NEVER or at > now + _AHEAD:
        return None
    return Decimal(max(0, int((now - at).total_seconds())))


def missing_metric(
    outcome: ReadResult,
    rules: Iterable[Rule],
    documented: AbstractSet[Metric],
    now: datetime,
) -> ReadFailure | None:
    """Returns a failure if a reading lacks what its provider documents and a rule asks for."""
    if not isinstance(outcome, Reading):
        return None
    there = {
        Metric.CREDITS: outcome.credits is not None,
        Metric.POINTS: outcome.points is not None,
        Metric.STALENESS: _staleness(outcome, now) is not None,
        Metric.PROVIDER_FLAG: (outcome.provider_flag, outcome.provider_threshold) != (None, None),
    }
    for rule in rules:
        if rule.metric in documented and not there.get(rule.metric, True):
            text = f"The reply has no {rule.metric.value}, which the rule {rule.name} asks for."
            return ReadFailure(FailureKind.MALFORMED, text)
    return None
