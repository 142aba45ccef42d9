"""Parses the rules of a policy."""

from decimal import Decimal
from typing import Literal

import msgspec

from balance_watch.config.match_facts import OF_ACCOUNTS, check_facts
from balance_watch.config.policy_types import (
    FORM_TEXTS,
    PendingPeriodText,
    PolicyMetric,
    RuleName,
    Threshold,
    TopUps,
)
from balance_watch.domain.metrics import METRICS, ThresholdForm
from balance_watch.domain.policy import RESERVED_NAMES
from balance_watch.domain.rules import Metric, Rule, Severity
from balance_watch.validation import Faults, convert_each

_LOW_BY_ITSELF = " or ".join(
    metric
    for metric, info in METRICS.items()
    if info.in_policy and info.may_top_up and not info.threshold_forms
)
"""The metrics that tell without a threshold that money is low."""


class RuleTable(msgspec.Struct, frozen=True):
    """One of `[[rules]]`."""

    name: RuleName
    match: dict[str, str] = {}
    metric: PolicyMetric = PolicyMetric(Metric.BALANCE)
    below: Threshold | None = None
    above: Threshold | None = None
    recover: Threshold | None = None
    pending_period: PendingPeriodText = msgspec.field(
        name="for", default=PendingPeriodText("1 check")
    )
    severity: Literal["critical", "warning", "info"] = "warning"
    top_up: TopUps = TopUps(0)


def parse_rules(raw: object, where: str, faults: Faults) -> tuple[Rule, ...]:
    """Returns the rules of a policy, and adds every fault in them."""
    rules = []
    names = set(RESERVED_NAMES)
    unnamed = {"name": RuleName()}
    for place, table, _ in convert_each(RuleTable, raw, f"{where} rules", faults, unnamed):
        if table.name in names:
            faults.add(f"{place}, name", "is taken by another rule or a built-in one")
        names.update({table.name} - {RuleName()})
        check_facts(table.match, OF_ACCOUNTS, f"{place}, match", faults)
        of_thresholds = ("metric", "below", "above", "recover")
        if not faults.any_at(*(f"{place}, {field}" for field in of_thresholds)):
            _check_thresholds(table, place, faults)
        if table.top_up and (table.above or not METRICS[Metric(table.metric)].may_top_up):
            problem = f"must be in a rule on low money: one with below, or on {_LOW_BY_ITSELF}"
            faults.add(f"{place}, top_up", problem)
        rules.append(_rule(table))
    return tuple(rules)


def _rule(table: RuleTable) -> Rule:
    return Rule(
        table.name,
        Metric(table.metric),
        Severity(table.severity),
        table.match,
        below=_exact(table.below),
        above=_exact(table.above),
        recover=_exact(table.recover),
        pending_period=table.pending_period.pending_period,
        relative=any(it.form is ThresholdForm.MULTIPLE for it in _thresholds(table)),
        top_ups=int(table.top_up),
    )


def _exact(threshold: Threshold | None) -> Decimal | None:
    return None if threshold is None else threshold.exact


def _thresholds(table: RuleTable) -> list[Threshold]:
    """Returns those of a rule's three thresholds that are set."""
    thresholds = (table.below, table.above, table.recover)
    return [threshold for threshold in thresholds if threshold is not None]


def _check_thresholds(table: RuleTable, place: str, faults: Faults) -> None:
    """Adds the faults of a rule's thresholds: their number, their forms, the recovery."""
    forms = METRICS[Metric(table.metric)].threshold_forms
    thresholds = _thresholds(table)
    if not forms:
        if thresholds:
            faults.add(place, f"{table.metric} takes no below, above or recover")
        return
    if (table.below is None) == (table.above is None):
        both = table.below is not None
        faults.add(place, "has both below and above: keep one" if both else "needs below or above")
    if not all(threshold.form in forms for threshold in thresholds):
        texts = " or ".join(FORM_TEXTS[form] for form in forms)
        faults.add(place, f"the thresholds of {table.metric} must be {texts}")
    elif len({threshold.form for threshold in thresholds}) > 1:
        faults.add(place, "recover must have the form of the other threshold")
    else:
        _check_recovery(table, f"{place}, recover", faults)
    if any(it.form is not ThresholdForm.NUMBER and not it.exact for it in thresholds):
        faults.add(place, "every threshold must be more than 0")


def _check_recovery(table: RuleTable, place: str, faults: Faults) -> None:
    """Adds a fault if a rule would recover on the wrong side of its threshold."""
    if table.recover is None:
        return
    problem = "the alert would end while the rule is breached"
    if table.below is not None and table.recover.exact < table.below.exact:
        faults.add(place, f"must not be less than below: {problem}")
    if table.above is not None and table.recover.exact > table.above.exact:
        faults.add(place, f"must not be more than above: {problem}")
