"""What was spent and topped up on each day of UTC: exact, unlike the estimates of a pace.

Between two readings the balance moves by what was topped up less what was spent, so over any days
of an account the two add up to the difference of its balance. Three things are neither: a quota
that begins anew, another unit or purse, and credit that expires.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import NamedTuple

from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import TopUpSeen

_NOTHING = Decimal(0)


class DailyUse(NamedTuple):
    """What an account used on one day, in one unit.

    Attributes:
        currency: the unit; empty if none is known yet.
        balance: at the end of the day; None: nothing was read on that day, and so with the others.
        spent: less than 0 if more was taken back than spent: a reading of a day before was wrong.
    """

    day: date
    currency: str
    balance: Decimal | None = None
    spent: Decimal | None = None
    topped_up: Decimal | None = None


class Use(NamedTuple):
    """What was used from one reading to the next."""

    at: datetime
    currency: str
    spent: Decimal
    topped_up: Decimal


def uses(
    readings: Sequence[Reading], *, is_quota: bool = False, anew: Collection[datetime] = ()
) -> Iterator[Use]:
    """Yields what was used between each two readings in a row.

    Args:
        readings: the readings, the oldest first.
        is_quota: the balance resets by itself, so that no rise is a top-up.
        anew: when the account was another balance than before.
    """
    rises = {it.at: it for it in past_top_ups(readings)}
    for before, after in pairwise(readings):
        at = after.observed_at
        if before.currency.casefold() == after.currency.casefold() and at not in anew:
            spent, topped_up = _between(before, after, rises.get(at), is_quota=is_quota)
            yield Use(at, after.currency, spent, topped_up)


def _between(
    before: Reading, after: Reading, rise: TopUpSeen | None, *, is_quota: bool
) -> tuple[Decimal, Decimal]:
    """Returns what was spent and topped up from one reading to the next."""
    old, new = before.estimate, after.estimate
    with localcontext(prec=CALCULATION_DIGITS):
        if old is not None and new is not None:
            if old.since == new.since:
                bought = _NOTHING if is_quota else max(_NOTHING, new.bought - old.bought)
                return new.cost - old.cost, bought
            return (new.cost if is_quota and new.since > old.since else _NOTHING), _NOTHING
        difference = after.balance - before.balance
        if rise is None:
            return -difference, _NOTHING
        if is_quota:
            return _NOTHING, _NOTHING
        topped_up = rise.after - rise.before
        return topped_up - difference, topped_up


def daily_use(
    readings: Sequence[Reading],
    first: date,
    last: date,
    *,
    is_quota: bool = False,
    anew: Collection[datetime] = (),
) -> tuple[DailyUse, ...]:
    """Returns a row for each day, or for each unit of a day on which the unit changed.

    What was used between two readings counts for the day of the later one.

    Args:
        readings: the readings, the oldest first; some before the first day tell what it began with.
        first: the first day.
        last: the last day.
        is_quota: as `uses` has it.
        anew: as `uses` has it.
    """
    found: dict[date, dict[str, DailyUse]] = {}
    for reading in readings:
        day, unit = reading.observed_at.date(), reading.currency
        row = DailyUse(day, unit, reading.balance, _NOTHING, _NOTHING)
        # The latest unit of a day stands last.
        found.setdefault(day, {}).pop(unit, None)
        found[day][unit] = row
    with localcontext(prec=CALCULATION_DIGITS):
        for at, unit, spent, topped_up in uses(readings, is_quota=is_quota, anew=anew):
            row = found[at.date()][unit]
            found[at.date()][unit] = row._replace(
                spent=(row.spent or _NOTHING) + spent,
                topped_up=(row.topped_up or _NOTHING) + topped_up,
            )
    unit = next((it.currency for it in reversed(readings) if it.observed_at.date() < first), "")
    unit = unit or (readings[0].currency if readings else "")
    rows: list[DailyUse] = []
    for day in days_between(first, last):
        rows += found.get(day, {}).values() or [DailyUse(day, unit)]
        unit = rows[-1].currency
    return tuple(rows)


def days_between(first: date, last: date) -> list[date]:
    """Returns every day from the first to the last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
