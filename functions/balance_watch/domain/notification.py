"""What is said: one notification, why, and the channels it is owed to."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from balance_watch.domain.rules import Metric, Severity

_ALERT_IDS = uuid.UUID("6a3c7f0e-52a0-5a0e-9f0b-3f2a8a0f5b11")

Routing = Callable[[Mapping[str, str]], tuple[str, ...]]
"""From the facts of an alert to the channels it goes to."""


class Reason(StrEnum):
    """Why something is said. The words are sent: do not rename."""

    FIRED = "fired"
    WORSENED = "worsened"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    TOPPED_UP = "topped_up"


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to say, complete in itself: whoever renders it needs nothing else.

    `detail` is a line for people; `trend` is the last day, oldest first, in `currency`; `per_day`
    is how much of that is spent, and `runway` how long the balance lasts at this rate; `link` is
    where the account is topped up; `ended_at` is when it was over, if that was before it is said.
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

    @property
    def lasted(self) -> timedelta:
        """How long it has lasted, to its end or until it is said."""
        return (self.ended_at or self.said_at) - self.since


def alert_id(account: str, metric: Metric, reason: Reason, said_at: datetime) -> str:
    """Returns the id that every copy of one notification carries, however often it is decided."""
    return str(uuid.uuid5(_ALERT_IDS, f"{account}\n{metric}\n{reason}\n{said_at.isoformat()}"))


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one message: the notifications in it that were accepted, and those not.

    `gone`: the channel answered that it is gone for good, so nothing more needs to be tried.
    """

    accepted: tuple[Notification, ...] = ()
    rejected: tuple[Notification, ...] = ()
    why: str = ""
    permanent: bool = False


def gravest_first(notification: Notification) -> tuple[bool, int, datetime, str]:
    """The order in which people read: what is wrong before what is well again, gravest first."""
    well = notification.reason in (Reason.RESOLVED, Reason.TOPPED_UP)
    return well, notification.severity.rank, notification.said_at, notification.account
