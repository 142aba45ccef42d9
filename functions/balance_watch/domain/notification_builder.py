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
from balance_watch.domain.payment import Outcome
from balance_watch.domain.policy import TOP_UP, TOPPED_UP
from balance_watch.domain.reading import ReadFailure, Reading, Unlimited
from balance_watch.domain.rules import Look, Metric, Severity, Verdict
from balance_watch.domain.state import AccountState, Jump

_NUMBER_OF = {
    Metric.PROVIDER_FLAG: Metric.BALANCE,
    Metric.AUTO_RELOAD: Metric.BALANCE,
}
"""Metrics whose number is another's."""

_ROOM = 200


@dataclass(frozen=True, slots=True)
class Explanation:
    """What stands behind all that is said of one look at one account."""

    account: Account
    seen: AccountState
    look: Look
    link: str | None
    now: datetime

    @property
    def runway(self) -> timedelta | None:
        """How long the balance lasts, if that is known."""
        seconds = self.look.numbers.get(Metric.RUNWAY)
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
            trend=tuple(sample.balance for sample in self.seen.window),
            per_day=self.look.per_day,
            runway=self.runway,
            link=self.link,
        )


def of_alert(
    told: Explanation, alert: Alert, metric: Metric, reason: Reason, verdict: Verdict | None
) -> Notification:
    """Returns what is said of an alert; without a verdict, its rule no longer applies."""
    return replace(
        told.notification(alert, metric, reason),
        value=_value(told, metric, verdict),
        threshold=verdict.threshold if verdict else None,
        detail=" ".join(_detail(told, metric, reason, verdict)),
    )


def of_jump(told: Explanation, jump: Jump) -> Notification:
    """Returns what is said of a balance that rose."""
    alert = Alert(TOPPED_UP, Severity.INFO, jump.at)
    it = told.notification(alert, Metric.BALANCE, Reason.TOPPED_UP)
    unit = it.currency or ""
    with localcontext(prec=_ROOM):
        rise = jump.after - jump.before
    before, after = with_unit(jump.before, unit), with_unit(jump.after, unit)
    detail = f"It rose by {with_unit(rise, unit)}, from {before} to {after}."
    return replace(it, value=None if it.balance is None else f"{it.balance:f}", detail=detail)


def of_payment(told: Explanation, answered: Notification) -> Notification:
    """Returns what is said of an automatic top-up that was paid."""
    alert = Alert(TOP_UP, Severity.INFO, told.now)
    it = told.notification(alert, Metric.TOP_UP, Reason.TOPPED_UP)
    detail = f"It answers the rule {answered.rule}. The balance shows it at one of the next checks."
    return replace(it, value=Outcome.PAID.value, detail=detail)


def _value(told: Explanation, metric: Metric, verdict: Verdict | None) -> str | None:
    """The number judged, or the last one known while the account cannot be read."""
    if verdict and verdict.value is not None:
        return verdict.value
    known = told.look.numbers.get(_NUMBER_OF.get(metric, metric))
    return None if known is None else f"{known:f}"


def _detail(
    told: Explanation, metric: Metric, reason: Reason, verdict: Verdict | None
) -> Iterator[str]:
    """Sentences for people: what stands behind the number."""
    seen = told.seen
    if verdict is None:
        yield "The rule no longer applies to this account."
    elif metric is Metric.UNREADABLE:
        yield _of_failures(seen)
    elif metric is Metric.TOP_UP:
        told_as = _PAYMENTS[told.look.payment or Outcome.CLEARED]
        yield told_as.replace("ACCOUNT", shlex.quote(told.account.name))
    elif isinstance(told.look.outcome, Unlimited):
        yield "The provider sets no limit any more."
    elif isinstance(told.look.outcome, ReadFailure):
        yield "The balance cannot be read now; this is the last one known."
    elif seen.reading is not None:
        if metric is Metric.SPEND_RATE and told.look.usual_rate is not None:
            yield f"Usually it is {with_unit(told.look.usual_rate, seen.reading.currency)} a day."
        if told.look.until_reset is not None and seen.reading.resets_at is not None:
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
    Outcome.UNKNOWN: _until_cleared("The request to pay was sent, and no clear answer came."),
    Outcome.CLAIMED: _until_cleared("A payment was about to be made, and no end of it is known."),
    Outcome.NOT_ENABLED: "Auto-reload is not enabled for this account at its provider.",
    Outcome.KEY_REJECTED: "The provider rejected the key.",
    Outcome.NOT_SENT: "The provider was not reached, and nothing was sent.",
    Outcome.PAID: "A later payment was made.",
    Outcome.CLEARED: "A person looked at it.",
}
