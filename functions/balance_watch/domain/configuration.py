"""The alert about the configuration itself: a fault in a secret or policy is a way to go blind."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balance_watch.domain.alerts import Terms
from balance_watch.domain.episode import Alert, Firing, advance, said
from balance_watch.domain.notification import Notification, Owed, Reason, alert_id
from balance_watch.domain.policy import CONFIGURATION
from balance_watch.domain.rules import Metric, Severity

PROVIDER = "balance-watch"
"""Stands where a provider's slug stands in alerts about accounts."""


@dataclass(frozen=True, slots=True)
class ConfigurationState:
    """The faults of the latest run, and the alert on them."""

    faults: tuple[str, ...] = ()
    alert: Alert | None = None


def decide_configuration(
    state: ConfigurationState,
    faults: tuple[str, ...],
    *,
    terms: Terms,
    now: datetime,
) -> tuple[ConfigurationState, tuple[Owed, ...]]:
    """Decides what the faults of this run, each a sentence without a secret, change and say.

    A fault that was not there before is said at once, as `worsened`; no minimum gap applies, since
    each fault may leave accounts unwatched.
    """
    top = Firing(CONFIGURATION, Severity.CRITICAL, now) if faults else None
    at_once = replace(terms.defaults, minimum_gap=timedelta())
    alert, reason = advance(state.alert, top, at_once, now)
    if reason in (None, Reason.REMINDER) and set(faults) - set(state.faults):
        reason = Reason.WORSENED
    if alert is None or reason is None:
        return ConfigurationState(faults, alert), ()
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
    if terms.held(facts):
        # A fault that is not told now is new once it may be.
        return ConfigurationState(state.faults, alert), ()
    alert, channels = said(alert, reason, facts, terms.routing, now)
    return ConfigurationState(faults, alert), tuple(Owed(notification, each) for each in channels)
