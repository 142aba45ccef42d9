"""The alerts of a time, each from its firing to its end, with who was told."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from balance_watch.domain.event import Event
from balance_watch.domain.notification import Reason
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState

Span = tuple[datetime, datetime]
"""A time from its beginning to its end."""


class AlertSpan(NamedTuple):
    """One alert of an account.

    Attributes:
        severity: the gravest that was told.
        until: its end; None: it still fires.
        channels: all that were told.
    """

    account: str
    rule: str
    metric: Metric
    severity: Severity
    since: datetime
    until: datetime | None
    channels: tuple[str, ...] = ()

    def within(self, since: datetime, until: datetime) -> Span | None:
        """Returns the part of it between two times; None: there is none."""
        begin, end = max(self.since, since), min(self.until or until, until)
        return (begin, end) if begin <= end else None


def alert_spans(
    account: str, events: Iterable[Event], state: AccountState, until: datetime
) -> tuple[AlertSpan, ...]:
    """Returns the alerts of an account, the oldest first.

    Args:
        account: its name.
        events: what was said of it, the oldest first.
        state: what is remembered of it; it tells of alerts that were told before all of the events.
        until: the time up to which alerts are of interest.
    """
    spans: list[AlertSpan] = []
    open_spans: dict[Metric, AlertSpan] = {}
    for event in events:
        said = event.notification
        if said.reason is Reason.TOPPED_UP:
            continue
        span = AlertSpan(account, said.rule, said.metric, said.severity, said.since, None)
        known = open_spans.pop(said.metric, span)
        severity = min(known.severity, said.severity, key=lambda it: it.rank)
        channels = tuple(dict.fromkeys((*known.channels, *event.channels)))
        known = known._replace(severity=severity, channels=channels)
        if said.reason is Reason.RESOLVED:
            spans.append(known._replace(until=said.ended_at or said.said_at))
        else:
            open_spans[said.metric] = known
    for metric, alert in state.alerts.items():
        if alert.firing and metric not in open_spans and alert.since <= until:
            span = AlertSpan(account, alert.rule, metric, alert.severity, alert.since, None)
            open_spans[metric] = span._replace(channels=alert.channels)
    return tuple(sorted((*spans, *open_spans.values()), key=lambda it: (it.since, it.rule)))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Returns spans in order of time, those that overlap as one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found


def length_of(spans: Sequence[Span]) -> timedelta:
    """Returns how long spans that do not overlap are in all."""
    return sum((end - begin for begin, end in spans), timedelta())
