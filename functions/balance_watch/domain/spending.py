"""How fast a balance is spent and how long it lasts: estimates, never exact amounts.

Rates are per day, in the account's own unit, with six significant digits. A rise by a twentieth or
more of the balance is a top-up: the time between those two readings counts neither as spending nor
as observed time. A smaller rise may be the provider's correction. It takes back at most the fall
just before it, so a small top-up hides the spending between two readings and no more.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from itertools import pairwise
from typing import NamedTuple

from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.trend import Sample

WEEK = 7
"""How many past days are kept, besides the current one."""

ENOUGH = timedelta(hours=12)
"""A rate is known only once this much time is observed: half a day and its night."""

ENOUGH_DAYS = 3
"""The usual rate is known only once this many past days are observed."""

LONGEST = timedelta(days=3650)
"""The runway of ten years or more, and of a balance that is not being spent."""

_TOP_UP_SHARE = Decimal("0.05")
_ESTIMATE = Context(prec=6)
_KEPT = Context(prec=12)
_SECONDS_PER_DAY = Decimal(86400)


class Day(NamedTuple):
    """What was spent on one day (UTC), and how much of the day was observed.

    `fell` is how much the balance fell at the latest reading: a rise by as much may correct it.
    """

    day: date
    spent: Decimal
    covered: timedelta
    fell: Decimal = Decimal(0)

    @property
    def rate(self) -> Decimal:
        """Returns the spending per day."""
        return _rate(self.spent, self.covered)


class Pace(NamedTuple):
    """How fast an account is spent. None: too little is known yet.

    Attributes:
        per_day: the higher of the last day's and the last week's rate. The day shows a leap at
            once, and the week is not misled by a quiet Sunday.
        today: the rate of the last 24 hours alone.
        usual: the median rate of the past days.
    """

    per_day: Decimal | None = None
    today: Decimal | None = None
    usual: Decimal | None = None

    def lasts(self, balance: Decimal) -> timedelta | None:
        """Returns how long a balance lasts at this pace, at most `LONGEST`."""
        if balance <= 0:
            return timedelta()
        if self.per_day is None:
            return None
        if not self.per_day:
            return LONGEST
        days = _KEPT.divide(balance, self.per_day)
        return (
            LONGEST if days >= LONGEST.days else timedelta(seconds=round(days * _SECONDS_PER_DAY))
        )


def add_spending(days: tuple[Day, ...], before: Sample, after: Sample) -> tuple[Day, ...]:
    """Adds the change between two readings to the days, and drops days older than a week.

    A change that spans several days counts for the last of them: the rate is right, the day is not.
    """
    date_now = after.at.date()
    past = tuple(
        day._replace(spent=_ESTIMATE.plus(day.spent), fell=Decimal(0))
        for day in days
        if day.day < date_now and (date_now - day.day).days <= WEEK
    )
    today = next(
        (day for day in days if day.day == date_now), Day(date_now, Decimal(0), timedelta())
    )
    fell_before = days[-1].fell if days else Decimal(0)
    spans = list(_spans((before, after), fell_before))
    for spent, covered in spans:
        today = Day(date_now, _KEPT.add(today.spent, spent), today.covered + covered)
    fell = max((spent for spent, _ in spans), default=Decimal(0))
    return (*past, today._replace(fell=max(fell, Decimal(0))))


def pace(trend: tuple[Sample, ...], days: tuple[Day, ...], now: datetime) -> Pace:
    """Returns how fast the account is spent, from its trend and from the days of the last week."""
    today = _known_rate(_spans(trend))
    week = _known_rate((day.spent, day.covered) for day in days)
    past_rates = sorted(day.rate for day in days if day.day < now.date() and day.covered >= ENOUGH)
    usual = None
    if len(past_rates) >= ENOUGH_DAYS:
        # The lower median. The statistics module would cost 13 ms at every start.
        usual = _ESTIMATE.plus(past_rates[(len(past_rates) - 1) // 2])
    per_day = max((rate for rate in (today, week) if rate is not None), default=None)
    return Pace(per_day, today, usual)


def is_top_up(before: Decimal, after: Decimal) -> bool:
    """Tells whether a balance rose so much, and to more than 0, that it was topped up."""
    with localcontext(prec=CALCULATION_DIGITS):
        return after > max(before, Decimal(0)) and after - before >= abs(before) * _TOP_UP_SHARE


def _spans(
    samples: Iterable[Sample], fell: Decimal = Decimal(0)
) -> Iterator[tuple[Decimal, timedelta]]:
    """Yields what was spent between each two samples and the time between them, without top-ups.

    `fell` is what was spent just before the first sample.
    """
    for before, after in pairwise(samples):
        if after.at <= before.at:
            continue
        if is_top_up(before.balance, after.balance):
            fell = Decimal(0)
            continue
        spent = max(_KEPT.subtract(before.balance, after.balance), -fell)
        fell = max(spent, Decimal(0))
        yield spent, after.at - before.at


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
