"""Notifications: one announcement each, with its reason and its id; the result of sending one."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from balance_watch.domain.account import account_facts
from balance_watch.domain.rules import Metric, Severity

if TYPE_CHECKING:
    from balance_watch.domain.digest import Digest

_ALERT_IDS = uuid.UUID("6a3c7f0e-52a0-5a0e-9f0b-3f2a8a0f5b11")

Routing = Callable[[Mapping[str, str]], tuple[str, ...]]
"""Returns the channels that an alert with these facts goes to."""

Mentioning = Callable[[Mapping[str, str]], str]
"""Returns who a message to Slack mentions for an alert with these facts; empty: nobody."""


class Reason(StrEnum):
    """Why a notification is sent. The words are sent: do not rename."""

    FIRED = "fired"
    WORSENED = "worsened"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    TOPPED_UP = "topped_up"
    DIGEST = "digest"

    @property
    def is_good_news(self) -> bool:
        """Tells whether a problem is over, or there is more than before."""
        return self in (Reason.RESOLVED, Reason.TOPPED_UP)

    @property
    def is_bad_news(self) -> bool:
        """Tells whether a problem is new, worse, or still there."""
        return self in (Reason.FIRED, Reason.WORSENED, Reason.REMINDER)


class Notification(Struct, frozen=True):
    """One announcement, complete in itself: a channel needs nothing else to render it.

    Attributes:
        said_at: the tick at which it was decided.
        ended_at: when the alert ended, which may be earlier than its announcement.
        value: the number of its metric, or a word.
        detail: sentences for people.
        trend: the balances of the last day, oldest first, in `currency`.
        per_day: how much is spent per day.
        runway: how long the balance lasts at this rate.
        link: where the account is topped up.
        another: the alert ends because the account is another balance now, in another purse or
            unit; its numbers cannot be compared with those before.
        accounts: the names of the accounts that it is about, if they are several.
        mentions: who a message to Slack mentions for it, in Slack's notation.
        digest: what it tells of all accounts, if it is a digest and no alert.
        purse: the purse of its account, if the account can be topped up.
    """

    alert_id: str
    account: str
    provider: str
    rule: str
    metric: Metric
    severity: Severity
    reason: Reason
    since: datetime
    said_at: datetime
    ended_at: datetime | None = None
    value: str | None = None
    threshold: Decimal | None = None
    currency: str | None = None
    balance: Decimal | None = None
    observed_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    trend: tuple[Decimal, ...] = ()
    per_day: Decimal | None = None
    runway: timedelta | None = None
    link: str | None = None
    another: bool = False
    accounts: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    digest: "Digest | None" = None
    purse: str | None = None

    @property
    def lasted(self) -> timedelta:
        """Returns how long the alert has lasted, until its end or until now."""
        return (self.ended_at or self.said_at) - self.since

    @property
    def facts(self) -> dict[str, str]:
        """Returns what routes, silences and mute times can match."""
        return {
            **account_facts(self.account, self.provider, self.labels),
            "metric": self.metric.value,
            "severity": self.severity.value,
            "rule": self.rule,
        }


def alert_id(
    account: str, metric: Metric, reason: Reason, said_at: datetime, order: str | None = None
) -> str:
    """Returns the id of a notification, the same in every copy and if it is decided again.

    `order` is the id of the alert that ordered a payment: several may end in one tick.
    """
    text = f"{account}\n{metric}\n{reason}\n{said_at.isoformat()}"
    return str(uuid.uuid5(_ALERT_IDS, text if order is None else f"{text}\n{order}"))


class SendResult(Struct, frozen=True):
    """The result of sending one message: the notifications in it that were accepted or rejected.

    `permanent` means that the channel failed for good, so that no retry can help; `unsure`, that it
    may have accepted what is in `rejected`, so that a retry may repeat it; `unsent`, that there was
    nothing to send for what is in `accepted`, so that it tells nothing of the channel.
    """

    accepted: tuple[Notification, ...] = ()
    rejected: tuple[Notification, ...] = ()
    why: str = ""
    permanent: bool = False
    unsure: bool = False
    unsent: bool = False


NO_TIME = "There was no time left to send."
"""Why a notification was rejected whose turn came after the deadline."""


def in_order(notification: Notification) -> tuple[datetime, bool, int, str]:
    """Returns the sort key for people: by time; at one time, problems first, the gravest first."""
    is_good = notification.reason.is_good_news
    return notification.said_at, is_good, notification.severity.rank, notification.account
