"""What one look at one account changes and says: a pure function of state, look, rules and now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balance_watch.domain.account import Account
from balance_watch.domain.lifecycle import Alert, Firing, advance, mark_notified
from balance_watch.domain.measurements import measure, missing_metric
from balance_watch.domain.notification import Notification, Reason, Routing
from balance_watch.domain.notification_builder import (
    NotificationBuilder,
    of_alert,
    of_jump,
    of_payment,
)
from balance_watch.domain.outbox import OutboxEntry, Outgoing, PaymentOrder, entries_for
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import TOP_UP, Defaults
from balance_watch.domain.reading import ReadResult
from balance_watch.domain.rules import (
    Evaluation,
    Measurements,
    Metric,
    Rule,
    RuleStatus,
    Severity,
    evaluate,
)
from balance_watch.domain.silences import IsSuppressed
from balance_watch.domain.state import AccountState, RuleState, observe


@dataclass(frozen=True, slots=True)
class AlertContext:
    """What holds for every account of a run: timing, where alerts go, what is held back."""

    defaults: Defaults
    routing: Routing
    is_suppressed: IsSuppressed = lambda _: False


@dataclass(frozen=True, slots=True)
class ProviderTraits:
    """What is known of an account's provider: its billing page, and what its replies tell.

    `renews`: the balance is a quota that begins anew by itself, and no money that is paid in.
    """

    link: str | None = None
    metrics: frozenset[Metric] = frozenset()
    renews: bool = False


@dataclass(frozen=True, slots=True)
class _EvaluatedRule:
    rule: Rule
    evaluation: Evaluation
    state: RuleState | None


def decide(  # noqa: PLR0913 (each is an input of the decision)
    state: AccountState,
    result: ReadResult,
    *,
    account: Account,
    rules: Iterable[Rule],
    context: AlertContext,
    traits: ProviderTraits,
    now: datetime,
    payment: PaymentOutcome | None = None,
) -> tuple[AccountState, tuple[Outgoing, ...]]:
    """Decides what one look at one account changes and what is to be said of it, to whom.

    Args:
        state: what was remembered of the account.
        result: what the read yielded.
        account: the account, as configured.
        rules: the rules that apply to it.
        context: timing, routes, silences.
        traits: what is known of its provider.
        now: the tick.
        payment: how its latest automatic top-up ended, where an alert is open on that.
    """
    rules = tuple(rules)
    gap = missing_metric(result, rules, traits.metrics, now)
    seen = observe(state, result, now, gap, account.provider)
    measurements = measure(seen, result, payment, now)
    evaluated = [
        _evaluate_rule(rule, state.rules.get(rule.name), measurements, now) for rule in rules
    ]
    builder = NotificationBuilder(account, seen, measurements, traits.link, now)
    context = replace(context, defaults=context.defaults.quickened(builder.runway))
    alerts: dict[Metric, Alert] = {}
    owed: list[OutboxEntry] = []
    for metric in Metric:
        mine = [each for each in evaluated if each.rule.metric is metric]
        alert, reason = _advanced(state.alerts.get(metric), mine, measurements, context, now)
        if alert is not None and reason is not None:
            notification = of_alert(builder, alert, metric, reason, _verdict_of(alert, mine))
            alert, more = _announce(alert, notification, account, context)
            owed += more
        if alert is not None:
            alerts[metric] = alert
    breached = {each.rule.name: each.state for each in evaluated if each.state is not None}
    seen = replace(
        seen, rules=breached, alerts=alerts, top_up=None if traits.renews else seen.top_up
    )
    seen, more = _announce_top_up(seen, builder, context)
    payments = _payments(builder, evaluated, state.rules)
    return seen, (*owed, *more, *payments)


def decide_payment(  # noqa: PLR0913 (as decide)
    state: AccountState,
    outcome: PaymentOutcome,
    answered: Notification,
    *,
    account: Account,
    context: AlertContext,
    traits: ProviderTraits,
    now: datetime,
) -> tuple[AccountState, tuple[OutboxEntry, ...]]:
    """Decides what the end of a payment changes and says; `answered` is the alert that asked."""
    measurements = measure(state, state.reading, outcome, now)
    builder = NotificationBuilder(account, state, measurements, traits.link, now)
    # Each payment is news: no gap holds back that it is not known what became of one.
    context = replace(context, defaults=replace(context.defaults, minimum_gap=timedelta()))
    if outcome is PaymentOutcome.PAID:
        return state, _sent(of_payment(builder, answered), account, context)
    evaluated = _evaluate_rule(
        Rule(TOP_UP, Metric.TOP_UP), state.rules.get(TOP_UP), measurements, now
    )
    alert, reason = _advanced(
        state.alerts.get(Metric.TOP_UP), [evaluated], measurements, context, now
    )
    owed: tuple[OutboxEntry, ...] = ()
    if alert is not None and reason is not None:
        notification = of_alert(builder, alert, Metric.TOP_UP, reason, evaluated.evaluation)
        alert, owed = _announce(alert, notification, account, context)
    if alert is None or evaluated.state is None:
        return state, owed
    rules = {**state.rules, TOP_UP: evaluated.state}
    return replace(state, rules=rules, alerts={**state.alerts, Metric.TOP_UP: alert}), owed


def _evaluate_rule(
    rule: Rule, was: RuleState | None, measurements: Measurements, now: datetime
) -> _EvaluatedRule:
    """Moves one rule on: pending, then firing, until it is past its recovery."""
    if was is not None and was.metric is not rule.metric:
        was = None  # a rule of the same name about something else
    evaluation = evaluate(rule, measurements, firing=was is not None and was.firing)
    if evaluation.status is RuleStatus.UNKNOWN:
        return _EvaluatedRule(rule, evaluation, was)
    if evaluation.status is RuleStatus.OK:
        return _EvaluatedRule(rule, evaluation, None)
    since, checks = (was.since, was.checks + 1) if was else (now, 1)
    held = checks >= rule.pending_period.checks and now - since >= rule.pending_period.lasting
    firing = held or evaluation.skip_pending or (was is not None and was.firing)
    return _EvaluatedRule(rule, evaluation, RuleState(rule.metric, since, checks, firing))


def _advanced(
    old: Alert | None,
    evaluated: list[_EvaluatedRule],
    measurements: Measurements,
    context: AlertContext,
    now: datetime,
) -> tuple[Alert | None, Reason | None]:
    """Moves the alert of one metric on, and tells what there is to say, if anything."""
    alert, reason = advance(old, _gravest(evaluated), context.defaults, now)
    if reason in (Reason.FIRED, Reason.WORSENED):
        # Bad news rests on this very look: not on a failed one, nor on a number on its way from
        # the threshold to recovery. A reminder may.
        shown = [each for each in evaluated if _shows(each.rule, measurements)]
        top = _gravest(shown)
        alert, reason = advance(old, top, context.defaults, now) if top else (alert, None)
    names = {each.rule.name for each in evaluated}
    unknown = any(each.evaluation.status is RuleStatus.UNKNOWN for each in evaluated)
    if reason is Reason.RESOLVED and old is not None:
        if not old.firing and (
            unknown or any(_not_past(each.rule, measurements) for each in evaluated)
        ):
            # An end that was held back is told only while it is known to hold.
            reason = None
        elif old.firing and unknown and old.rule not in names:
            # Its rule is gone, and what the others would say is not known: nothing is resolved.
            return old, None
    if alert is not None and alert.rule not in names:
        # Its rule is gone: what another rule has to say of it is no repetition.
        alert = replace(alert, fired_at=None, fired_as=None)
    return alert, reason


def _shows(rule: Rule, measurements: Measurements) -> bool:
    """Whether a look breaches a rule by itself, whatever was before."""
    return evaluate(rule, measurements, firing=False).status is RuleStatus.BREACHED


def _not_past(rule: Rule, measurements: Measurements) -> bool:
    """Whether a look is not past the recovery of a rule."""
    return evaluate(rule, measurements, firing=True).status is RuleStatus.BREACHED


def _gravest(evaluated: Iterable[_EvaluatedRule]) -> Firing | None:
    firing = [
        Firing(each.rule.name, each.evaluation.severity or each.rule.severity, each.state.since)
        for each in evaluated
        if each.state is not None and each.state.firing
    ]
    return min(firing, key=lambda one: one.severity.rank, default=None)


def _verdict_of(alert: Alert, evaluated: Iterable[_EvaluatedRule]) -> Evaluation | None:
    return next((each.evaluation for each in evaluated if each.rule.name == alert.rule), None)


def _facts(it: Notification, account: Account) -> dict[str, str]:
    alert = {"metric": it.metric.value, "severity": it.severity.value, "rule": it.rule}
    return {**account.facts, **alert}


def _announce(
    alert: Alert, it: Notification, account: Account, context: AlertContext
) -> tuple[Alert, tuple[OutboxEntry, ...]]:
    """The alert once this is said, and what is owed; held back, it is as if nothing was to say."""
    facts = _facts(it, account)
    if context.is_suppressed(facts):
        return alert, ()
    alert, channels = mark_notified(alert, it.reason, facts, context.routing, it.said_at)
    return alert, entries_for(it, channels)


def _sent(it: Notification, account: Account, context: AlertContext) -> tuple[OutboxEntry, ...]:
    """What is owed of a notification that no alert stands behind."""
    return entries_for(it, context.routing(_facts(it, account)))


def _announce_top_up(
    seen: AccountState, builder: NotificationBuilder, context: AlertContext
) -> tuple[AccountState, tuple[OutboxEntry, ...]]:
    """Tells of a top-up, of one at most within the minimum gap."""
    if seen.top_up is None:
        return seen, ()
    it = of_jump(builder, seen.top_up)
    last = seen.top_up_notified_at
    recent = last is not None and builder.now - last < context.defaults.minimum_gap
    if recent or context.is_suppressed(_facts(it, builder.account)):
        return seen, ()
    return replace(seen, top_up=None, top_up_notified_at=builder.now), _sent(
        it, builder.account, context
    )


def _payments(
    builder: NotificationBuilder,
    evaluated: Iterable[_EvaluatedRule],
    before: Mapping[str, RuleState],
) -> Iterator[PaymentOrder]:
    """Yields a payment order for the first rule that begins to fire and allows payments."""
    for each in evaluated:
        was = before.get(each.rule.name)
        begins = each.state is not None and each.state.firing and not (was and was.firing)
        if begins and each.rule.top_ups and each.state is not None:
            severity: Severity = each.evaluation.severity or each.rule.severity
            alert = Alert(each.rule.name, severity, each.state.since)
            it = of_alert(builder, alert, each.rule.metric, Reason.FIRED, each.evaluation)
            yield PaymentOrder(it)
            return
