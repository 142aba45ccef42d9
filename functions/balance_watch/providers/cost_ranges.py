"""Which ranges of days a provider is asked for, and how their times are written."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from balance_watch.domain.credit import Budget, Credit, midnight
from balance_watch.domain.formatting import iso_time
from balance_watch.providers.cost_spec import CostSpec

_DAY = timedelta(days=1)
_SHORTEST = timedelta(seconds=1)
"""What is asked for in the moment in which a day begins: providers reject a range of no time."""


class CostRange(NamedTuple):
    """Days of UTC to ask for: from `start` up to `end`, which is not among them."""

    start: date
    end: date


def settled_until(cost: CostSpec, now: datetime) -> date:
    """Returns the day from which on costs still come in: yesterday, or the first of its month."""
    yesterday = now.date() - _DAY
    return yesterday.replace(day=1) if cost.by_month else yesterday


def ranges(
    cost: CostSpec, declared: Credit | Budget, whole: CostRange, settled_until: date
) -> Iterator[CostRange]:
    """Yields the ranges that a request each asks for, the earliest first.

    Where a reply does not tell the day of a cost, a range ends where it matters to which side of a
    day a cost belongs: what is settled and, if anything expires, what was paid for or expired then.
    """
    cuts = set[date]()
    if cost.by_month:
        whole = CostRange(whole.start.replace(day=1), whole.end)
    elif cost.at is None:
        cuts.add(settled_until)
        purchases = declared.purchases if isinstance(declared, Credit) else ()
        ends = [it.expires_at for it in purchases if it.expires_at is not None]
        if ends:
            cuts.update(it.paid_at.date() for it in purchases)
            cuts.update((end - timedelta(microseconds=1)).date() + _DAY for end in ends)
    start = whole.start
    while start < whole.end:
        longest = start + cost.days * _DAY
        if cost.by_month:
            longest = (start.replace(day=1) + 31 * _DAY).replace(day=1)
        inside = (cut for cut in cuts if start < cut < longest)
        end = min((*inside, longest, whole.end))
        yield CostRange(start, end)
        start = end


def times_of(cost: CostSpec, part: CostRange, now: datetime) -> Mapping[str, str]:
    """Returns what the names of `RANGE_NAMES` stand for."""
    since, until = midnight(part.start), midnight(part.end)
    if cost.until == "now":
        until = min(until, max(now, since + _SHORTEST))
    last = part.end - _DAY
    return {
        "since": _written(cost, since),
        "until": _written(cost, until),
        "last": f"{last:%Y-%m-%d}",
        "month": f"{part.start:%Y-%m}",
        "year": f"{part.start:%Y}",
        "month_of_year": f"{part.start.month}",
    }


def _written(cost: CostSpec, at: datetime) -> str:
    """Returns a time in the form that the provider expects."""
    match cost.times:
        case "unix":
            return str(int(at.timestamp()))
        case "date":
            return f"{at:%Y-%m-%d}"
        case "text":
            return f"{at:%Y-%m-%d %H:%M:%S}"
    return iso_time(at)
