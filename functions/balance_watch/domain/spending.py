"""How fast a balance is spent, and how long it lasts: estimates, never amounts that are owed.

Rates are per day, in the account's own unit, of six significant digits. A rise of a twentieth or
more of the balance is a top-up: the time in which it happened counts neither as spending nor as
time. A smaller one may be a correction of the provider's, and takes back the fall just before it,
at most: a small top-up hides the spending of one look and no more.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from itertools import pairwise
from typing import NamedTuple

from balance_watch.domain.trend import Sample

WEEK = 7
"""Days that are looked back upon, besides the current one."""

ENOUGH = timedelta(hours=12)
"""So much time has to be covered before a rate is told: half a day and its night."""

ENOUGH_DAYS = 3
"""So many days make a usual one."""

LONGEST = timedelta(days=3650)
"""Stands for a runway of ten years or more, and for that of a balance that is not spent."""

_TOP_UP = Decimal("0.05")
_ESTIMATE = Context(prec=6)
_KEPT = Context(prec=12)
_ROOM = 200
_SECONDS = Decimal(86400)
"""A day's."""


class Day(NamedTuple):
    """What was spent on one day (UTC), and how much time of looks that is known from.

    `fell` is what the latest look fell by: so much of a rise after it may be a correction.
    """

    day: date
    spent: Decimal
    covered: timedelta
    fell: Decimal = Decimal(0)

    @property
    def rate(self) -> Decimal:
        """Spent per day."""
        return _rate(self.spent, self.covered)


class Pace(NamedTuple):
    """How fast an account is spent. None: too little is known yet.

    `per_day` is the rate of the last day or of the last week, whichever is higher: the day sees a
    leap at once, the week is not lulled by a quiet Sunday. `today` is the last day's alone, `usual`
    the median of the days before.
    """

    per_day: Decimal | None = None
    today: Decimal | None = None
    usual: Decimal | None = None

    def lasts(self, balance: Decimal) -> timedelta | None:
        """Returns how long a balance lasts at this pace, `LONGEST` at most."""
        if balance <= 0:
            return timedelta()
        if self.per_day is None:
            return None
        if not self.per_day:
            return LONGEST
        days = _KEPT.divide(balance, self.per_day)
        return LONGEST if days >= LONGEST.days else timedelta(seconds=round(days * _SECONDS))


def added(days: tuple[Day, ...], before: Sample, after: Sample) -> tuple[Day, ...]:
    """Returns the days with what happened between two looks, and without those of over a week ago.

    Time that spans several days counts to the last of them: the rate is right, the day is not.
    """
    today = after.at.date()
    kept = tuple(
        each._replace(spent=_ESTIMATE.plus(each.spent), fell=Decimal(0))
        for each in days
        if each.day < today and (today - each.day).days <= WEEK
    )
    so_far = next((each for each in days if each.day == today), Day(today, Decimal(0), timedelta()))
    fell = days[-1].fell if days else Decimal(0)
    spans = list(_spans((before, after), fell))
    for spent, covered in spans:
        so_far = Day(today, _KEPT.add(so_far.spent, spent), so_far.covered + covered)
    fell = max((spent for spent, _ in spans), default=Decimal(0))
    return (*kept, so_far._replace(fell=max(fell, Decimal(0))))


def pace(window: tuple[Sample, ...], days: tuple[Day, ...], now: datetime) -> Pace:
    """Returns how fast is spent, from the last day's samples and the week's days."""
    today = _known(_spans(window))
    week = _known((each.spent, each.covered) for each in days)
    past = sorted(each.rate for each in days if each.day < now.date() and each.covered >= ENOUGH)
    return Pace(
        per_day=max((rate for rate in (today, week) if rate is not None), default=None),
        today=today,
        # Not by statistics, which costs a start 13 ms: of two in the middle, the calmer one.
        usual=_ESTIMATE.plus(past[(len(past) - 1) // 2]) if len(past) >= ENOUGH_DAYS else None,
    )


def is_top_up(before: Decimal, after: Decimal) -> bool:
    """Whether a balance rose by so much, to something, that money was paid in."""
    with localcontext(prec=_ROOM):
        return after > max(before, Decimal(0)) and after - before >= abs(before) * _TOP_UP


def _spans(
    samples: Iterable[Sample], fell: Decimal = Decimal(0)
) -> Iterator[tuple[Decimal, timedelta]]:
    """Yields what was spent between two samples, and the time between them; no top-ups.

    `fell` is what was spent just before the first.
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


def _known(spans: Iterable[tuple[Decimal, timedelta]]) -> Decimal | None:
    spent, covered = Decimal(0), timedelta()
    for one, time in spans:
        spent, covered = _KEPT.add(spent, one), covered + time
    return _rate(spent, covered) if covered >= ENOUGH else None


def _rate(spent: Decimal, covered: timedelta) -> Decimal:
    if spent <= 0 or not covered:
        return Decimal(0)
    seconds = Decimal(int(covered.total_seconds()))
    return _ESTIMATE.divide(_KEPT.multiply(spent, _SECONDS), seconds).normalize(_ESTIMATE)
