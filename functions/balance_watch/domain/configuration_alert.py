"""The alert about the configuration itself: a fault in a secret or policy is a way to go blind."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.lifecycle import Alert, Firing, advance, mark_notified
from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.outbox import OutboxEntry, entries_for
from balance_watch.domain.policy import CONFIGURATION
from balance_watch.domain.rules import Metric, Severity

PROVIDER = "balance-watch"
"""Stands where a provider's slug stands in alerts about accounts."""


@dataclass(frozen=True, slots=True)
class ConfigurationState:
    """The faults of the latest run, the alert on them, and when each was told of late."""

    faults: tuple[str, ...] = ()
    alert: Alert | None = None
    notified: tuple[tuple[str, datetime], ...] = ()


def decide_configuration(
    state: ConfigurationState,
    faults: tuple[str, ...],
    *,
    context: AlertContext,
    now: datetime,
) -> tuple[ConfigurationState, tuple[OutboxEntry, ...]]:
    """Decides what the faults of this run, each a sentence without a secret, change and say.

    A fault that was not told within the minimum gap is said at once, as `worsened`, since it may
    leave accounts unwatched; one that comes and goes is told once in a gap.
    """
    gap = context.defaults.minimum_gap
    told = {fault: at for fault, at in state.notified if fault in faults or now - at < gap}
    new = [fault for fault in faults if fault not in told]
    top = Firing(CONFIGURATION, Severity.CRITICAL, now) if faults else None
    timing = replace(context.defaults, minimum_gap=timedelta()) if new else context.defaults
    alert, reason = advance(state.alert, top, timing, now)
    if reason in (None, Reason.REMINDER) and new:
        reason = Reason.WORSENED
    if alert is None or reason is None:
        return ConfigurationState(faults, alert, tuple(told.items())), ()
    notification = Notification(
        alert_id=alert_id(CONFIGURATION, Metric.CONFIGURATION, reason, now),
        account=CONFIGURATION,
        provider=PROVIDER,
        rule=CONFIGURATION,
        metric=Metric.CONFIGURATION,
        severity=alert.severity,
        reason=reason,
        since=alert.since,
        said_at=now,
        value=str(len(faults)),
        detail="\n".join(faults) if faults else "Every secret and the policy are in order again.",
    )
    facts = {
        "account": CONFIGURATION,
        "provider": PROVIDER,
        "metric": Metric.CONFIGURATION.value,
        "rule": CONFIGURATION,
        "severity": alert.severity.value,
    }
    if context.is_suppressed(facts):
        # A fault that is not told now is new once it may be.
        return ConfigurationState(faults, alert, tuple(told.items())), ()
    alert, channels = mark_notified(alert, reason, facts, context.routing, now)
    if reason is not Reason.RESOLVED:
        told |= dict.fromkeys(faults, now)
    return ConfigurationState(faults, alert, tuple(told.items())), entries_for(
        notification, channels
    )
