"""The alert about automatic top-ups: how a payment ended, and whether someone has to act on it."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import (
    AlertContext,
    ProviderTraits,
    advance_alert,
    mentions_of,
)
from balance_watch.domain.evaluation import advance_rule
from balance_watch.domain.measurements import measure
from balance_watch.domain.notification import Notification
from balance_watch.domain.notification_builder import NotificationBuilder
from balance_watch.domain.outbox import OutboxEntry, entries_for
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import TOP_UP
from balance_watch.domain.rules import Metric, Rule
from balance_watch.domain.state import AccountState


def decide_payment(
    state: AccountState,
    outcome: PaymentOutcome,
    order: Notification,
    *,
    account: Account,
    context: AlertContext,
    traits: ProviderTraits,
    now: datetime,
    why: str = "",
    by: str | None = None,
) -> tuple[AccountState, tuple[OutboxEntry, ...]]:
    """Decides what the end of an automatic payment changes and announces.

    Args:
        state: what is remembered of the account.
        outcome: how the payment ended.
        order: the notification of the alert that triggered it.
        account: the account, as configured.
        context: timing, routing and suppression.
        traits: what is known of its provider.
        now: the tick.
        why: the reason why it was dropped, if it was.
        by: the name of the person who ordered it; None: a rule has.
    """
    measurements = measure(state, state.reading, outcome, now)
    builder = NotificationBuilder(account, state, measurements, traits.link, now)
    if outcome in (PaymentOutcome.PAID, PaymentOutcome.DROPPED):
        notification = builder.for_payment(order, outcome, why, by)
        if context.is_suppressed(notification.facts):
            return state, ()  # When the silence ends, the risen balance is announced.
        mentions = mentions_of([notification.facts], context)
        return state, entries_for(notification, context.routing(notification.facts), mentions)
    # Every payment without a clear end is news: the minimum gap does not apply.
    context = replace(context, defaults=replace(context.defaults, minimum_gap=timedelta()))
    rule = Rule(TOP_UP, Metric.TOP_UP)
    evaluated = advance_rule(rule, state.rules.get(TOP_UP), measurements, now)
    alert, entries = advance_alert(
        state.alerts.get(Metric.TOP_UP), Metric.TOP_UP, [evaluated], builder, context
    )
    if alert is None or evaluated.state is None:
        return state, entries
    rules = {**state.rules, TOP_UP: evaluated.state}
    alerts = {**state.alerts, Metric.TOP_UP: alert}
    return replace(state, rules=rules, alerts=alerts), entries
