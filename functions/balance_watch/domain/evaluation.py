"""The evaluation of rules on one account: which are breached, pending, firing or recovered."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from balance_watch.domain.conditions import RuleInput
from balance_watch.domain.lifecycle import Firing
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.reading import Unlimited
from balance_watch.domain.rules import Evaluation, Measurements, Rule, RuleStatus, Severity
from balance_watch.domain.state import RuleState


@dataclass(frozen=True, slots=True)
class EvaluatedRule:
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
        return Firing(self.rule.name, severity, self.state.since)


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
    rule: Rule, before: RuleState | None, measurements: Measurements, now: datetime
) -> EvaluatedRule:
    """Evaluates a rule and advances its state: pending, then firing, until it has recovered."""
    if before is not None and before.metric is not rule.metric:
        before = None  # A rule of the same name on another metric is another rule.
    was_firing = before is not None and before.firing
    was_grave = before is not None and before.grave
    evaluation = evaluate(rule, measurements, firing=was_firing, grave=was_grave)
    if evaluation.status is RuleStatus.UNKNOWN:
        return EvaluatedRule(rule, evaluation, before)
    if evaluation.status is RuleStatus.OK:
        return EvaluatedRule(rule, evaluation, None)
    since, checks = (before.since, before.checks + 1) if before else (now, 1)
    pending = checks < rule.pending_period.checks or now - since < rule.pending_period.lasting
    firing = was_firing or evaluation.skip_pending or not pending
    grave = firing and rule.critical_below is not None and evaluation.severity is Severity.CRITICAL
    return EvaluatedRule(rule, evaluation, RuleState(rule.metric, since, checks, firing, grave))


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
