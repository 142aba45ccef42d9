"""What was spent and topped up on each day of UTC: exact, unlike the estimates of a pace.

Between two readings the balance moves by what was topped up less what was spent, so over any days
of an account the two add up to the difference of its balance. Three things are neither: a quota
that begins anew, another unit or purse, and credit that expires.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from itertools import pairwise
from typing import NamedTuple

from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import TopUpSeen

_NOTHING = Decimal(0)
_EXACT = Context(prec=CALCULATION_DIGITS)


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
    readings: Sequence[Reading],
    rises: Iterable[TopUpSeen],
    *,
    is_quota: bool = False,
    anew: Collection[datetime] = (),
) -> Iterator[Use]:
    """Yields what was used between each two readings in a row.

    Args:
        readings: the readings, the oldest first.
        rises: the top-ups among them, as `past_top_ups` finds them.
        is_quota: the balance resets by itself, so that no rise is a top-up.
        anew: when the account was another balance than before.
    """
    found = {it.at: it for it in rises}
    for before, after in pairwise(readings):
        at = after.observed_at
        if before.currency.casefold() == after.currency.casefold() and at not in anew:
            spent, topped_up = _between(before, after, found.get(at), is_quota=is_quota)
            yield Use(at, after.currency, spent, topped_up)


def _between(
    before: Reading, after: Reading, rise: TopUpSeen | None, *, is_quota: bool
) -> tuple[Decimal, Decimal]:
    """Returns what was spent and topped up from one reading to the next."""
    old, new = before.estimate, after.estimate
    if old is not None and new is not None:
        if old.since != new.since:
            return (new.cost if is_quota and new.since > old.since else _NOTHING), _NOTHING
        bought = _EXACT.subtract(new.bought, old.bought)
        return _EXACT.subtract(new.cost, old.cost), _NOTHING if is_quota else max(_NOTHING, bought)
    if rise is None:
        return _EXACT.subtract(before.balance, after.balance), _NOTHING
    if is_quota:
        return _NOTHING, _NOTHING
    topped_up = _EXACT.subtract(rise.after, rise.before)
    return _EXACT.subtract(topped_up, _EXACT.subtract(after.balance, before.balance)), topped_up


def daily_use(
    readings: Sequence[Reading],
    first: date,
    last: date,
    rises: Iterable[TopUpSeen],
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
        rises: as `uses` has it.
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
    sums: dict[tuple[date, str], tuple[Decimal, Decimal]] = {}
    for at, unit, spent, topped_up in uses(readings, rises, is_quota=is_quota, anew=anew):
        before = sums.get((at.date(), unit), (_NOTHING, _NOTHING))
        sums[at.date(), unit] = _EXACT.add(before[0], spent), _EXACT.add(before[1], topped_up)
    for (day, unit), used in sums.items():
        spent, topped_up = sum_of(used[:1]), sum_of(used[1:])
        found[day][unit] = found[day][unit]._replace(spent=spent, topped_up=topped_up)
    unit = next((it.currency for it in reversed(readings) if it.observed_at.date() < first), "")
    unit = unit or (readings[0].currency if readings else "")
    rows: list[DailyUse] = []
    for day in days_between(first, last):
        rows += found.get(day, {}).values() or [DailyUse(day, unit)]
        unit = rows[-1].currency
    return tuple(rows)


def sum_of(amounts: Iterable[Decimal]) -> Decimal:
    """Returns the sum, exactly, without zeros at its end, as amounts are stored."""
    found = _NOTHING
    for amount in amounts:
        found = _EXACT.add(found, amount)
    return found.normalize(_EXACT) if found else _NOTHING


def days_between(first: date, last: date) -> list[date]:
    """Returns every day from the first to the last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
