"""The outbox: what was stored together with a decision, and stays until it has been carried out."""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from balance_watch.domain.formatting import digits
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.money import exact
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import LIMIT, OutboxEntry, Outgoing, PaymentOrder, Pending
from balance_watch.domain.rules import Metric, Severity
from balance_watch.store.digests import maybe_digest_from_json, maybe_digest_to_json
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    maybe_text,
    maybe_time,
    text_of,
    time_of,
    without_none,
)
from balance_watch.store.table import Action, Table, WriteRequest, batches, serialize

OUTBOX = "OUTBOX"
_PAYMENT_ORDER = "top_up"
"""Stands where an item of a notification has its channel."""

_LOGGED_TEXT = 2000

_log = logging.getLogger(__name__)


class Outbox:
    """The outbox in a table; safe to use from several threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def pending(self) -> Pending:
        """Returns the newest entries of the outbox, and every order to pay.

        A malformed item is logged with its text, and stops no other.
        """
        pending = Pending([], [], [])
        items = list(islice(self._table.query(OUTBOX, newest_first=True), LIMIT))
        if len(items) == LIMIT:
            # More debts than a run can send must not keep back a payment.
            read = {item["sk"] for item in items}
            orders = self._table.query(OUTBOX, having=("channel", _PAYMENT_ORDER))
            items += (item for item in orders if item["sk"] not in read)
        for item in sorted(items, key=lambda item: str(item["sk"])):
            try:
                entry = entry_from_item(item)
            except MALFORMED_ITEM as error:
                text = str(item.get("notification", ""))[:_LOGGED_TEXT]
                facts = {"item": item["sk"], "why": type(error).__name__, "text": text}
                _log.error("dropped: a malformed outbox entry", extra=facts)
                pending.malformed.append(item["sk"])
            else:
                if isinstance(entry, PaymentOrder):
                    pending.orders.append(entry)
                else:
                    pending.entries.append(entry)
        return pending

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


def notification_to_json(notification: Notification) -> dict[str, Any]:
    """Returns all of a notification as JSON."""
    runway = notification.runway
    return without_none(
        {
            "alert_id": notification.alert_id,
            "account": notification.account,
            "provider": notification.provider,
            "rule": notification.rule,
            "metric": notification.metric.value,
            "severity": notification.severity.value,
            "reason": notification.reason.value,
            "since": text_of(notification.since),
            "said_at": text_of(notification.said_at),
            "ended_at": maybe_text(notification.ended_at),
            "value": notification.value,
            "threshold": digits(notification.threshold),
            "currency": notification.currency,
            "balance": digits(notification.balance),
            "observed_at": maybe_text(notification.observed_at),
            "labels": dict(notification.labels),
            "detail": notification.detail,
            "trend": [f"{balance:f}" for balance in notification.trend],
            "per_day": digits(notification.per_day),
            "runway": None if runway is None else int(runway.total_seconds()),
            "link": notification.link,
            "another": True if notification.another else None,
            "accounts": list(notification.accounts) or None,
            "mentions": list(notification.mentions) or None,
            "digest": maybe_digest_to_json(notification.digest),
            "purse": notification.purse,
        }
    )


def notification_from_json(fields: Mapping[str, Any]) -> Notification:
    """Returns the notification of its JSON; raises one of MALFORMED_ITEM."""
    runway = fields.get("runway")
    if METRICS[Metric(fields["metric"])].is_number and "value" in fields:
        exact(fields["value"])
    return Notification(
        alert_id=fields["alert_id"],
        account=fields["account"],
        provider=fields["provider"],
        rule=fields["rule"],
        metric=Metric(fields["metric"]),
        severity=Severity(fields["severity"]),
        reason=Reason(fields["reason"]),
        since=time_of(fields["since"]),
        said_at=time_of(fields["said_at"]),
        ended_at=maybe_time(fields.get("ended_at")),
        value=fields.get("value"),
        threshold=_maybe_number(fields.get("threshold")),
        currency=fields.get("currency"),
        balance=_maybe_number(fields.get("balance")),
        observed_at=maybe_time(fields.get("observed_at")),
        labels=dict(fields["labels"]),
        detail=fields["detail"],
        trend=tuple(Decimal(balance) for balance in fields["trend"]),
        per_day=_maybe_number(fields.get("per_day")),
        runway=None if runway is None else timedelta(seconds=runway),
        link=fields.get("link"),
        another=fields.get("another", False),
        accounts=tuple(fields.get("accounts", ())),
        mentions=tuple(fields.get("mentions", ())),
        digest=maybe_digest_from_json(fields.get("digest")),
        purse=fields.get("purse"),
    )


def _maybe_number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
