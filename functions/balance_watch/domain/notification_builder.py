"""What a notification holds, so that whoever reads it needs nothing else."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import localcontext

from balance_watch.domain.account import Account
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.money import with_unit
from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import TOP_UP, TOPPED_UP
from balance_watch.domain.reading import ReadFailure, Reading, Unlimited
from balance_watch.domain.rules import Evaluation, Measurements, Metric, Severity
from balance_watch.domain.state import AccountState, TopUpSeen

_NUMBER_OF = {
    Metric.PROVIDER_FLAG: Metric.BALANCE,
    Metric.AUTO_RELOAD: Metric.BALANCE,
}
"""Metrics whose number is another's."""

_ROOM = 200


@dataclass(frozen=True, slots=True)
class NotificationBuilder:
    """What stands behind all that is said of one look at one account."""

    account: Account
    seen: AccountState
    measurements: Measurements
    link: str | None
    now: datetime

    @property
    def runway(self) -> timedelta | None:
        """How long the balance lasts, if that is known."""
        seconds = self.measurements.numbers.get(Metric.RUNWAY)
        return None if seconds is None else timedelta(seconds=int(seconds))

    def notification(self, alert: Alert, metric: Metric, reason: Reason) -> Notification:
        """Returns a notification with all that is the same for every metric."""
        reading = self.seen.reading
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
            trend=tuple(sample.balance for sample in self.seen.trend),
            per_day=self.measurements.per_day,
            runway=self.runway,
            link=self.link,
        )


def of_alert(
    builder: NotificationBuilder,
    alert: Alert,
    metric: Metric,
    reason: Reason,
    evaluation: Evaluation | None,
) -> Notification:
    """Returns what is said of an alert; without a verdict, its rule no longer applies."""
    return replace(
        builder.notification(alert, metric, reason),
        value=_value(builder, metric, evaluation),
        threshold=evaluation.threshold if evaluation else None,
        detail=" ".join(_detail(builder, metric, reason, evaluation)),
    )


def of_jump(builder: NotificationBuilder, jump: TopUpSeen) -> Notification:
    """Returns what is said of a balance that rose."""
    alert = Alert(TOPPED_UP, Severity.INFO, jump.at)
    it = builder.notification(alert, Metric.BALANCE, Reason.TOPPED_UP)
    unit = it.currency or ""
    with localcontext(prec=_ROOM):
        rise = jump.after - jump.before
    before, after = with_unit(jump.before, unit), with_unit(jump.after, unit)
    detail = f"It rose by {with_unit(rise, unit)}, from {before} to {after}."
    return replace(it, value=None if it.balance is None else f"{it.balance:f}", detail=detail)


def of_payment(builder: NotificationBuilder, answered: Notification) -> Notification:
    """Returns what is said of an automatic top-up that was paid."""
    alert = Alert(TOP_UP, Severity.INFO, builder.now)
    it = builder.notification(alert, Metric.TOP_UP, Reason.TOPPED_UP)
    detail = f"It answers the rule {answered.rule}. The balance shows it at one of the next checks."
    return replace(it, value=PaymentOutcome.PAID.value, detail=detail)


def _value(
    builder: NotificationBuilder, metric: Metric, evaluation: Evaluation | None
) -> str | None:
    """The number judged, or the last one known while the account cannot be read."""
    if evaluation and evaluation.value is not None:
        return evaluation.value
    known = builder.measurements.numbers.get(_NUMBER_OF.get(metric, metric))
    return None if known is None else f"{known:f}"


def _detail(
    builder: NotificationBuilder, metric: Metric, reason: Reason, evaluation: Evaluation | None
) -> Iterator[str]:
    """Sentences for people: what stands behind the number."""
    seen = builder.seen
    if evaluation is None:
        yield "The rule no longer applies to this account."
    elif metric is Metric.UNREADABLE:
        yield _of_failures(seen)
    elif metric is Metric.TOP_UP:
        told_as = _PAYMENTS[builder.measurements.payment or PaymentOutcome.CLEARED]
        yield told_as.replace("ACCOUNT", shlex.quote(builder.account.name))
    elif isinstance(builder.measurements.result, Unlimited):
        yield "The provider sets no limit any more."
    elif isinstance(builder.measurements.result, ReadFailure):
        yield "The balance cannot be read now; this is the last one known."
    elif seen.reading is not None:
        usual = builder.measurements.usual_rate
        if metric is Metric.SPEND_RATE and usual is not None:
            yield f"Usually it is {with_unit(usual, seen.reading.currency)} a day."
        if builder.measurements.until_reset is not None and seen.reading.resets_at is not None:
            anew = f"{seen.reading.resets_at:%Y-%m-%d %H:%M} UTC"
            yield f"It is a quota, which begins anew at {anew}."
        yield from _what_the_provider_says(seen.reading, resolved=reason is Reason.RESOLVED)


def _of_failures(seen: AccountState) -> str:
    if seen.failure is None:
        return "The balance can be read again."
    times = "once" if seen.failures == 1 else f"{seen.failures} times in a row"
    return f"{seen.failure.kind.words}: {seen.failure.message} Failed {times}."


def _what_the_provider_says(reading: Reading, *, resolved: bool) -> Iterator[str]:
    counted = [(reading.credits, "credits"), (reading.points, "points")]
    units = [with_unit(number, unit) for number, unit in counted if number is not None]
    if units:
        yield f"The account holds {' and '.join(units)}."
    if resolved:
        return
    if reading.provider_flag:
        yield "The provider's own low-balance flag is set."
    if reading.provider_threshold is not None:
        threshold = with_unit(reading.provider_threshold, reading.currency)
        yield f"The threshold set at the provider is {threshold}."
    if reading.auto_reload is not None:
        yield _of_auto_reload(reading)
    if reading.status:
        yield f"It says: {reading.status}"


def _of_auto_reload(reading: Reading) -> str:
    reload = reading.auto_reload
    if reload is None or not reload.enabled:
        return "Auto-reload is off."
    if reload.threshold is None:
        return "Auto-reload is on."
    at = with_unit(reload.threshold, reading.currency)
    by = "" if reload.amount is None else f", by {with_unit(reload.amount, reading.currency)}"
    return f"Auto-reload is on, below {at}{by}."


def _until_cleared(what: str) -> str:
    return (
        f"{what} Nothing more is paid by itself until a person has looked at the provider's"
        " dashboard and says so: balance-watch top-up ACCOUNT --clear."
    )


_PAYMENTS = {
    PaymentOutcome.UNKNOWN: _until_cleared(
        "The request to pay was sent, and no clear answer came."
    ),
    PaymentOutcome.CLAIMED: _until_cleared(
        "A payment was about to be made, and no end of it is known."
    ),
    PaymentOutcome.NOT_ENABLED: "Auto-reload is not enabled for this account at its provider.",
    PaymentOutcome.KEY_REJECTED: "The provider rejected the key.",
    PaymentOutcome.NOT_SENT: "The provider was not reached, and nothing was sent.",
    PaymentOutcome.PAID: "A later payment was made.",
    PaymentOutcome.CLEARED: "A person looked at it.",
}
