"""The alert about the configuration: a fault in a secret or the policy may hide an account."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balance_watch.domain.alerts import AlertContext, announce
from balance_watch.domain.lifecycle import Alert, Firing, advance
from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.policy import CONFIGURATION
from balance_watch.domain.rules import Metric, Severity

PROVIDER = "balance-watch"
"""The provider of this alert, where alerts about accounts have a provider's slug."""


FAULT_WORDING = 2
"""The version of the sentences of faults. A release that rewords one raises it.

A fault is recognised by its text. One that was announced in other words is recognised by its place,
the part before the first colon, so that no upgrade announces it again.
"""


@dataclass(frozen=True, slots=True)
class ConfigurationState:
    """The faults of the latest run, the alert on them, and when each was recently announced.

    `wording` is the version of the sentences of these faults.
    """

    faults: tuple[str, ...] = ()
    alert: Alert | None = None
    notified: tuple[tuple[str, datetime], ...] = ()
    wording: int = FAULT_WORDING


def decide_configuration(
    state: ConfigurationState,
    faults: tuple[str, ...],
    *,
    context: AlertContext,
    now: datetime,
) -> tuple[ConfigurationState, tuple[OutboxEntry, ...]]:
    """Decides what the faults of this run, sentences without secrets, change and announce.

    A fault that was not announced within the minimum gap is announced at once, as `worsened` if
    the alert is open already, since it may leave accounts unwatched. A fault that comes and goes
    is announced once per minimum gap.
    """
    gap = context.defaults.minimum_gap
    announced: Iterable[tuple[str, datetime]] = state.notified
    if state.wording != FAULT_WORDING:
        announced = _reworded(announced, faults)
    notified = {fault: at for fault, at in announced if fault in faults or now - at < gap}
    is_new = any(fault not in notified for fault in faults)
    firing = Firing(CONFIGURATION, Severity.CRITICAL, now) if faults else None
    timing = replace(context.defaults, minimum_gap=timedelta()) if is_new else context.defaults
    alert, reason = advance(state.alert, firing, timing, now)
    if is_new and reason in (None, Reason.REMINDER):
        reason = Reason.WORSENED
    entries: tuple[OutboxEntry, ...] = ()
    if alert is not None and reason is not None:
        alert, entries = announce(alert, _notification(alert, reason, faults, now), context)
        # Faults that are suppressed now are still new when the silence ends.
        if entries and reason is not Reason.RESOLVED:
            notified |= dict.fromkeys(faults, now)
    return ConfigurationState(faults, alert, tuple(notified.items())), entries


def _reworded(
    announced: Iterable[tuple[str, datetime]], faults: tuple[str, ...]
) -> Iterator[tuple[str, datetime]]:
    """Yields the announced faults that still exist, each in the present words for its place."""
    waiting = list(announced)
    for fault in faults:
        for old in waiting:
            # The present words may name the place in more detail.
            if f"{_place(fault)}, ".startswith(f"{_place(old[0])}, "):
                waiting.remove(old)
                yield fault, old[1]
                break


def _place(fault: str) -> str:
    return fault.partition(": ")[0]


def _notification(
    alert: Alert, reason: Reason, faults: tuple[str, ...], now: datetime
) -> Notification:
    return Notification(
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
        detail="\n".join(faults) if faults else "Every secret and the policy are valid again.",
    )
