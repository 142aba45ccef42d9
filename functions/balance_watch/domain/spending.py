"""How fast a balance is spent and how long it lasts: estimates, never exact amounts.

Rates are per day, in the account's own unit, with six significant digits.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Context, Decimal

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.changes import Change
from balance_watch.domain.credit import midnight
from balance_watch.domain.forecast import LONGEST, lasts
from balance_watch.domain.trend import Sample
from balance_watch.domain.use_profile import NO_PROFILE, Profile

WEEK = 7
"""How many past days are kept, besides the current one."""

ENOUGH = timedelta(hours=12)
"""A rate is known only once this much time is observed: half a day and its night."""

ENOUGH_DAYS = 3
"""The usual rate is known only once this many past days are observed."""

_ESTIMATE = Context(prec=6)
_KEPT = Context(prec=12)
_SECONDS_PER_DAY = Decimal(86400)
_ONE_DAY = timedelta(days=1)


class Day(Struct, frozen=True):
    """What was spent on one day (UTC), and how much of the day was observed."""

    day: date
    spent: Decimal
    covered: timedelta

    @property
    def rate(self) -> Decimal:
        """Returns the spending per day."""
        return _rate(self.spent, self.covered)


class Pace(Struct, frozen=True):
    """How fast an account is spent. None: too little is known yet.

    Attributes:
        per_day: the higher of the last day's and the last week's rate. The day shows a leap at
            once, and the week is not misled by a quiet Sunday.
        today: the rate of the last 24 hours alone.
        usual: the median rate of the past days.
        profile: what is used in each hour of the week.
        at: when all of this was so.
    """

    per_day: Decimal | None = None
    today: Decimal | None = None
    usual: Decimal | None = None
    profile: Profile = NO_PROFILE
    at: datetime | None = None

    def lasts(self, balance: Decimal, since: datetime | None = None) -> timedelta | None:
        """Returns how long a balance lasts, at most `LONGEST`: by the profile, or at `per_day`.

        Args:
            balance: what can be spent.
            since: when it was read: what has been spent since then is gone.
        """
        span = self._lasts(balance)
        if span is None or span >= LONGEST or since is None or self.at is None:
            return span
        return max(timedelta(), span - (self.at - since))

    def _lasts(self, balance: Decimal) -> timedelta | None:
        if balance <= 0:
            return timedelta()
        forecast = None if self.at is None else lasts(self.profile, balance, self.at)
        if forecast is not None:
            return forecast
        if self.per_day is None:
            return None
        if not self.per_day:
            return LONGEST
        days = _KEPT.divide(balance, self.per_day)
        return (
            LONGEST if days >= LONGEST.days else timedelta(seconds=round(days * _SECONDS_PER_DAY))
        )


def add_spending(days: tuple[Day, ...], change: Change, now: datetime) -> tuple[Day, ...]:
    """Adds a change to the days, and drops days older than a week.

    A change that spans several days counts for the last of them: the rate is right, the day is not.
    """
    date_now = now.date()
    past = tuple(
        replace(day, spent=_ESTIMATE.plus(day.spent))
        for day in days
        if day.day < date_now and (date_now - day.day).days <= WEEK
    )
    today = next(
        (day for day in days if day.day == date_now), Day(date_now, Decimal(0), timedelta())
    )
    spent, covered = _KEPT.add(today.spent, change.spent), today.covered + change.covered
    return (*past, Day(date_now, spent, covered))


def pace(
    trend: tuple[Sample, ...], days: tuple[Day, ...], now: datetime, profile: Profile = NO_PROFILE
) -> Pace:
    """Returns how fast the account is spent, from its trend and from the days of the last week."""
    today = _known_rate((sample.spent, sample.covered) for sample in trend[1:])
    week = _known_rate((day.spent, day.covered) for day in days)
    past_rates = sorted(day.rate for day in days if day.day < now.date() and day.covered >= ENOUGH)
    usual = None
    if len(past_rates) >= ENOUGH_DAYS:
        # The lower median. The statistics module would cost 13 ms at every start.
        usual = _ESTIMATE.plus(past_rates[(len(past_rates) - 1) // 2])
    per_day = max((rate for rate in (today, week) if rate is not None), default=None)
    return Pace(per_day, today, usual, profile, now)


def spent_since(
    trend: tuple[Sample, ...], days: tuple[Day, ...], since: datetime
) -> Decimal | None:
    """Returns about what was spent since a time: by the hours of the last day, or by days of UTC.

    A part of the hour or the day that the time is in counts, as if it was spent evenly. Only the
    last week is remembered. None: nothing is known.

    Args:
        trend: the samples up to now.
        days: the days up to now.
        since: the time.
    """
    if not trend:
        return None
    if trend[0].at - trend[0].covered <= since:
        spans = [(it.at, it.spent, it.covered) for it in trend]
    else:
        spans = [(midnight(it.day) + _ONE_DAY, it.spent, it.covered) for it in days]
    spent = Decimal(0)
    for end, amount, covered in spans:
        if end > since:
            spent = _KEPT.add(spent, _part_of(amount, covered, end - since))
    return max(Decimal(0), spent)


def _part_of(amount: Decimal, covered: timedelta, left: timedelta) -> Decimal:
    """Returns which part of an amount falls into the last part of the time that it covers."""
    if covered <= left:
        return amount
    share = _KEPT.divide(Decimal(int(left.total_seconds())), Decimal(int(covered.total_seconds())))
    return _ESTIMATE.multiply(amount, share)


def _known_rate(spans: Iterable[tuple[Decimal, timedelta]]) -> Decimal | None:
    """Returns the rate over these spans, or None if they cover too little time."""
    total_spent, total_time = Decimal(0), timedelta()
    for spent, covered in spans:
        total_spent, total_time = _KEPT.add(total_spent, spent), total_time + covered
    return _rate(total_spent, total_time) if total_time >= ENOUGH else None


def _rate(spent: Decimal, covered: timedelta) -> Decimal:
    if spent <= 0 or not covered:
        return Decimal(0)
    seconds = Decimal(int(covered.total_seconds()))
    return _ESTIMATE.divide(_KEPT.multiply(spent, _SECONDS_PER_DAY), seconds).normalize(_ESTIMATE)
