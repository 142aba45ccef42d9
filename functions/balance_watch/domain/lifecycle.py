"""The life of one alert: announced once, reminded of, made worse, resolved to all who were told."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from balance_watch.domain.notification import Reason, Routing
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
    """The alert of one metric of one account.

    `told` is the gravest severity announced in this episode (None: nothing was) and `told_at` the
    time of the latest word; where it was told and fires no more, its end is held back. `fired_at`
    and `fired_as`, the latest announcement of an episode, outlive it for `minimum_gap`. `ended_at`
    is when it ceased to fire.
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
    old: Alert | None, top: Firing | None, defaults: Defaults, now: datetime
) -> tuple[Alert | None, Reason | None]:
    """Returns the alert after a look, and the reason to speak, if there is one.

    Args:
        old: the alert before it, if one is remembered.
        top: the gravest rule that fires now, if any does.
        defaults: reminder and minimum gap.
        now: the tick.
    """
    if top is None:
        return _cleared(old, defaults, now)
    if old is not None and (old.firing or old.notified is not None):
        since = old.since if old.firing else top.since
        alert = replace(
            old, rule=top.rule, severity=top.severity, since=since, firing=True, ended_at=None
        )
    else:
        alert = Alert(top.rule, top.severity, top.since)
        if old is not None:
            alert = replace(alert, fired_at=old.fired_at, fired_as=old.fired_as)
    if alert.notified is None or alert.notified_at is None:
        return alert, _opening(alert, defaults, now)
    if alert.severity.rank < alert.notified.rank:
        return alert, Reason.WORSENED
    if defaults.reminder is not None and now - alert.notified_at >= defaults.reminder:
        return alert, Reason.REMINDER
    return alert, None


def _opening(alert: Alert, defaults: Defaults, now: datetime) -> Reason | None:
    """An episode is announced, unless one was within the minimum gap and this is no graver."""
    if alert.fired_at is None or now - alert.fired_at >= defaults.minimum_gap:
        return Reason.FIRED
    if alert.fired_as is not None and alert.severity.rank < alert.fired_as.rank:
        return Reason.WORSENED
    return None


def _cleared(
    old: Alert | None, defaults: Defaults, now: datetime
) -> tuple[Alert | None, Reason | None]:
    if old is None:
        return None, None
    if old.firing or old.notified is not None:
        ended = replace(old, firing=False, ended_at=now if old.firing else old.ended_at)
        return ended, Reason.RESOLVED if old.notified else None
    recent = old.fired_at is not None and now - old.fired_at < defaults.minimum_gap
    return (old if recent else None), None


def mark_notified(
    alert: Alert, reason: Reason, facts: Mapping[str, str], routing: Routing, now: datetime
) -> tuple[Alert, tuple[str, ...]]:
    """Returns the alert once this is said, and to whom: who was told before hears the rest too."""
    if reason is Reason.RESOLVED:
        return replace(alert, notified=None, notified_at=None, channels=()), alert.channels
    facts = {**facts, "severity": alert.severity.value, "rule": alert.rule}
    channels = tuple(dict.fromkeys((*routing(facts), *alert.channels)))
    opening = alert.notified is None
    gravest = min(filter(None, (alert.notified, alert.severity)), key=lambda each: each.rank)
    alert = replace(alert, notified=gravest, notified_at=now, channels=channels)
    if opening:
        alert = replace(alert, fired_at=now, fired_as=alert.severity)
    return alert, channels
