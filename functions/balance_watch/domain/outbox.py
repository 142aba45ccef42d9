"""What the outbox holds: notifications that channels have yet to accept, and orders to pay."""

from typing import NamedTuple, TypeAlias

from balance_watch.domain.notification import Notification


class OutboxEntry(NamedTuple):
    """A notification for one channel, until the channel has accepted it.

    `channels` are all channels that the notification was routed to: each of them gets a copy of
    its own, so none needs the copy that another one rejects.
    """

    notification: Notification
    channel: str
    channels: tuple[str, ...] = ()


class PaymentOrder(NamedTuple):
    """An order to top up an account once, until it is carried out or dropped.

    `notification` is the alert that asks for the payment; its `alert_id` is the idempotency key.
    """

    notification: Notification


Outgoing: TypeAlias = OutboxEntry | PaymentOrder
"""Anything that a decision puts into the outbox."""


class Pending(NamedTuple):
    """The outbox by kind of entry, the oldest first; `malformed` has the keys of damaged items."""

    entries: list[OutboxEntry]
    orders: list[PaymentOrder]
    malformed: list[str]


def entries_for(notification: Notification, channels: tuple[str, ...]) -> tuple[OutboxEntry, ...]:
    """Returns the outbox entries of a notification, one for each channel."""
    return tuple(OutboxEntry(notification, channel, channels) for channel in channels)
