"""When digests are due, and which of them are told."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from msgspec import Struct

_DAY = timedelta(days=1)
_A_WEEK_AND_MORE = 9
"""Days that hold one of each weekday in whatever time zone."""


class DigestMark(Struct, frozen=True):
    """Up to which time digests are told, and when the latest one was decided.

    A time of the policy is due if it is after `until`. `told_at` is None before the first digest.
    """

    until: datetime
    told_at: datetime | None = None


class DigestSpan(NamedTuple):
    """The digest that a tick owes: for which time of the policy, and since when it tells."""

    at: datetime
    since: datetime


class DigestPlan(Struct, frozen=True):
    """The times of digests: a local time of `zone` on certain weekdays (0 is Monday).

    `channels` is empty if they go where the alerts go that match no route.
    """

    at: time
    days: frozenset[int]
    zone: tzinfo
    channels: tuple[str, ...] = ()

    def latest(self, now: datetime) -> datetime:
        """Returns the latest of these times that is not after `now`, in UTC.

        There is one on each date. A local time that does not exist, as clocks are put forward, is
        taken by the offset before that; of one that exists twice, the first counts (PEP 495).
        """
        today = now.astimezone(self.zone).date() + _DAY
        dates = (today - number * _DAY for number in range(_A_WEEK_AND_MORE))
        times = (
            datetime.combine(date, self.at, self.zone).astimezone(UTC)
            for date in dates
            if date.weekday() in self.days
        )
        return max(at for at in times if at <= now)

    def before(self, at: datetime) -> datetime:
        """Returns the latest of these times before one of them."""
        return self.latest(at - timedelta.resolution)

    def due(self, mark: DigestMark, now: datetime) -> datetime | None:
        """Returns the time that a digest is due for; None if it is told already."""
        latest = self.latest(now)
        return latest if latest > mark.until else None
