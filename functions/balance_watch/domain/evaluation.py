"""The evaluation of rules on one account: which are breached, pending, firing or recovered."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.conditions import RuleInput
from balance_watch.domain.lifecycle import Firing
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.reading import Unlimited
from balance_watch.domain.rules import (
    Evaluation,
    Measurements,
    Metric,
    Rule,
    RuleStatus,
    Severity,
)
from balance_watch.domain.state import RuleState

_PERIODS = 3
"""A pending rule that nothing was seen of for more periods than this begins anew."""


class EvaluatedRule(Struct, frozen=True):
    """A rule, its evaluation, and the state it is in afterwards; None: it is not breached."""

    rule: Rule
    evaluation: Evaluation
    state: RuleState | None

    @property
    def firing(self) -> Firing | None:
        """Returns since when and how gravely the rule fires, if it does."""
        if self.state is None or not self.state.firing:
            return None
        tier = Severity.CRITICAL if self.state.grave else self.rule.severity
        severity = self.evaluation.severity or tier
        blind = self.evaluation.blind
        return Firing(self.rule.name, severity, self.state.since, self._amount, blind)

    @property
    def _amount(self) -> Decimal | None:
        value, is_amount = self.evaluation.value, METRICS[self.rule.metric].is_amount
        return None if value is None or not is_amount or self.rule.above else Decimal(value)


def evaluate(
    rule: Rule, measurements: Measurements, *, firing: bool, grave: bool = False
) -> Evaluation:
    """Evaluates a rule on the latest read; one that fires is compared with its recovery."""
    info = METRICS[rule.metric]
    if info.about_money and measurements.reading is None:
        if isinstance(measurements.result, Unlimited):
            return Evaluation(RuleStatus.OK)  # Without a limit, nothing can run low.
        threshold = None if rule.relative else rule.threshold_of(grave=grave)
        return Evaluation(RuleStatus.UNKNOWN, threshold=threshold)
    return info.condition(RuleInput(rule, measurements, firing, grave))


def advance_rule(
    rule: Rule,
    before: RuleState | None,
    measurements: Measurements,
    now: datetime,
    period: timedelta | None = None,
) -> EvaluatedRule:
    """Evaluates a rule and advances its state: pending, then firing, until it has recovered.

    A rule whose threshold was moved past the number has nothing to recover from. A pending rule
    begins anew if nothing was seen for more than three periods.

    Args:
        rule: the rule.
        before: its state before.
        measurements: the numbers.
        now: the tick.
        period: the usual time between two checks, if that is known.
    """
    if before is not None and before.metric is not rule.metric:
        before = None  # A rule of the same name on another metric is another rule.
    was_firing = before is not None and before.firing
    was_grave = before is not None and before.grave
    thresholds = _thresholds(rule, measurements)
    eased = (False, False) if before is None else _eased(rule, before.thresholds, thresholds)
    evaluation = evaluate(
        rule, measurements, firing=was_firing and not eased[0], grave=was_grave and not eased[1]
    )
    if evaluation.status is RuleStatus.UNKNOWN:
        return EvaluatedRule(rule, evaluation, before)
    if evaluation.status is RuleStatus.OK:
        return EvaluatedRule(rule, evaluation, None)
    since, checks = (now, 1)
    if before is not None and not _is_interrupted(before, now, period):
        since, checks = before.since, before.checks + 1
    pending = checks < rule.pending_period.checks or now - since < rule.pending_period.lasting
    firing = was_firing or evaluation.skip_pending or not pending
    grave = firing and rule.critical_below is not None and evaluation.severity is Severity.CRITICAL
    seen_at = None if firing else now
    state = RuleState(rule.metric, since, checks, firing, grave, thresholds, seen_at)
    return EvaluatedRule(rule, evaluation, state)


def _thresholds(rule: Rule, measurements: Measurements) -> tuple[Decimal, ...]:
    """Returns the thresholds that only people move: the rule's own, or the provider's."""
    own: tuple[Decimal | None, ...] = (rule.threshold, rule.critical_below)
    if rule.relative:
        own = ()
    elif rule.metric is Metric.PROVIDER_FLAG and measurements.reading is not None:
        own = (measurements.reading.provider_threshold,)
    return tuple(it for it in own if it is not None)


def _eased(
    rule: Rule, before: tuple[Decimal, ...], after: tuple[Decimal, ...]
) -> tuple[bool, bool]:
    """Tells whether the threshold, and the critical one, were moved away from the number."""
    moved = [
        new > old if rule.above is not None else new < old
        for old, new in zip(before, after, strict=False)
    ]
    first, second, *_ = (*moved, False, False)
    return first, second


def _is_interrupted(before: RuleState, now: datetime, period: timedelta | None) -> bool:
    """Tells whether a pending rule was out of sight for too long to count as breached since."""
    if before.firing or before.seen_at is None or period is None:
        return False
    return now - before.seen_at > _PERIODS * period


def gravest_firing(evaluated: Iterable[EvaluatedRule]) -> Firing | None:
    """Returns the gravest of the rules that fire, if any does."""
    firing = [each.firing for each in evaluated if each.firing is not None]
    return min(firing, key=lambda candidate: candidate.severity.rank, default=None)


def as_breached_now(evaluated: EvaluatedRule, measurements: Measurements) -> EvaluatedRule | None:
    """Returns a rule as the latest read by itself breaches it, whatever was before; or None."""
    evaluation = evaluate(evaluated.rule, measurements, firing=False)
    if evaluation.status is not RuleStatus.BREACHED or evaluated.state is None:
        return None
    return replace(evaluated, evaluation=evaluation, state=replace(evaluated.state, grave=False))


def is_short_of_recovery(rule: Rule, measurements: Measurements) -> bool:
    """Tells whether the latest read is known not to have passed the recovery of a rule."""
    return evaluate(rule, measurements, firing=True).status is RuleStatus.BREACHED
