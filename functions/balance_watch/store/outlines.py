"""What a report needs of a history, without a reading for each that was stored: pure.

A month of checks every five minutes is 8,640 readings. Where a balance only falls, a few of a day
tell the same: what was spent between two of them is their difference.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import inf
from operator import sub
from typing import Any, NamedTuple

from balance_watch.domain.money import exact
from balance_watch.domain.reading import Reading
from balance_watch.store.items import MALFORMED_ITEM, seconds_of
from balance_watch.store.packs import gap_from_text, latest_alone
from balance_watch.store.readings import reading_time

Pack = Mapping[str, Any]
"""An item of the history as DynamoDB's API has it, which is not deserialized yet."""

Read = Callable[[Pack], Sequence[Reading]]
"""Returns the readings of an item, the oldest first; none of those that are malformed."""

_LINE = re.compile(r"^([0-9]+s?):(-?[0-9.]+(?:E[+-]?[0-9]+)?)?(?::(.*))?$", re.MULTILINE | re.ASCII)
_COSTS = re.compile(r'"costs":([^,}]*)')

_HOUR = 3600
_STANDS_FOR, _STANDS_FROM, _STANDS_BY = 8, 4 * _HOUR, 12 * _HOUR
"""A fall that stood for so many periods of the schedule, within these bounds, is not taken back by
a rise (domain/changes.py)."""
_PERIOD_OF = 6
"""So many readings tell the period."""

_DAY = 86400


class Outline(NamedTuple):
    """What a report needs of a history, the oldest first.

    Attributes:
        readings: those that tell what was spent and topped up, as all of them do.
        times: the time of each reading, in seconds since the epoch.
    """

    readings: list[Reading]
    times: list[int]


class Detail(NamedTuple):
    """How much of a history an outline has.

    Attributes:
        step: what only falls has a reading in so much time, and one at the end of each day of UTC.
        whole_since: from when on there is every reading.
        anew: when the account was another balance than before. What is before is as before a rise.
    """

    step: timedelta
    whole_since: datetime
    anew: Iterable[datetime] = ()


class _Sketch(NamedTuple):
    """The times of a pack, in seconds, and its balances, the oldest first.

    `kind` is what two readings have in common of which only the difference counts: the unit, and
    where the provider tells costs, since when they count and what was bought. `is_plain` says that
    nothing but the balance changes.
    """

    item: Pack
    times: list[int]
    balances: list[Decimal]
    kind: tuple[str, ...]
    is_plain: bool

    @property
    def has_costs(self) -> bool:
        return len(self.kind) > 1

    def rises_after(self, before: "_Sketch") -> bool:
        """Tells whether the balance rises within the pack or since the one before, or might."""
        if before.kind != self.kind:
            return True
        # Costs tell what was spent, whatever the balance does.
        if self.has_costs:
            return False
        return before.balances[-1] < self.balances[0] or self.balances != sorted(
            self.balances, reverse=True
        )


def outline_of(items: Iterable[Pack], detail: Detail, read: Read) -> Outline:
    """Returns the outline of the items of a history, which are in order.

    It has every reading of some hours before a rise, since a fall in it may tell whether that was a
    top-up; and of each item that is not as usual.
    """
    packs = [(item, _sketch_of(item)) for item in items]
    breaks = {seconds_of(at) for at in detail.anew}
    step, whole_since = detail.step.total_seconds(), seconds_of(detail.whole_since)
    parts: list[Sequence[Reading]] = []
    times: list[int] = []
    rises_at = kept_at = next_at = inf
    needed = _STANDS_BY + _HOUR
    is_before_a_rise = True
    befores = [None, *(sketch for _, sketch in packs)]
    for before, (item, it) in reversed([*zip(befores, packs, strict=False)]):
        if it is None:
            own = read(item)
            own_times = [seconds_of(each.observed_at) for each in own]
            rises_at, is_whole = own_times[-1] if own else rises_at, True
            needed = _STANDS_BY + _HOUR
        else:
            own_times, last = it.times, it.times[-1]
            rises = before is None or it.rises_after(before) or not breaks.isdisjoint(own_times)
            if rises:
                rises_at, needed = last, _needed_before(before, it)
            is_whole = is_before_a_rise or rises_at - last < needed or last >= whole_since
            is_whole = is_whole or (it.times[0] // _DAY != last // _DAY and not it.is_plain)
            if is_whole:
                own = read(item)
            elif kept_at - last >= step or last // _DAY != next_at // _DAY:
                own = read(latest_alone(item))
            else:
                own = ()
            if not is_whole and it.times[0] // _DAY != last // _DAY:
                own = [*_day_ends(it, read), *own]
        is_before_a_rise = is_whole and rises_at in own_times[-1:]
        kept_at = own_times[-1] if own else kept_at
        next_at = own_times[0] if own_times else next_at
        parts.append(own)
        times += own_times
    return Outline([each for own in reversed(parts) for each in own], sorted(times))


def _needed_before(before: _Sketch | None, pack: _Sketch) -> int:
    """Returns how many seconds before the end of a pack matter to a rise in it.

    Those are the hour that it is in, and as long as a fall may stand and be taken back.
    """
    if before is None or len(before.times) < _PERIOD_OF:
        return _STANDS_BY + _HOUR
    times = [*before.times, *pack.times]
    period: int = max(map(sub, times[1:], times))
    return min(_STANDS_BY, max(_STANDS_FROM, _STANDS_FOR * period)) + _HOUR


def _day_ends(pack: _Sketch, read: Read) -> Iterator[Reading]:
    """Yields the latest reading of each day of UTC but the last, of a plain pack."""
    for latest in read(latest_alone(pack.item)):
        for index, (at, later) in enumerate(pairwise(pack.times)):
            if at // _DAY != later // _DAY:
                observed_at, balance = datetime.fromtimestamp(at, UTC), pack.balances[index]
                yield replace(latest, observed_at=observed_at, balance=exact(balance))


def _sketch_of(item: Pack) -> _Sketch | None:
    """Returns the sketch of an item; None: it is malformed, or changes in what counts."""
    try:
        at, balance = seconds_of(reading_time(item["sk"]["S"])), Decimal(item["bal"]["N"])
        kind = _kind_of(item)
        text = item["earlier"]["S"] if "earlier" in item else ""
        if not text:
            return _Sketch(item, [at], [balance], kind, is_plain=True)
        lines = _LINE.findall(text)
        if len(lines) != text.count("\n") + 1:
            return None
        gaps, numbers, changes = zip(*lines, strict=True)
        is_plain = not any(changes)
        if not is_plain and _counts(text, kind):
            return None
        times, balances = [at], [balance]
        for gap in map(gap_from_text, gaps):
            at -= gap
            times.append(at)
        for number in numbers:
            balance = Decimal(number) if number else balance
            balances.append(balance)
    except MALFORMED_ITEM:
        return None
    times.reverse()
    balances.reverse()
    return _Sketch(item, times, balances, kind, is_plain)


def _kind_of(item: Pack) -> tuple[str, ...]:
    unit = f"{item['cur']['S']} {item.get('renews')}"
    if "costs" not in item:
        return (unit,)
    since, _, bought = item["costs"]["S"].split(" ")
    return unit, since, bought


def _counts(changes: str, kind: tuple[str, ...]) -> bool:
    """Tells whether changes of a reading are of what its kind is made of, or might be."""
    if '"cur":' in changes or '"renews":' in changes:
        return True
    for text in _COSTS.findall(changes):
        since, _, bought = text.strip('"').split(" ")
        if kind[1:] != (since, bought):
            return True
    return False
