"""The life of one alert, from its firing to its end: when it is announced, and to whom."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.metrics import METRICS
from balance_watch.domain.notification import Notification, Reason, Routing
from balance_watch.domain.policy import Defaults
from balance_watch.domain.rules import Severity


class Firing(Struct, frozen=True):
    """The gravest rule that fires on a metric, and since when it is breached.

    `number` is the amount that breaches it, if the metric is an amount. `blind` is as in
    `Evaluation`.
    """

    rule: str
    severity: Severity
    since: datetime
    number: Decimal | None = None
    blind: bool | None = None


class Alert(Struct, frozen=True):
    """The alert of one metric of one account. An episode lasts from its firing to its end.

    Attributes:
        notified: the gravest severity announced in this episode; None: nothing was. If the alert
            no longer fires, its end was suppressed and is still to be announced.
        notified_at: when the latest notification was announced.
        notified_by: the rule that the gravest severity was announced of; None: `rule`.
        fired_at: when an episode was last announced. It outlives the episode by `minimum_gap`.
        fired_as: the severity of that announcement.
        channels: all that were notified in this episode.
        ended_at: when the alert stopped firing.
        worsened_at: when it was last announced as worse than before, if it ever was.
        eased_to: the mildest severity since the latest bad news, if that is milder.
        told_number: the amount that the latest bad news or reminder told. It outlives the episode
            as `fired_at` does.
        blind: whether nothing of the account can be read now, as far as it is known.
        told_blind: whether that was so when it was last told.
    """

    rule: str
    severity: Severity
    since: datetime
    firing: bool = True
    notified: Severity | None = None
    notified_at: datetime | None = None
    notified_by: str | None = None
    fired_at: datetime | None = None
    fired_as: Severity | None = None
    channels: tuple[str, ...] = ()
    ended_at: datetime | None = None
    worsened_at: datetime | None = None
    eased_to: Severity | None = None
    told_number: Decimal | None = None
    blind: bool | None = None
    told_blind: bool | None = None


def advance(
    alert: Alert | None, firing: Firing | None, defaults: Defaults, now: datetime
) -> tuple[Alert | None, Reason | None]:
    """Returns the alert after a check, and the reason to announce it, if there is one.

    Args:
        alert: the alert before the check, if there is one.
        firing: the gravest rule that fires now, if any does.
        defaults: the reminder and the minimum gap.
        now: the tick.
    """
    if firing is None:
        return _end(alert, defaults, now)
    alert = _fire(alert, firing)
    if alert.notified is None or alert.notified_at is None:
        return alert, _reason_to_open(alert, firing, defaults, now)
    if _is_worse(alert, firing, defaults, now):
        return alert, Reason.WORSENED
    if defaults.reminder is not None and now - alert.notified_at >= defaults.reminder:
        return alert, Reason.REMINDER
    return alert, None


def mark_notified(
    alert: Alert, notification: Notification, routing: Routing
) -> tuple[Alert, tuple[str, ...]]:
    """Marks the alert as notified and returns the channels: the routed and all notified before."""
    if notification.reason is Reason.RESOLVED:
        ended = replace(alert, notified=None, notified_at=None, notified_by=None, channels=())
        return replace(ended, worsened_at=None, eased_to=None), alert.channels
    channels = tuple(dict.fromkeys((*routing(notification.facts), *alert.channels)))
    said_at = notification.said_at
    marked = replace(alert, notified_at=said_at, channels=channels, told_blind=alert.blind)
    if notification.value is not None and METRICS[notification.metric].is_amount:
        marked = replace(marked, told_number=Decimal(notification.value))
    if notification.reason is not Reason.REMINDER:
        marked = replace(marked, eased_to=None)
    if alert.notified is None:
        marked = replace(marked, fired_at=said_at, fired_as=alert.severity)
    elif notification.reason is Reason.WORSENED:
        marked = replace(marked, worsened_at=said_at)
    if alert.notified is None or alert.severity.rank < alert.notified.rank:
        marked = replace(marked, notified=alert.severity, notified_by=alert.rule)
    return marked, channels


def _fire(alert: Alert | None, firing: Firing) -> Alert:
    """Returns the alert with this rule firing, as part of its episode or as a new one."""
    new = Alert(firing.rule, firing.severity, firing.since, blind=firing.blind)
    if alert is None:
        return new
    if not alert.firing and alert.notified is None:
        return replace(
            new,
            fired_at=alert.fired_at,
            fired_as=alert.fired_as,
            told_number=alert.told_number,
        )
    since = alert.since if alert.firing else firing.since
    eased = [it for it in (alert.eased_to, firing.severity) if it is not None]
    mildest = max(eased, key=lambda severity: severity.rank)
    is_milder = alert.notified is not None and mildest.rank > alert.notified.rank
    return replace(
        alert,
        rule=firing.rule,
        severity=firing.severity,
        since=since,
        firing=True,
        ended_at=None,
        notified_by=alert.notified_by or (alert.rule if alert.notified else None),
        eased_to=mildest if is_milder else None,
        blind=firing.blind,
    )


def _is_worse(alert: Alert, firing: Firing, defaults: Defaults, now: datetime) -> bool:
    """Tells whether a firing alert is worse than what was last told of it.

    It is graver than ever in this episode; or its amount has fallen far past the one last told; or,
    once in the minimum gap, it is as grave again after it had eased, or nothing can be read any
    longer of an account whose balance was read when it was last told.
    """
    if alert.notified is None or alert.severity.rank < alert.notified.rank:
        return True
    if _is_far_past(alert.told_number, firing.number):
        return True
    last = alert.worsened_at or alert.fired_at
    is_late = last is None or now - last >= defaults.minimum_gap
    grave_again = alert.eased_to is not None and alert.severity.rank < alert.eased_to.rank
    return is_late and (grave_again or (alert.told_blind is False and firing.blind is True))


def _is_far_past(told: Decimal | None, number: Decimal | None) -> bool:
    """Tells whether an amount has fallen to a half of what was told, or to nothing."""
    if told is None or number is None or told <= 0:
        return False
    return number <= told / 2


def _reason_to_open(
    alert: Alert, firing: Firing, defaults: Defaults, now: datetime
) -> Reason | None:
    """Announces an episode unless one as grave was announced within the minimum gap."""
    if alert.fired_at is None or now - alert.fired_at >= defaults.minimum_gap:
        return Reason.FIRED
    if alert.fired_as is not None and alert.severity.rank < alert.fired_as.rank:
        return Reason.WORSENED
    return Reason.FIRED if _is_far_past(alert.told_number, firing.number) else None


def _end(
    alert: Alert | None, defaults: Defaults, now: datetime
) -> tuple[Alert | None, Reason | None]:
    """Ends the episode; the alert is forgotten a minimum gap after it was announced."""
    if alert is None:
        return None, None
    if alert.firing or alert.notified is not None:
        ended_at = now if alert.firing else alert.ended_at
        ended = replace(alert, firing=False, ended_at=ended_at)
        return ended, Reason.RESOLVED if alert.notified else None
    recent = alert.fired_at is not None and now - alert.fired_at < defaults.minimum_gap
    return (alert if recent else None), None
