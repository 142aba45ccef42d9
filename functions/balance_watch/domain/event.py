"""What was said: a notification with its channels, as it is kept beside the history."""

from collections.abc import Iterable
from typing import NamedTuple

from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import OutboxEntry, Outgoing
from balance_watch.domain.rules import Metric

OF_SEVERAL = frozenset({Metric.OUTAGE, Metric.CONFIGURATION})
"""The metrics whose alerts are of no single account."""


class Event(NamedTuple):
    """A notification, and the channels that it went to."""

    notification: Notification
    channels: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """Returns what happened in one word: the reason, or `unreadable` and `readable`."""
        notification = self.notification
        if notification.metric is Metric.UNREADABLE:
            words = {Reason.FIRED: "unreadable", Reason.RESOLVED: "readable"}
            return words.get(notification.reason, notification.reason.value)
        return notification.reason.value


def events_of(entries: Iterable[Outgoing]) -> tuple[Event, ...]:
    """Returns an event for each notification among outbox entries, however many channels get it."""
    events: dict[str, Event] = {}
    for entry in entries:
        if isinstance(entry, OutboxEntry):
            event = Event(entry.notification, entry.channels)
            events.setdefault(entry.notification.alert_id, event)
    return tuple(events.values())
