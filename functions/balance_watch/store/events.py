"""Events: what was said, an item each, beside the readings of its account."""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from balance_watch.domain.event import OF_SEVERAL, Event, events_of
from balance_watch.domain.notification import Notification
from balance_watch.domain.outbox import Outgoing
from balance_watch.store.items import MALFORMED_ITEM, Item, account_key, text_of
from balance_watch.store.notifications import notification_from_json, notification_to_json
from balance_watch.store.table import Action, Table

_log = logging.getLogger(__name__)

_PREFIX = "EVENT#"
_OF_SEVERAL_KEY = "EVENTS"
"""The partition of what was said of several accounts at once."""


class Events:
    """The events in a table; safe to use from several threads.

    Args:
        table: the table.
        history_days: how long an event is kept, as a reading is.
    """

    def __init__(self, table: Table, history_days: int) -> None:
        self._table, self._history_days = table, history_days

    def puts(self, entries: Iterable[Outgoing]) -> list[Action]:
        """Returns the actions that keep what these outbox entries say, within their transaction."""
        return self._table.puts(
            event_to_item(event, self._history_days) for event in events_of(entries)
        )

    def find(self, account: str | None, said_at: datetime, alert_id: str) -> Event | None:
        """Returns one event by its id and its time, or None if there is none.

        Args:
            account: its account; None: it is of several accounts, or of the configuration.
            said_at: when it was said.
            alert_id: the id of its notification.
        """
        partition = _OF_SEVERAL_KEY if account is None else account_key(account)
        key = {"pk": partition, "sk": f"{_PREFIX}{text_of(said_at)}#{alert_id}"}
        return next(iter(readable_events(self._table.read([key]))), None)

    def of_several(self, since: datetime, until: datetime) -> list[Event]:
        """Returns what was said of several accounts at once between two times, the oldest first."""
        return self._between(_OF_SEVERAL_KEY, since, until)

    def of(self, account: str, since: datetime, until: datetime) -> list[Event]:
        """Returns what was said of an account between two times, the oldest first.

        That is what was said of it alone, and of outages that it was in.
        """
        own = self._between(account_key(account), since, until)
        return with_shared(account, own, self.of_several(since, until))

    def _between(self, partition: str, since: datetime, until: datetime) -> list[Event]:
        return readable_events(self._table.query(partition, event_sorts(since, until)))


def event_sorts(since: datetime, until: datetime) -> tuple[str, str]:
    """Returns the sort keys that the events between two times begin and end with."""
    # `~` sorts after every character of an id.
    return f"{_PREFIX}{text_of(since)}", f"{_PREFIX}{text_of(until)}~"


def readable_events(items: Iterable[Item]) -> list[Event]:
    """Returns the events of items; what is malformed is logged and left out."""
    events = []
    for item in items:
        try:
            events.append(event_from_item(item))
        except MALFORMED_ITEM as error:
            facts = {"item": item["sk"], "why": type(error).__name__}
            _log.error("malformed event", extra=facts)
    return events


def with_shared(account: str, own: Iterable[Event], shared: Iterable[Event]) -> list[Event]:
    """Returns an account's events and those of several that it is in, the oldest first.

    Args:
        account: the account's name.
        own: its own events.
        shared: the events of several accounts, as `of_several` returns them.
    """
    theirs = (event for event in shared if account in event.notification.accounts)
    return sorted((*own, *theirs), key=lambda event: event.notification.said_at)


def event_to_item(event: Event, days: int) -> Item:
    """Returns the item of an event; it expires after so many days."""
    notification = event.notification
    said_at = notification.said_at
    return {
        "pk": _partition_of(notification),
        "sk": f"{_PREFIX}{text_of(said_at)}#{notification.alert_id}",
        "channels": list(event.channels),
        # The readings have the trend.
        "notification": json.dumps(
            notification_to_json(replace(notification, trend=())), ensure_ascii=False
        ),
        "expires_at": int((said_at + timedelta(days=days)).timestamp()),
    }


def event_from_item(item: Mapping[str, Any]) -> Event:
    """Returns the event of an item; raises one of MALFORMED_ITEM."""
    notification = notification_from_json(json.loads(item["notification"]))
    return Event(notification, tuple(map(str, item.get("channels", ()))))


def _partition_of(notification: Notification) -> str:
    if notification.metric in OF_SEVERAL:
        return _OF_SEVERAL_KEY
    return account_key(notification.account)
