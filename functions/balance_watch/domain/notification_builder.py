"""Builds notifications. Each contains everything that its reader needs to know."""

from datetime import datetime, timedelta
from decimal import localcontext

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.details import describe
from balance_watch.domain.formatting import digits, with_unit
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import TOP_UP, TOPPED_UP
from balance_watch.domain.rules import Evaluation, Measurements, Metric, Severity
from balance_watch.domain.state import AccountState, TopUpSeen


class NotificationBuilder(Struct, frozen=True):
    """Builds the notifications of one account at one tick."""

    account: Account
    state: AccountState
    measurements: Measurements
    link: str | None
    now: datetime
    purse: str | None = None

    @property
    def runway(self) -> timedelta | None:
        """Returns how long the balance lasts, if that is known."""
        seconds = self.measurements.numbers.get(Metric.RUNWAY)
        return None if seconds is None else timedelta(seconds=int(seconds))

    def for_alert(
        self, alert: Alert, metric: Metric, reason: Reason, evaluation: Evaluation | None
    ) -> Notification:
        """Returns the notification of an alert; without an evaluation, its rule was removed.

        The end of an alert has the gravest severity that was announced of it, and the rule that it
        was announced by.
        """
        if reason is Reason.RESOLVED:
            severity, rule = alert.notified or alert.severity, alert.notified_by or alert.rule
            alert = replace(alert, severity=severity, rule=rule)
        value = evaluation.value if evaluation else None
        if value is None:
            value = digits(self.measurements.numbers.get(metric))
        ended = reason is Reason.RESOLVED
        return replace(
            self._notification(alert, metric, reason),
            another=ended and self.measurements.another and METRICS[metric].about_money,
            value=value,
            threshold=evaluation.threshold if evaluation else None,
            detail=describe(
                metric,
                evaluation,
                account=self.account.name,
                state=self.state,
                measurements=self.measurements,
                resolved=ended,
            ),
        )

    def for_top_up_seen(self, top_up: TopUpSeen) -> Notification:
        """Returns the notification of a balance that rose."""
        alert = Alert(TOPPED_UP, Severity.INFO, top_up.at)
        notification = self._notification(alert, Metric.BALANCE, Reason.TOPPED_UP)
        unit = notification.currency or ""
        with localcontext(prec=CALCULATION_DIGITS):
            rise = with_unit(top_up.after - top_up.before, unit)
        before, after = with_unit(top_up.before, unit), with_unit(top_up.after, unit)
        return replace(
            notification,
            value=digits(notification.balance),
            detail=f"The balance rose by {rise}, from {before} to {after}.",
        )

    def for_payment(
        self, order: Notification, outcome: PaymentOutcome, why: str = "", by: str | None = None
    ) -> Notification:
        """Returns the notification of a top-up that was paid, or dropped and why.

        `by` is the name of the person who ordered it; None: the rule of the order has.
        """
        who = f"The rule {order.rule}" if by is None else by
        alert = Alert(TOP_UP, Severity.INFO, self.now)
        reason = Reason.FIRED if outcome is PaymentOutcome.DROPPED else Reason.TOPPED_UP
        notification = replace(
            self._notification(alert, Metric.TOP_UP, reason),
            alert_id=alert_id(self.account.name, Metric.TOP_UP, reason, self.now, order.alert_id),
            value=outcome.value,
        )
        if outcome is PaymentOutcome.DROPPED:
            return replace(
                notification,
                detail=f"{who} ordered it, but {why}. Nothing was paid.",
            )
        triggered = f"It was triggered by the rule {order.rule}"
        return replace(
            notification,
            detail=f"{triggered if by is None else f'{by} ordered it'}."
            " One of the next checks will see it in the balance.",
        )

    def _notification(self, alert: Alert, metric: Metric, reason: Reason) -> Notification:
        """Returns a notification with everything that is the same for every metric."""
        reading = self.state.reading
        return Notification(
            alert_id=alert_id(self.account.name, metric, reason, self.now),
            account=self.account.name,
            provider=self.account.provider,
            rule=alert.rule,
            metric=metric,
            severity=alert.severity,
            reason=reason,
            since=alert.since,
            said_at=self.now,
            ended_at=alert.ended_at,
            currency=reading.currency if reading else self.account.currency,
            balance=reading.balance if reading else None,
            observed_at=reading.observed_at if reading else None,
            labels=self.account.labels,
            trend=tuple(sample.balance for sample in self.state.trend),
            per_day=self.measurements.per_day,
            runway=self.runway,
            link=self.link,
            purse=self.purse,
        )
