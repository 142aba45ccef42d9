"""The life of one alert, from its firing to its end: when it is announced, and to whom."""

from dataclasses import dataclass, replace
from datetime import datetime

from balance_watch.domain.notification import Notification, Reason, Routing
from balance_watch.domain.policy import Defaults
from balance_watch.domain.rules import Severity


@dataclass(frozen=True, slots=True)
class Firing:
    """The gravest rule that fires on a metric, and since when it is breached."""

    rule: str
    severity: Severity
    since: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """The alert of one metric of one account. An episode lasts from its firing to its end.

    Attributes:
        notified: the gravest severity announced in this episode; None: nothing was. If the alert
            no longer fires, its end was suppressed and is still to be announced.
        notified_at: when the latest notification was announced.
        fired_at: when an episode was last announced. It outlives the episode by `minimum_gap`.
        fired_as: the severity of that announcement.
        channels: all that were notified in this episode.
        ended_at: when the alert stopped firing.
    """

    rule: str
    severity: Severity
    since: datetime
    firing: bool = True
    notified: Severity | None = None
    notified_at: datetime | None = None
    fired_at: datetime | None = None
    fired_as: Severity | None = None
    channels: tuple[str, ...] = ()
    ended_at: datetime | None = None


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
        return alert, _reason_to_open(alert, defaults, now)
    if alert.severity.rank < alert.notified.rank:
        return alert, Reason.WORSENED
    if defaults.reminder is not None and now - alert.notified_at >= defaults.reminder:
        return alert, Reason.REMINDER
    return alert, None


def mark_notified(
    alert: Alert, notification: Notification, routing: Routing
) -> tuple[Alert, tuple[str, ...]]:
    """Marks the alert as notified and returns the channels: the routed and all notified before."""
    if notification.reason is Reason.RESOLVED:
        return replace(alert, notified=None, notified_at=None, channels=()), alert.channels
    channels = tuple(dict.fromkeys((*routing(notification.facts), *alert.channels)))
    marked = replace(alert, notified_at=notification.said_at, channels=channels)
    if alert.notified is None:
        fired_at, fired_as = notification.said_at, alert.severity
        marked = replace(marked, notified=alert.severity, fired_at=fired_at, fired_as=fired_as)
    elif alert.severity.rank < alert.notified.rank:
        marked = replace(marked, notified=alert.severity)
    return marked, channels


def _fire(alert: Alert | None, firing: Firing) -> Alert:
    """Returns the alert with this rule firing, as part of its episode or as a new one."""
    if alert is None:
        return Alert(firing.rule, firing.severity, firing.since)
    if not alert.firing and alert.notified is None:
        new = Alert(firing.rule, firing.severity, firing.since)
        return replace(new, fired_at=alert.fired_at, fired_as=alert.fired_as)
    since = alert.since if alert.firing else firing.since
    return replace(
        alert,
        rule=firing.rule,
        severity=firing.severity,
        since=since,
        firing=True,
        ended_at=None,
    )


def _reason_to_open(alert: Alert, defaults: Defaults, now: datetime) -> Reason | None:
    """Announces an episode unless one as grave was announced within the minimum gap."""
    if alert.fired_at is None or now - alert.fired_at >= defaults.minimum_gap:
        return Reason.FIRED
    if alert.fired_as is not None and alert.severity.rank < alert.fired_as.rank:
        return Reason.WORSENED
    return None


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
