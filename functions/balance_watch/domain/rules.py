"""When a rule is breached: pure judgement of one rule on the latest look at an account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult, Unlimited

DEFAULT_RECOVERY = Decimal("0.1")
"""Without `recover`, an alert clears 10 % past its threshold."""

_ROOM = 200
"""Digits enough for any threshold that DynamoDB can hold and a tenth of it."""


class Metric(StrEnum):
    """What a rule looks at. There is one alert per account and metric."""

    BALANCE = "balance"
    CREDITS = "credits"
    POINTS = "points"
    RUNWAY = "runway"
    SPEND_RATE = "spend_rate"
    STALENESS = "staleness"
    PROVIDER_FLAG = "provider_flag"
    AUTO_RELOAD = "auto_reload"
    TOP_UP = "top_up"
    UNREADABLE = "unreadable"
    CONFIGURATION = "configuration"


NUMERIC = frozenset(
    {
        Metric.BALANCE,
        Metric.CREDITS,
        Metric.POINTS,
        Metric.RUNWAY,
        Metric.SPEND_RATE,
        Metric.STALENESS,
    }
)
"""Metrics with a threshold of the user's: runway and staleness in seconds, the rate per day."""


class Severity(StrEnum):
    """How grave a rule is, gravest first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the gravest: sort by it to have the gravest first."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class PendingPeriod:
    """How long a breach must last before it fires: so many checks in a row, and so much time."""

    checks: int = 1
    lasting: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition on one metric. Exactly one of `below` and `above` is set on numeric metrics.

    `relative`: the thresholds are multiples of what is usual for the account. `top_ups`: how often
    in 24 hours it may have the account topped up when it begins to fire.
    """

    name: str
    metric: Metric
    severity: Severity = Severity.WARNING
    match: Mapping[str, str] = field(default_factory=dict)
    below: Decimal | None = None
    above: Decimal | None = None
    recover: Decimal | None = None
    pending_period: PendingPeriod = PendingPeriod()
    relative: bool = False
    top_ups: int = 0

    @property
    def threshold(self) -> Decimal | None:
        """The number that a breach is past; None where the provider says what is low."""
        return self.below if self.below is not None else self.above


class RuleStatus(StrEnum):
    """Where an account stands under a rule; `unknown` neither fires nor resolves."""

    OK = "ok"
    BREACHED = "breached"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A rule's judgement, with the numbers it rests on.

    `severity` overrides the rule's own; `at_once` is a breach that waiting cannot mend, so that no
    `Hold` applies.
    """

    status: RuleStatus
    value: str | None = None
    threshold: Decimal | None = None
    severity: Severity | None = None
    skip_pending: bool = False


@dataclass(frozen=True, slots=True)
class Measurements:
    """One look at an account, with all that a rule can ask of it.

    `failure` is that of the look, or what a good reading lacks; `numbers` are the numeric metrics
    as far as they are known; `per_day` and `usual_rate` are what is spent; `payment` is how the
    latest automatic top-up ended, if one is open; `until_reset` is in how many seconds a quota
    begins anew.
    """

    result: ReadResult | None
    failure: ReadFailure | None = None
    numbers: Mapping[Metric, Decimal] = field(default_factory=dict)
    per_day: Decimal | None = None
    usual_rate: Decimal | None = None
    payment: PaymentOutcome | None = None
    until_reset: Decimal | None = None


def evaluate(  # noqa: PLR0911 (a line for each kind of metric)
    rule: Rule, measurements: Measurements, *, firing: bool
) -> Evaluation:
    """Judges `rule` on the latest look; one that fires is judged against its recovery threshold."""
    if rule.metric is Metric.UNREADABLE:
        return _evaluate_unreadable(measurements.failure)
    if rule.metric is Metric.TOP_UP:
        return _evaluate_top_up(measurements.payment)
    if not isinstance(measurements.result, Reading):
        if isinstance(measurements.result, Unlimited):
            return Evaluation(RuleStatus.OK)  # what has no limit is neither low nor spent
        return Evaluation(RuleStatus.UNKNOWN, threshold=None if rule.relative else rule.threshold)
    if rule.metric is Metric.PROVIDER_FLAG:
        return _evaluate_provider_flag(measurements.result, firing=firing)
    if rule.metric is Metric.AUTO_RELOAD:
        return _evaluate_auto_reload(measurements.result, firing=firing)
    return _evaluate_number(rule, measurements, firing=firing)


def _evaluate_number(rule: Rule, measurements: Measurements, *, firing: bool) -> Evaluation:
    value, unit = (
        measurements.numbers.get(rule.metric),
        measurements.usual_rate if rule.relative else Decimal(1),
    )
    threshold = _times(rule.threshold, unit)
    if value == 0 and rule.relative and rule.above is not None:
        return Evaluation(RuleStatus.OK, "0", threshold)  # nothing is more than its usual nothing
    if value is None or threshold is None:
        return Evaluation(RuleStatus.UNKNOWN, threshold=threshold)
    if rule.metric is Metric.RUNWAY and measurements.until_reset is not None:
        reset = (
            recovery(measurements.until_reset, below=True) if firing else measurements.until_reset
        )
        if value > reset:
            # It begins anew before it is spent.
            return Evaluation(RuleStatus.OK, f"{value:f}", threshold)
    below = rule.below is not None
    limit = threshold
    if firing:
        recover = _times(rule.recover, unit)
        limit = recovery(threshold, below=below) if recover is None else recover
    breached = value < limit if below else value > limit
    standing = RuleStatus.BREACHED if breached else RuleStatus.OK
    return Evaluation(standing, f"{value:f}", threshold)


def _times(number: Decimal | None, unit: Decimal | None) -> Decimal | None:
    """A threshold; None where there is none, or where a multiple of nothing would be one."""
    if number is None or unit is None or unit == 0:
        return None
    with localcontext(prec=_ROOM):
        return number * unit


def recovery(threshold: Decimal, *, below: bool) -> Decimal:
    """Returns the number past which an alert clears when its rule does not name one."""
    with localcontext(prec=_ROOM):
        margin = abs(threshold) * DEFAULT_RECOVERY
        return threshold + margin if below else threshold - margin


def _evaluate_provider_flag(reading: Reading, *, firing: bool) -> Evaluation:
    """The provider's flag, or the balance under the provider's own threshold.

    The flag alone is not trusted: Legnext's own example has a balance of 4.068 under a threshold
    of 10 with the flag false (openapi.yaml of legnext-ai/sdks, BalanceResponseData).
    """
    threshold = reading.provider_threshold
    if reading.provider_flag is None and threshold is None:
        return Evaluation(RuleStatus.UNKNOWN)
    low = False
    if threshold is not None:
        low = reading.balance < (recovery(threshold, below=True) if firing else threshold)
    breached = low or reading.provider_flag is True
    standing = RuleStatus.BREACHED if breached else RuleStatus.OK
    return Evaluation(standing, f"{reading.balance:f}", threshold)


def _evaluate_auto_reload(reading: Reading, *, firing: bool) -> Evaluation:
    """Auto-reload is on, and yet the balance is under the threshold at which it pays in.

    For two checks in a row that means that it did not happen: a card was declined.
    """
    reload = reading.auto_reload
    if reload is None or (reload.enabled and reload.threshold is None):
        return Evaluation(RuleStatus.UNKNOWN)
    if not reload.enabled or reload.threshold is None:
        return Evaluation(RuleStatus.OK, f"{reading.balance:f}")
    limit = recovery(reload.threshold, below=True) if firing else reload.threshold
    standing = RuleStatus.BREACHED if reading.balance < limit else RuleStatus.OK
    return Evaluation(standing, f"{reading.balance:f}", reload.threshold)


def _evaluate_top_up(payment: PaymentOutcome | None) -> Evaluation:
    if payment is None or payment.in_order:
        return Evaluation(RuleStatus.OK)
    severity = Severity.CRITICAL if payment is PaymentOutcome.UNKNOWN else Severity.WARNING
    return Evaluation(RuleStatus.BREACHED, value=payment.value, severity=severity)


def _evaluate_unreadable(failure: ReadFailure | None) -> Evaluation:
    if failure is None:
        return Evaluation(RuleStatus.OK)
    key = failure.kind.about_the_key
    return Evaluation(
        RuleStatus.BREACHED,
        value=failure.kind.value,
        severity=Severity.CRITICAL if key else Severity.WARNING,
        skip_pending=key,
    )
