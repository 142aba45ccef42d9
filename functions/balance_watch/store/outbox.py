"""The outbox: what was stored together with a decision, and stays until it has been carried out."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from balance_watch.domain.outbox import (
    MOST,
    WHOLE,
    OutboxEntry,
    Outgoing,
    PaymentOrder,
    Pending,
)
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    text_of,
    without_none,
)
from balance_watch.store.notifications import notification_from_json, notification_to_json
from balance_watch.store.table import (
    UNREADABLE,
    Action,
    Table,
    WriteRequest,
    batches,
    serialize,
)

OUTBOX = "OUTBOX"
_PAYMENT_ORDER = "top_up"
"""Stands where an item of a notification has its channel."""

_LOGGED_TEXT = 2000

_log = logging.getLogger(__name__)


class Outbox:
    """The outbox in a table; safe to use from several threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def pending(self, has_time: Callable[[], bool] = lambda: True) -> Pending:
        """Returns the pending entries, and every order to pay.

        More entries than WHOLE are outlines: a subject's entries make each other superfluous, so
        all of them have to be known before one is sent, and their texts would not fit into memory.
        A malformed item is logged with its text, and stops no other.

        Args:
            has_time: tells whether there is time to read on. Without time, and after MOST entries,
                the older ones are left for the next run.
        """
        found = Pending([], [], [])
        for read, item in enumerate(self._table.query(OUTBOX, newest_first=True)):
            if read == MOST or not has_time():
                # More debts than a run can send must not keep back a payment.
                known = {*map(_key_of, found.orders), *found.malformed}
                orders = self._table.query(OUTBOX, having=("channel", _PAYMENT_ORDER))
                for ordered in orders:
                    if ordered["sk"] not in known:
                        _add(found, ordered)
                found = replace(found, is_cut=True)
                break
            _add(found, item)
        return Pending(
            sorted(found.entries, key=_key_of),
            sorted(found.orders, key=_key_of),
            sorted(found.malformed),
            found.is_cut,
        )

    def whole(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        """Returns entries with what their outlines lack; what cannot be read is left out."""
        keys = dict.fromkeys(it.outline_of for it in entries if it.outline_of is not None)
        stored: dict[str | None, OutboxEntry] = {}
        try:
            for item in self._table.read([{"pk": OUTBOX, "sk": key} for key in keys]):
                entry = entry_from_item(item)
                if isinstance(entry, OutboxEntry):
                    stored[item["sk"]] = entry
        except (*UNREADABLE, *MALFORMED_ITEM) as error:
            facts = {"entries": len(keys) - len(stored), "why": type(error).__name__}
            _log.error("not delivered: outbox entries cannot be read", extra=facts)
        return [
            it if it.outline_of is None else it.completed(stored[it.outline_of])
            for it in entries
            if it.outline_of is None or it.outline_of in stored
        ]

    def remove(self, entries: Iterable[Outgoing]) -> bool:
        """Removes what was accepted; False if some of it stays, and so will be sent again."""
        covered = [it for entry in entries for it in (*_covered(entry), entry)]
        return self._write({"DeleteRequest": {"Key": serialize(entry_key(it))}} for it in covered)

    def discard(self, keys: Iterable[str]) -> bool:
        """Removes malformed items, by their keys; False if some of them stay."""
        items = ({"pk": OUTBOX, "sk": key} for key in keys)
        return self._write({"DeleteRequest": {"Key": serialize(item)}} for item in items)

    def mark_taken(self, entries: Iterable[OutboxEntry], channel: str) -> bool:
        """Stores that a channel has accepted these in place of their own; False if some are not."""
        taken = (it._replace(taken_by=(*it.taken_by, channel)) for it in entries)
        return self._write({"PutRequest": {"Item": serialize(entry_to_item(it))}} for it in taken)

    def _write(self, requests: Iterable[WriteRequest]) -> bool:
        # Every batch is written, even after one that failed.
        written = [self._table.write(batch) for batch in batches(list(requests))]
        return all(written)

    def puts(self, entries: Iterable[Outgoing]) -> list[Action]:
        """Returns the actions that add entries within a transaction."""
        return self._table.puts(map(entry_to_item, entries))

    def put(self, entry: Outgoing) -> None:
        """Adds one entry; raises ClientError if it is not stored."""
        self._table.client.put_item(
            TableName=self._table.name, Item=serialize(entry_to_item(entry))
        )

    def delete(self, entry: Outgoing) -> Action:
        """Returns the action that removes an entry within a transaction."""
        return {"Delete": {"TableName": self._table.name, "Key": serialize(entry_key(entry))}}


def _add(pending: Pending, item: Item) -> None:
    """Adds an item to what is pending. Once there is more than fits whole, it holds outlines."""
    try:
        entry = entry_from_item(item)
    except MALFORMED_ITEM as error:
        text = str(item.get("notification", ""))[:_LOGGED_TEXT]
        facts = {"item": item["sk"], "why": type(error).__name__, "text": text}
        _log.error("dropped: a malformed outbox entry", extra=facts)
        pending.malformed.append(item["sk"])
        return
    if isinstance(entry, PaymentOrder):
        pending.orders.append(entry)
        return
    entries = pending.entries
    if len(entries) == WHOLE:
        entries[:] = [it.outlined(_key_of(it)) for it in entries]
    entries.append(entry if len(entries) < WHOLE else entry.outlined(item["sk"]))


def _key_of(entry: Outgoing) -> str:
    return str(entry_key(entry)["sk"])


def entry_key(entry: Outgoing) -> Item:
    """Returns the key of an entry: by the time of its notification, one for each channel."""
    notification = entry.notification
    said_at = text_of(notification.said_at)
    return {"pk": OUTBOX, "sk": f"{said_at}#{notification.alert_id}#{_channel_of(entry)}"}


def _covered(entry: Outgoing) -> tuple[OutboxEntry, ...]:
    return () if isinstance(entry, PaymentOrder) else entry.covers


def entry_to_item(entry: Outgoing) -> Item:
    """Returns the item of an entry: everything that it takes to send or to pay it."""
    if isinstance(entry, PaymentOrder):
        own: Item = {"channels": [], "purse": entry.purse, "by": entry.by}
    else:
        own = {"channels": list(entry.channels), "taken_by": list(entry.taken_by) or None}
    return {
        **entry_key(entry),
        "channel": _channel_of(entry),
        **without_none(own),
        "notification": json.dumps(notification_to_json(entry.notification), ensure_ascii=False),
    }


def entry_from_item(item: Mapping[str, Any]) -> Outgoing:
    """Returns the entry of an item; raises one of MALFORMED_ITEM."""
    notification = notification_from_json(json.loads(item["notification"]))
    channel, channels = item["channel"], tuple(item.get("channels", ()))
    if channel == _PAYMENT_ORDER:
        return PaymentOrder(notification, item.get("purse"), item.get("by"))
    return OutboxEntry(notification, channel, channels, tuple(item.get("taken_by", ())))


def _channel_of(entry: Outgoing) -> str:
    return _PAYMENT_ORDER if isinstance(entry, PaymentOrder) else entry.channel
