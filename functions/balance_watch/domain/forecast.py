"""How long a balance lasts, from a profile of use by hour of the week.

The forecast walks the balance forward through the week:

    spent in an hour = what the profile has for it x level of the last week + excess, which fades

The excess is what the last day spent beyond that, or fell short of it. It is expected once more in
the days to come and fades within a day: a leap counts at once, though no hour of the profile knows
it yet, and a burst does not count for ever. There is no forecast before a week is known, nor once
the use has left the profile behind: a flat rate is better then.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from math import exp, floor

from balance_watch.domain.use_profile import (
    DAY,
    SECONDS_PER_HOUR,
    WEEK,
    Profile,
    is_known,
    is_outgrown,
    scale_of,
    week_shape,
)

LONGEST = timedelta(days=3650)
"""The runway of ten years or more, and of a balance that is not being spent."""


def lasts(profile: Profile, balance: Decimal, now: datetime) -> timedelta | None:
    """Returns how long a balance lasts, `LONGEST` at most; None: a flat rate is better."""
    if balance <= 0:
        return timedelta()
    hour = int(now.timestamp()) / SECONDS_PER_HOUR
    if not is_known(profile, floor(hour)):
        return None
    shape = week_shape(profile, floor(hour))
    if is_outgrown(profile, shape) and profile.day.spent > 0:
        return None
    level, excess = scale_of(profile, shape)
    at = floor(hour) % WEEK
    due = [rate * level for rate in shape[at:] + shape[:at]]
    hours = _walked(float(balance), due, excess / DAY, hour - floor(hour))
    return min(LONGEST, timedelta(seconds=round(hours * SECONDS_PER_HOUR)))


def runs_dry_at(now: datetime, lasts: timedelta) -> datetime | None:
    """Returns when a balance is spent; None if that is ten years away or more."""
    return None if lasts >= LONGEST else now + lasts


def _walked(balance: float, due: list[float], excess: float, passed: float) -> float:
    """Returns after how many hours a balance is spent. `due` are the next 168 hours.

    Hour by hour for a week, in which the excess fades; then by whole weeks; then by hours again.
    `passed` is which part of the first hour is over.
    """
    fade, weekly = exp(-1 / DAY), sum(due)
    balance += max(0.0, due[0] + excess) * passed
    for gone, each in enumerate(due):
        rate = max(0.0, each + excess)
        if rate >= balance:
            return gone + balance / rate - passed
        balance -= rate
        excess *= fade
    weeks = balance // weekly if weekly > 0 else LONGEST.days
    if weeks >= LONGEST.days:
        return float(LONGEST.days * DAY)
    balance -= weeks * weekly
    for gone, rate in enumerate(due):
        if rate >= balance and rate > 0:
            return (weeks + 1) * WEEK + gone + balance / rate - passed
        balance -= rate
    return (weeks + 2) * WEEK - passed
