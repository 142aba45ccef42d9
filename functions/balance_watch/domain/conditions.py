"""The conditions of the metrics: whether the measurements of an account breach a rule."""

from collections.abc import Callable
from decimal import Decimal, localcontext

from msgspec import Struct

from balance_watch.domain.forecast import LONGEST
from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Evaluation, Measurements, Rule, RuleStatus, Severity

DEFAULT_RECOVERY = Decimal("0.1")
"""Without `recover`, an alert ends 10 % past its threshold."""

_HOURS_PER_DAY = 24

_LONGEST_SECONDS = Decimal(LONGEST.days * 86400)


class RuleInput(Struct, frozen=True):
    """What a condition is applied to: a rule, the measurements, and whether the rule fires yet.

    `grave` tells whether it fires critically yet, for a rule with a critical threshold.
    """

    rule: Rule
    measurements: Measurements
    firing: bool
    grave: bool = False

    def limit(self, threshold: Decimal, *, below: bool, recover: Decimal | None = None) -> Decimal:
        """Returns the threshold; while the rule fires, the number at which its alert ends."""
        if not self.firing:
            return threshold
        return recovery(threshold, below=below) if recover is None else recover


Condition = Callable[[RuleInput], Evaluation]


def recovery(threshold: Decimal, *, below: bool) -> Decimal:
    """Returns the number at which an alert ends if its rule has no `recover`."""
    with localcontext(prec=CALCULATION_DIGITS):
        margin = abs(threshold) * DEFAULT_RECOVERY
        return threshold + margin if below else threshold - margin


def past_threshold(inputs: RuleInput) -> Evaluation:
    """Compares the rule's number with its threshold."""
    rule, measurements = inputs.rule, inputs.measurements
    value = measurements.numbers.get(rule.metric)
    unit = measurements.usual_rate if rule.relative else Decimal(1)
    threshold = _absolute(rule.threshold, unit)
    if value == 0 and rule.relative and rule.above is not None:
        # Zero is not above any multiple of the usual, even while the usual is zero or unknown.
        return Evaluation(RuleStatus.OK, "0", threshold)
    if value is None or threshold is None:
        return Evaluation(RuleStatus.UNKNOWN, threshold=threshold)
    below = rule.below is not None
    limit = inputs.limit(threshold, below=below, recover=_absolute(rule.recover, unit))
    breached = value < limit if below else value > limit
    if breached and _is_critical(inputs, value):
        critical = Severity.CRITICAL
        return Evaluation(RuleStatus.BREACHED, f"{value:f}", rule.critical_below, critical)
    return Evaluation(_status(breached=breached), f"{value:f}", threshold)


def _is_critical(inputs: RuleInput, value: Decimal) -> bool:
    """Tells whether a breach is below the critical threshold, or has not recovered from it."""
    threshold = inputs.rule.critical_below
    if threshold is None:
        return False
    return value < (recovery(threshold, below=True) if inputs.grave else threshold)


def runs_out(inputs: RuleInput) -> Evaluation:
    """Compares the runway with its threshold; a quota that resets earlier does not run out.

    A cautious rule is ok while the provider says that auto-reload is on. Once nothing is left, it
    keeps its state, because the rule `empty` reports that; so it does while so little is left that
    nothing can be bought with it, though then nothing is spent any more.
    """
    evaluation, rule, measurements = past_threshold(inputs), inputs.rule, inputs.measurements
    reading = measurements.reading
    if reading is None:
        return evaluation
    reload = reading.auto_reload
    reloads = rule.cautious and reload is not None and reload.enabled
    if evaluation.status is not RuleStatus.BREACHED:
        holds = rule.cautious and inputs.firing and not reloads
        if holds and _is_remnant(reading, measurements):
            return Evaluation(RuleStatus.UNKNOWN, evaluation.value, rule.threshold)
        return evaluation
    if rule.cautious and reading.usable <= 0:
        threshold = rule.threshold_of(grave=inputs.grave)
        return Evaluation(RuleStatus.UNKNOWN, threshold=threshold)
    runway, until_reset = measurements.numbers[rule.metric], measurements.until_reset
    resets = until_reset is not None and runway > inputs.limit(until_reset, below=True)
    if resets or reloads or runway >= _LONGEST_SECONDS:
        why = "the provider's auto-reload is on" if reloads else ""
        why = "its quota begins anew before it is used up" if resets else why
        return Evaluation(RuleStatus.OK, evaluation.value, rule.threshold, kept_ok_by=why)
    return evaluation


def _is_remnant(reading: Reading, measurements: Measurements) -> bool:
    """Tells whether less is left than an hour of the busiest of the past days took."""
    busiest = measurements.busiest_day
    return busiest is not None and reading.usable < busiest / _HOURS_PER_DAY


def nothing_left(inputs: RuleInput) -> Evaluation:
    """Tells whether nothing can be spent any more, which fires at once.

    Without a credit limit, nothing is left at 0. With one, all of it may be owed: the alert begins
    below it, and ends above it.
    """
    reading = inputs.measurements.reading
    if reading is None:
        return Evaluation(RuleStatus.UNKNOWN)
    at_floor = reading.balance == reading.floor and (inputs.firing or not reading.floor)
    breached = reading.balance < reading.floor or at_floor
    value = f"{reading.balance:f}"
    return Evaluation(_status(breached=breached), value, reading.floor, skip_pending=breached)


def expires(inputs: RuleInput) -> Evaluation:
    """Compares the time until the credit expires with its threshold; no date means never."""
    if inputs.rule.metric not in inputs.measurements.numbers:
        return Evaluation(RuleStatus.OK, threshold=inputs.rule.threshold)
    return past_threshold(inputs)


def low_by_provider(inputs: RuleInput) -> Evaluation:
    """Reads the provider's flag, and compares the balance with the provider's own threshold.

    The flag alone is not trusted: Legnext's own example has a balance of 4.068 under a threshold
    of 10 with the flag false (openapi.yaml of legnext-ai/sdks, BalanceResponseData).
    """
    reading = inputs.measurements.reading
    if reading is None or (reading.provider_flag is None and reading.provider_threshold is None):
        return Evaluation(RuleStatus.UNKNOWN)
    threshold = reading.provider_threshold
    low = threshold is not None and reading.balance < inputs.limit(threshold, below=True)
    breached = low or reading.provider_flag is True
    return Evaluation(_status(breached=breached), f"{reading.balance:f}", threshold)


def auto_reload_missed(inputs: RuleInput) -> Evaluation:
    """Compares the balance with the threshold at which the provider should have topped it up.

    A balance that stays below it for two checks in a row was not topped up: a card was declined.
    """
    reading = inputs.measurements.reading
    reload = reading.auto_reload if reading else None
    if reading is None or reload is None or (reload.enabled and reload.threshold is None):
        return Evaluation(RuleStatus.UNKNOWN)
    if not reload.enabled or reload.threshold is None:
        return Evaluation(RuleStatus.OK, f"{reading.balance:f}")
    breached = reading.balance < inputs.limit(reload.threshold, below=True)
    return Evaluation(_status(breached=breached), f"{reading.balance:f}", reload.threshold)


def payment_unsettled(inputs: RuleInput) -> Evaluation:
    """Tells whether someone has to look into the latest automatic top-up."""
    payment = inputs.measurements.payment
    if payment is None or payment.is_settled:
        return Evaluation(RuleStatus.OK)
    severity = Severity.CRITICAL if payment is PaymentOutcome.UNKNOWN else Severity.WARNING
    return Evaluation(RuleStatus.BREACHED, value=payment.value, severity=severity)


def unreadable(inputs: RuleInput) -> Evaluation:
    """Tells whether the read failed; a rejected key and used-up credit fire at once.

    It is critical as well once what was left at the latest reading is spent at the last known pace.
    """
    failure = inputs.measurements.failure
    if failure is None:
        return Evaluation(RuleStatus.OK)
    lasts = failure.kind.lasts
    is_critical = lasts or inputs.measurements.dry_by_now
    severity = Severity.CRITICAL if is_critical else Severity.WARNING
    blind: bool | None = None
    if inputs.measurements.reading is not None:
        blind = False
    elif inputs.measurements.failures >= inputs.rule.pending_period.checks:
        blind = True
    value = failure.kind.value
    return Evaluation(RuleStatus.BREACHED, value, None, severity, lasts, blind=blind)


def _absolute(number: Decimal | None, unit: Decimal | None) -> Decimal | None:
    """Returns the absolute threshold; None if unset, or if the usual rate is unknown or zero."""
    if number is None or not unit:
        return None
    with localcontext(prec=CALCULATION_DIGITS):
        return number * unit


def _status(*, breached: bool) -> RuleStatus:
    return RuleStatus.BREACHED if breached else RuleStatus.OK
