"""What one read of an account changes and announces: a pure function of state, result and rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.acknowledgement import (
    NONE,
    Acknowledgements,
    covering,
    with_acknowledgement,
)
from balance_watch.domain.evaluation import (
    EvaluatedRule,
    advance_rule,
    as_breached_now,
    evaluate,
    gravest_firing,
    is_short_of_recovery,
)
from balance_watch.domain.lifecycle import Alert, advance, mark_notified
from balance_watch.domain.measurements import measure, missing_metric
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.notification import (
    Mentioning,
    Notification,
    Reason,
    Routing,
)
from balance_watch.domain.notification_builder import NotificationBuilder
from balance_watch.domain.outbox import (
    Mentions,
    OutboxEntry,
    Outgoing,
    PaymentOrder,
    entries_for,
)
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import Defaults
from balance_watch.domain.purse import accepted, is_another_balance, without_old_numbers
from balance_watch.domain.reading import Reading, ReadResult
from balance_watch.domain.rules import Evaluation, Measurements, Metric, Rule, RuleStatus
from balance_watch.domain.silences import IsSuppressed, suppresses_nothing
from balance_watch.domain.state import AccountState, RuleState, observe, returned

_BAD_NEWS = (Reason.FIRED, Reason.WORSENED)


def mentions_nobody(_facts: Mapping[str, str], /) -> str:
    """Returns nobody: no route has a mention."""
    return ""


class AlertContext(Struct, frozen=True):
    """What is the same for every account of a run.

    That is timing, routing, suppression, mentions, and who acknowledged what.
    """

    defaults: Defaults
    routing: Routing
    is_suppressed: IsSuppressed = suppresses_nothing
    mentioning: Mentioning = mentions_nobody
    acknowledgements: Acknowledgements = NONE


class ProviderTraits(Struct, frozen=True):
    """What alerts need to know of an account's provider.

    Attributes:
        link: the provider's billing page.
        metrics: the metrics that the provider's replies are documented to contain.
        renews: the balance is a quota that resets by itself, so a rise is not a top-up.
        currency: the unit of the balance, if it is always the same.
        can_be_paid: the account can be topped up.
    """

    link: str | None = None
    metrics: frozenset[Metric] = frozenset()
    renews: bool = False
    currency: str | None = None
    can_be_paid: bool = False


def decide(
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
    """Decides what one read of an account changes, and which notifications go to which channels.

    Args:
        state: what is remembered of the account.
        result: what the read yielded.
        account: the account, as configured.
        rules: the rules that apply to it.
        context: timing, routing and suppression.
        traits: what is known of its provider.
        now: the tick.
        payment: how the latest automatic top-up ended, if an alert on it is open.
    """
    rules = tuple(rules)
    result = accepted(state, result, account, traits.currency)
    another = is_another_balance(state, result, account)
    if isinstance(result, Reading) and account.expires_at is not None:
        result = replace(result, expires_at=account.expires_at)
    before = returned(state, now)
    if another and isinstance(result, Reading):
        before = without_old_numbers(before, result)
    lacking = missing_metric(result, rules, traits.metrics, now)
    state = observe(before, result, now, lacking, account, another=another)
    measurements = replace(measure(state, result, payment, now), another=another)
    evaluated = [
        advance_rule(rule, before.rules.get(rule.name), measurements, now, before.period)
        for rule in rules
    ]
    purse = account.purse if traits.can_be_paid else None
    builder = NotificationBuilder(account, state, measurements, traits.link, now, purse)
    context = replace(context, defaults=context.defaults.quickened(builder.runway))
    alerts: dict[Metric, Alert] = {}
    entries: list[Outgoing] = []
    for metric in Metric:
        of_metric = [each for each in evaluated if each.rule.metric is metric]
        old = before.alerts.get(metric)
        alert, announced = advance_alert(old, metric, of_metric, builder, context)
        entries += announced
        if alert is not None:
            alerts[metric] = alert
    state = replace(
        state,
        rules={each.rule.name: each.state for each in evaluated if each.state is not None},
        alerts=alerts,
        top_up=None if _renews(result, traits) else state.top_up,
    )
    state, announced = _announce_top_up(state, builder, context)
    orders = _payment_orders(before.rules, evaluated, builder)
    return state, (*entries, *announced, *orders)


def _renews(result: ReadResult, traits: ProviderTraits) -> bool:
    """Tells whether a rise is a reset of a quota, as the reply or else the provider says."""
    if isinstance(result, Reading) and result.renews is not None:
        return result.renews
    return traits.renews


def advance_alert(
    old: Alert | None,
    metric: Metric,
    evaluated: Sequence[EvaluatedRule],
    builder: NotificationBuilder,
    context: AlertContext,
) -> tuple[Alert | None, tuple[OutboxEntry, ...]]:
    """Advances the alert of one metric, given its evaluated rules, and announces what changed."""
    defaults = context.defaults
    if METRICS[metric].no_minimum_gap:
        defaults = replace(defaults, minimum_gap=timedelta())
    if covering(context.acknowledgements, builder.account.name, metric, old):
        defaults = replace(defaults, reminder=None)
    alert, reason = _advance(old, evaluated, builder.measurements, defaults, builder.now)
    if alert is None or reason is None:
        return alert, ()
    evaluation = _evaluation_behind(alert, reason, evaluated, builder.measurements)
    notification = builder.for_alert(alert, metric, reason, evaluation)
    notification = with_acknowledgement(notification, context.acknowledgements, alert)
    return announce(alert, notification, context)


def _evaluation_behind(
    alert: Alert,
    reason: Reason,
    evaluated: Sequence[EvaluatedRule],
    measurements: Measurements,
) -> Evaluation | None:
    """Returns the evaluation that an announcement rests on; None if its rule was removed."""
    name = alert.notified_by if reason is Reason.RESOLVED and alert.notified_by else alert.rule
    behind = next((each for each in evaluated if each.rule.name == name), None)
    if behind is None:
        return None
    if reason in _BAD_NEWS:
        return evaluate(behind.rule, measurements, firing=False)
    return behind.evaluation


def announce(
    alert: Alert, notification: Notification, context: AlertContext
) -> tuple[Alert, tuple[OutboxEntry, ...]]:
    """Returns the alert marked as notified, and the outbox entries; unchanged if suppressed."""
    ended = notification.reason is Reason.RESOLVED
    if context.is_suppressed(notification.facts, ended=ended):
        return alert, ()
    alert, channels = mark_notified(alert, notification, context.routing)
    return alert, entries_for(notification, channels, mentions_of([notification.facts], context))


def mentions_of(facts: Iterable[Mapping[str, str]], context: AlertContext) -> Mentions:
    """Returns whom the routes of alerts with these facts mention, and in which channels."""
    mentions: dict[str, tuple[str, ...]] = {}
    for of_alert in facts:
        if mention := context.mentioning(of_alert):
            for channel in context.routing(of_alert):
                mentions[channel] = tuple(dict.fromkeys((*mentions.get(channel, ()), mention)))
    return mentions


def _advance(
    old: Alert | None,
    evaluated: Sequence[EvaluatedRule],
    measurements: Measurements,
    defaults: Defaults,
    now: datetime,
) -> tuple[Alert | None, Reason | None]:
    """Returns the alert of one metric after a read, and the reason to announce it, if any."""
    alert, reason = advance(old, gravest_firing(evaluated), defaults, now)
    if reason in _BAD_NEWS:
        # Bad news must rest on this very read: not on a failed one, and not on a number between
        # the threshold and its recovery. A reminder may rest on either.
        breached = (as_breached_now(each, measurements) for each in evaluated)
        firing = gravest_firing(each for each in breached if each is not None)
        alert, reason = advance(old, firing, defaults, now) if firing else (alert, None)
    rules = {each.rule.name for each in evaluated}
    if reason is Reason.RESOLVED and old is not None:
        unknown = any(each.evaluation.status is RuleStatus.UNKNOWN for each in evaluated)
        if old.firing and unknown and old.rule not in rules:
            # The rule was removed, and the status of the others is unknown: nothing has resolved.
            return old, None
        not_recovered = any(is_short_of_recovery(each.rule, measurements) for each in evaluated)
        if not old.firing and (unknown or not_recovered):
            # An end that was suppressed is announced only while the account is known to be fine.
            reason = None
    if alert is not None and alert.rule not in rules:
        # The rule was removed: if another one fires, that is no repetition of this episode.
        alert = replace(alert, fired_at=None, fired_as=None, told_number=None)
    return alert, reason


def _announce_top_up(
    state: AccountState, builder: NotificationBuilder, context: AlertContext
) -> tuple[AccountState, tuple[OutboxEntry, ...]]:
    """Announces a top-up that was seen, at most one within the minimum gap."""
    if state.top_up is None:
        return state, ()
    notification = builder.for_top_up_seen(state.top_up)
    last, now = state.top_up_notified_at, builder.now
    recent = last is not None and now - last < context.defaults.minimum_gap
    if recent or context.is_suppressed(notification.facts):
        return state, ()
    entries = entries_for(notification, context.routing(notification.facts))
    return replace(state, top_up=None, top_up_notified_at=now), entries


def _payment_orders(
    before: Mapping[str, RuleState],
    evaluated: Iterable[EvaluatedRule],
    builder: NotificationBuilder,
) -> Iterator[PaymentOrder]:
    """Yields the order of a payment for the first rule that begins to fire and may trigger one."""
    for candidate in evaluated:
        rule, firing = candidate.rule, candidate.firing
        was_firing = rule.name in before and before[rule.name].firing
        if firing is None or was_firing or not rule.top_ups:
            continue
        alert = Alert(firing.rule, firing.severity, firing.since)
        notification = builder.for_alert(alert, rule.metric, Reason.FIRED, candidate.evaluation)
        yield PaymentOrder(notification, builder.account.purse)
        return
