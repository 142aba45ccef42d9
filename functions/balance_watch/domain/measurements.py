"""The measurements that rules are evaluated on, and what a reading should have but lacks."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal

from balance_watch.domain.metrics import METRICS
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.rules import Measurements, Metric, Rule
from balance_watch.domain.state import AccountState


def measure(
    state: AccountState,
    result: ReadResult | None,
    payment: PaymentOutcome | None,
    now: datetime,
) -> Measurements:
    """Measures an account after a read; if it failed, the numbers are the last known ones.

    Args:
        state: the account's state with this read observed.
        result: what the read yielded.
        payment: how the latest automatic top-up ended, if an alert on it is open.
        now: the tick.
    """
    pace = state.pace
    numbers = {}
    if state.reading is not None:
        for metric, info in METRICS.items():
            number = info.measure and info.measure(state.reading, pace, now)
            if number is not None:
                numbers[metric] = number
    return Measurements(
        result,
        state.failure,
        numbers,
        pace.per_day,
        pace.usual,
        payment,
        until_reset=_until_reset(state.reading, now),
        busiest_day=max((day.spent for day in state.days), default=None),
        dry_by_now=_is_dry_by_now(state.reading, numbers),
        failures=state.failures,
    )


def _is_dry_by_now(reading: Reading | None, numbers: Mapping[Metric, Decimal]) -> bool:
    """Tells whether what was left at the latest reading should have been spent since then."""
    if reading is None or reading.usable <= 0 or reading.renews or reading.resets_at is not None:
        return False
    reloads = reading.auto_reload is not None and reading.auto_reload.enabled
    return numbers.get(Metric.RUNWAY) == 0 and not reloads


def _until_reset(reading: Reading | None, now: datetime) -> Decimal | None:
    """Returns the seconds until a quota resets; None without a quota, or if that time is past."""
    at = reading.resets_at if reading else None
    return None if at is None or at <= now else Decimal(int((at - now).total_seconds()))


def missing_metric(
    result: ReadResult,
    rules: Iterable[Rule],
    documented: AbstractSet[Metric],
    now: datetime,
) -> ReadFailure | None:
    """Returns a failure if a reading lacks what the provider documents and a rule needs."""
    if not isinstance(result, Reading):
        return None
    for rule in rules:
        if rule.metric in documented and METRICS[rule.metric].is_missing(result, now):
            text = f"The reply has no {rule.metric.value}, but the rule {rule.name} needs it."
            return ReadFailure(FailureKind.MALFORMED, text)
    return None
