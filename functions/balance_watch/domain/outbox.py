"""What the outbox holds: notifications that channels have yet to accept, and orders to pay."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.formatting import format_time
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.rules import Metric, Severity

WHOLE = 1000
"""So many pending entries are held whole at once. If there are more, all are outlines at first."""

MOST = 100_000
"""So many entries are read in a run, the newest. An outline takes about 1 KB of memory."""


class OutboxEntry(NamedTuple):
    """A notification for one channel, until the channel has accepted it.

    Attributes:
        channels: all channels that the notification was routed to: each of them gets a copy of its
            own, so none needs the copy that another one rejects.
        taken_by: the channels that have accepted it in place of its own, which refuses everything.
        covers: older entries that this one makes superfluous: they are removed together with it.
            They are not stored.
        outline_of: where the whole entry is stored, if this is an outline: it has what tells
            whether an entry still holds and how urgent it is, and no text. None: it is whole.
    """

    notification: Notification
    channel: str
    channels: tuple[str, ...] = ()
    taken_by: tuple[str, ...] = ()
    covers: tuple["OutboxEntry", ...] = ()
    outline_of: str | None = None

    @property
    def is_urgent(self) -> bool:
        """Tells whether it is sent before others, if they are many: critical news of a problem."""
        it = self.notification
        is_news = it.reason in (Reason.FIRED, Reason.WORSENED)
        return is_news and it.severity is Severity.CRITICAL

    def outlined(self, stored_at: str) -> "OutboxEntry":
        """Returns the outline of an entry that is stored there."""
        it = self.notification
        outline = Notification(
            alert_id=it.alert_id,
            account=it.account,
            provider=it.provider,
            rule=it.rule,
            metric=it.metric,
            severity=it.severity,
            reason=it.reason,
            since=it.since,
            said_at=it.said_at,
        )
        return self._replace(notification=outline, outline_of=stored_at)

    def completed(self, stored: "OutboxEntry") -> "OutboxEntry":
        """Returns an outline as a whole entry, by the one that is stored."""
        it = stored.notification
        is_late = self.notification.detail.startswith(_LATE)
        return self._replace(notification=_late(it) if is_late else it, outline_of=None)


class PaymentOrder(Struct, frozen=True):
    """An order to top up an account once, until it is carried out or dropped.

    `notification` is the alert that asks for the payment; its `alert_id` is the idempotency key.
    `purse` tells what it is to be paid into from another purse under the same name. `by` is the
    name of the person who has ordered it; None: a rule has.
    """

    notification: Notification
    purse: str | None = None
    by: str | None = None


_LATE = "Sent late: it was so on"

Outgoing: TypeAlias = OutboxEntry | PaymentOrder
"""Anything that a decision puts into the outbox."""


class Pending(Struct, frozen=True):
    """What was read of the outbox, by kind of entry, the oldest first.

    `malformed` has the keys of damaged items. `is_cut` means that older entries were not read.
    """

    entries: list[OutboxEntry]
    orders: list[PaymentOrder]
    malformed: list[str]
    is_cut: bool = False


class Standing(Enum):
    """How an alert stands: it fires; it is over, which is yet to be announced; or it is over."""

    FIRES = "fires"
    END_IS_OWED = "end is owed"
    OVER = "over"


class Due(NamedTuple):
    """The entries to send, in order of time, and those that no longer hold."""

    entries: list[OutboxEntry]
    dropped: list[OutboxEntry]


def still_due(
    entries: Iterable[OutboxEntry],
    *,
    standing: Callable[[Notification], Standing],
    was_rejected: Callable[[OutboxEntry], bool],
    now: datetime,
) -> Due:
    """Returns what still holds: per channel, account and metric, the newest entry alone.

    Of digests, a channel gets the newest. Bad news holds while its alert fires. The end of an alert
    is due unless its channel rejected all of it; those that accepted something in its place are
    told of the end then. The oldest entry stays until something is accepted or the end is
    announced, because it tells what the channel knows. An entry that is late tells its time.

    Args:
        entries: pending entries, the oldest first.
        standing: tells how the alert of a notification stands now.
        was_rejected: tells whether the channel is known to have rejected an entry.
        now: the tick.
    """
    by_subject: dict[tuple[str, ...], list[OutboxEntry]] = defaultdict(list)
    for entry in entries:
        by_subject[_subject(entry)].append(entry)
    due: list[OutboxEntry] = []
    dropped: list[OutboxEntry] = []
    for oldest, *others in by_subject.values():
        newest = others[-1] if others else oldest
        older = (oldest, *others[:-1]) if others else ()
        taken_by = dict.fromkeys(name for entry in older for name in entry.taken_by)
        reason = newest.notification.reason
        has_begun = bool(older) and oldest.notification.reason is Reason.FIRED
        if reason is Reason.DIGEST:
            due.append(newest)
            dropped += older
        elif reason is Reason.RESOLVED and has_begun and was_rejected(oldest):
            due += (newest._replace(channel=name, covers=(*older, newest)) for name in taken_by)
            dropped += () if taken_by else (*older, newest)
        elif (
            reason.is_bad_news
            and not _is_of_payment(newest.notification)
            and (now_stands := standing(newest.notification)) is not Standing.FIRES
        ):
            every = (*older, newest)
            dropped += every[1:] if now_stands is Standing.END_IS_OWED else every
        else:
            due.append(newest._replace(covers=older))
            dropped += older[1:]
    due.sort(key=lambda entry: entry.notification.said_at)
    return Due([_dated(entry, now) for entry in due], dropped)


def _subject(entry: OutboxEntry) -> tuple[str, ...]:
    """Returns what an entry is about: entries about one subject make each other superfluous."""
    it = entry.notification
    is_rise = it.reason is Reason.TOPPED_UP
    own = it.alert_id if _is_of_payment(it) else ""
    return entry.channel, it.account, it.metric, str(is_rise), own


def _is_of_payment(notification: Notification) -> bool:
    """Tells whether it is about a payment: each is about money, so none replaces another."""
    return notification.metric is Metric.TOP_UP


def _dated(entry: OutboxEntry, now: datetime) -> OutboxEntry:
    """Returns an entry that tells its time, if it is sent later than it was said."""
    it = entry.notification
    return entry if it.said_at >= now else entry._replace(notification=_late(it))


def _late(notification: Notification) -> Notification:
    """Returns a notification that tells its time."""
    it = notification
    if it.detail.startswith(_LATE):
        return it
    detail = f"{_LATE} {format_time(it.said_at)}. {it.detail}"
    return replace(it, detail=detail.rstrip())


Mentions = Mapping[str, tuple[str, ...]]
"""Whom the routes that chose a channel mention in it."""


def entries_for(
    notification: Notification,
    channels: tuple[str, ...],
    mentions: Mentions = MappingProxyType({}),
) -> tuple[OutboxEntry, ...]:
    """Returns the outbox entries of a notification, one for each channel.

    Args:
        notification: what is announced.
        channels: the channels that get it.
        mentions: who is mentioned in which of them, if it is news of a problem.
    """
    if not notification.reason.is_bad_news:
        mentions = {}
    return tuple(
        OutboxEntry(replace(notification, mentions=mentions.get(channel, ())), channel, channels)
        for channel in channels
    )
