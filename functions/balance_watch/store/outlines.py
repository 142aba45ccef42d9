"""What a report needs of a history, without a reading for each that was stored: pure.

A month of checks every five minutes is 8,640 readings. What was spent between two of them is their
difference, so unless the balance was topped up, the last one of each day tells as much as all do.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate, chain, pairwise, repeat
from math import inf
from operator import ge, lt, sub
from typing import Any, NamedTuple

from balance_watch.domain.changes import has_no_top_up, may_be_top_up
from balance_watch.domain.curve import Curve
from balance_watch.domain.money import MAX_DIGITS, exact
from balance_watch.domain.reading import Reading
from balance_watch.store.items import MALFORMED_ITEM, seconds_of
from balance_watch.store.packs import gap_from_text, latest_alone
from balance_watch.store.readings import reading_time

Item = Mapping[str, Any]
"""An item of the history as DynamoDB's API has it, which is not deserialized yet."""

Read = Callable[[Item], Sequence[Reading]]
"""Returns the readings of an item, the oldest first; none of those that are malformed."""

_CHANGES = re.compile(r":\{.*")
_COSTS = re.compile(r'"costs":([^,}]*)')
_LINE = r"[1-9][0-9]*+s?+:(?:-?+[0-9]{1,12}+(?:\.[0-9]{1,24}+)?+)?+"
_LINES = re.compile(rf"{_LINE}(?:\n{_LINE})*+", re.ASCII)
"""The earlier readings of a pack, without what changes but their balances; all of them exact. It is
possessive (`+`), as no other split of a text matches: that is twice as fast."""

_HOUR, _DAY = 3600, 86400
_STANDS_FOR, _STANDS_FROM, _STANDS_BY = 8, 4 * _HOUR, 12 * _HOUR
"""A fall that stood for so many periods of the schedule, within these bounds, is not taken back by
a rise (domain/changes.py)."""
_PERIOD_OF = 6
"""So many readings tell the period."""
_MARGIN = 3 * _HOUR
"""The hour that a pack has, and more than the time in which a fall waits to be confirmed."""


class Outline(NamedTuple):
    """What a report needs of a history, the oldest first.

    Attributes:
        readings: those that tell what was spent and topped up, as all of them do.
        times: the time of each reading, in seconds since the epoch.
        curve: all balances in the latest unit.
    """

    readings: list[Reading]
    times: list[int]
    curve: Curve

    def between(self, since: datetime, until: datetime) -> "Outline":
        """Returns what is between two times, both included."""
        begin, end = seconds_of(since), seconds_of(until)
        return Outline(
            [it for it in self.readings if since <= it.observed_at <= until],
            self.times[bisect_left(self.times, begin) : bisect_right(self.times, end)],
            self.curve.until(until),
        )


class Detail(NamedTuple):
    """How much of a history an outline has.

    Attributes:
        until: the end. The latest reading up to it is there with all that was stored of it.
        replayed_since: from when on there is all that a check would have remembered: every reading,
            but of an hour in which the balance only fell, and by little, the latest one. None: that
            is not needed.
        anew: when the account was another balance than before. What is before is as before a
            top-up.
    """

    until: datetime
    replayed_since: datetime | None = None
    anew: Iterable[datetime] = ()


class _Kind(NamedTuple):
    """What two readings have in common of which only the difference counts.

    `costs` is, where the provider tells costs, since when they count and what was bought.
    """

    unit: str
    renews: object
    costs: tuple[str, ...] = ()


class _Pack(NamedTuple):
    """The readings of an item, the oldest first.

    `kind` is None where it changes among them, or the item is malformed. `readings` are None where
    they are not read yet.
    """

    item: Item
    times: Sequence[int]
    balances: Sequence[Any]
    levels: Sequence[float]
    kind: _Kind | None
    readings: Sequence[Reading] | None = None

    def is_topped_up_after(self, before: "_Pack", *, is_calm: bool) -> bool:
        """Tells whether there may be a top-up within the pack or since the one before.

        Args:
            before: the pack before it.
            is_calm: what `is_calm_after` returned.
        """
        if self.kind is None or before.kind != self.kind:
            return True
        return not is_calm and any(
            map(may_be_top_up, (before.levels[-1], *self.levels), self.levels)
        )

    def is_calm_after(self, before: "_Pack") -> bool:
        """Tells whether no two balances of the pack, and the one before, differ by a top-up."""
        # Costs tell what was spent, whatever the balance does.
        if self.kind is not None and self.kind.costs:
            return True
        level = before.levels[-1]
        return has_no_top_up(min(level, *self.levels), max(level, *self.levels))

    def only_falls_after(self, before: "_Pack | None") -> bool:
        """Tells whether the balance does not rise in the pack, nor since the one before it.

        Then its latest reading tells what was spent in it. Costs tell that by themselves.
        """
        if before is None or self.kind is None or before.kind != self.kind or self.kind.costs:
            return False
        return all(map(ge, (before.levels[-1], *self.levels), self.levels))

    @property
    def spans_midnight(self) -> bool:
        """Tells whether it has readings of two days of UTC."""
        return self.times[0] // _DAY != self.times[-1] // _DAY

    def read(self, read: Read) -> Sequence[Reading]:
        """Returns every reading with all that was stored of it."""
        return read(self.item) if self.readings is None else self.readings

    def outlined(self, read: Read) -> Sequence[Reading]:
        """Returns every reading, with what tells what was spent and topped up."""
        if self.kind is None or self.kind.costs or self.readings is not None:
            return self.read(read)
        return self._plain(self.kind.unit, range(len(self.times)))

    def day_ends(self, read: Read) -> Sequence[Reading]:
        """Returns the latest reading, and before it the one at the end of each other day."""
        if self.kind is None or self.kind.costs or self.readings is not None:
            return self.read(read) if self.spans_midnight else read(latest_alone(self.item))
        days = enumerate(pairwise(self.times)) if self.spans_midnight else ()
        ends = [index for index, (at, later) in days if at // _DAY != later // _DAY]
        return self._plain(self.kind.unit, (*ends, -1))

    def _plain(self, unit: str, which: Iterable[int]) -> list[Reading]:
        times, balances = self.times, self.balances
        return [
            Reading(datetime.fromtimestamp(times[it], UTC), exact(balances[it]), unit)
            for it in which
        ]


def outline_of(
    items: Iterable[Item], recent: Sequence[Reading], detail: Detail, read: Read
) -> Outline:
    """Returns the outline of a history.

    It has every reading of some hours before a top-up, since a fall in them may tell whether it was
    one; and of each item that is not as usual.

    Args:
        items: the items of the history, which are in order.
        recent: the readings that are later, or in the latest items as well.
        detail: how much the outline has.
        read: returns the readings of an item.
    """
    packs = [it for it in (_pack_of(item, read) for item in items) if it.times]
    if recent:
        packs.append(_pack_of_readings({}, recent))
    if not packs:
        return Outline([], [], Curve((), (), ()))
    kept = {it.observed_at: it for own in _kept(packs, detail, read) for it in own}
    readings = [kept[at] for at in sorted(kept)]
    return Outline(readings, *_in_order(packs, readings[-1].currency))


def _kept(packs: Sequence[_Pack], detail: Detail, read: Read) -> Iterator[Sequence[Reading]]:
    """Yields the readings of an outline, those of the latest item first.

    No two of them in a row look like a top-up, unless nothing was read between them.
    """
    breaks = {seconds_of(at) for at in detail.anew}
    until = min(packs[-1].times[-1], seconds_of(detail.until))
    replayed_since = min(until, seconds_of(detail.replayed_since or detail.until))
    topped_up_at, needed, next_at = inf, 0.0, 0
    is_settled, is_next_whole, is_risen, kept_level = True, True, False, 0.0
    for index in range(len(packs) - 1, -1, -1):
        it, before = packs[index], packs[index - 1] if index else None
        last = it.times[-1]
        is_break = bool(breaks) and not breaks.isdisjoint(it.times)
        is_calm = before is not None and it.is_calm_after(before)
        if before is None or is_break or it.is_topped_up_after(before, is_calm=is_calm):
            topped_up_at, needed, is_settled = last, _needed_before(before, it), False
        elif not is_settled and _has_a_fall(it, packs[index + 1]):
            # What was before it, of all falls, matters to no top-up that is much later.
            needed, is_settled = max(needed, topped_up_at - last + _MARGIN), True
        is_whole = not is_settled or topped_up_at - last < needed
        if not is_whole and before is not None and not is_calm:
            is_whole = it.spans_midnight or may_be_top_up(before.levels[-1], it.levels[-1])
        is_replayed = last >= replayed_since
        if is_replayed:
            is_latest = last >= until or packs[index + 1].times[-1] > until
            only_falls = is_calm and it.only_falls_after(before)
            is_brief = only_falls and not (is_latest or is_whole or is_risen)
            own = it.day_ends(read) if is_brief else it.read(read)
            # A rise takes back the latest fall, whose size only every reading tells.
            is_risen = not only_falls or (is_risen and it.levels[0] == it.levels[-1])
        elif is_whole:
            own = it.outlined(read)
        elif (
            is_next_whole
            or it.spans_midnight
            or last // _DAY != next_at // _DAY
            or (before is not None and may_be_top_up(before.levels[-1], kept_level))
        ):
            own = it.day_ends(read)
        else:
            own = ()
        if own:
            kept_level = float(own[0].balance)
        is_next_whole, next_at = is_whole or is_replayed, it.times[0]
        yield own


def _has_a_fall(pack: _Pack, after: _Pack) -> bool:
    """Tells whether the balance does not rise at some reading of the pack or at the next one."""
    return not all(map(lt, pack.levels, (*pack.levels[1:], after.levels[0])))


def _needed_before(before: _Pack | None, pack: _Pack) -> int:
    """Returns how many seconds before the end of a pack matter to a top-up in it.

    Those are as long as a fall may stand and be taken back, and some more.
    """
    if before is None or len(before.times) < _PERIOD_OF:
        return _STANDS_BY + _MARGIN
    times = [*before.times, *pack.times]
    period: int = max(map(sub, times[1:], times))
    return min(_STANDS_BY, max(_STANDS_FROM, _STANDS_FOR * period)) + _MARGIN


def _in_order(packs: Sequence[_Pack], unit: str) -> tuple[list[int], Curve]:
    """Returns the time of each reading, and the curve of those in a unit."""
    times, balances, levels = (
        [*chain.from_iterable(each)]
        for each in zip(*((it.times, it.balances, it.levels) for it in packs), strict=True)
    )
    is_of_one = all(it.kind is not None and it.kind.unit == unit for it in packs)
    if is_of_one and all(before.times[-1] < it.times[0] for before, it in pairwise(packs)):
        return times, Curve(times, balances, levels)
    rows = dict(
        zip(times, zip(balances, levels, chain(*map(_units, packs)), strict=True), strict=True)
    )
    own = [(at, *rows[at][:2]) for at in sorted(rows) if rows[at][2] == unit]
    return sorted(rows), Curve(*([row[column] for row in own] for column in range(3)))


def _units(pack: _Pack) -> Iterable[str]:
    """Returns the unit of each reading."""
    if pack.kind is not None:
        return repeat(pack.kind.unit, len(pack.times))
    return [it.currency for it in pack.readings or ()]


def _pack_of(item: Item, read: Read) -> _Pack:
    """Returns the pack of an item, with its readings if they have to be read now."""
    try:
        found = _unread(item)
    except MALFORMED_ITEM:
        found = None
    return found or _pack_of_readings(item, read(item))


def _pack_of_readings(item: Item, readings: Sequence[Reading]) -> _Pack:
    times = [seconds_of(it.observed_at) for it in readings]
    balances = [it.balance for it in readings]
    kinds = {None if it.estimate else _Kind(it.currency, it.renews) for it in readings}
    kind = kinds.pop() if len(kinds) == 1 else None
    return _Pack(item, times, balances, [*map(float, balances)], kind, readings)


def _unread(item: Item) -> _Pack | None:
    """Returns the pack of an item; None if its kind changes, or it is not in the usual form."""
    at, latest = seconds_of(reading_time(item["sk"]["S"])), item["bal"]["N"]
    if len(latest) > MAX_DIGITS:
        exact(latest)  # which may be malformed
    kind = _kind_of(item)
    if "earlier" not in item:
        return _Pack(item, (at,), (latest,), (float(latest),), kind)
    text = item["earlier"]["S"]
    if "{" in text:
        if _counts(text, kind):
            return None
        text = _CHANGES.sub("", text)
    if not _LINES.fullmatch(text):
        return None
    parts = text.replace("\n", ":").split(":")
    times = _times_before(at, parts[::2])
    balances = [latest, *parts[1::2]]
    if "" in balances:
        # A line without a balance has that of the line above it.
        above = latest
        balances = [above := own or above for own in balances]
    balances.reverse()
    return _Pack(item, times, balances, [*map(float, balances)], kind)


def _times_before(at: int, gaps: Sequence[str]) -> Sequence[int]:
    """Returns the time of each reading of a pack, the oldest first, from the latest one's."""
    if gaps.count(gaps[0]) == len(gaps):
        # The schedule is as regular as most packs.
        step = gap_from_text(gaps[0])
        return range(at - step * len(gaps), at + step, step)
    times = [*accumulate(map(gap_from_text, gaps), sub, initial=at)]
    times.reverse()
    return times


def _kind_of(item: Item) -> _Kind:
    renews = item["renews"]["BOOL"] if "renews" in item else None
    if "costs" not in item:
        return _Kind(item["cur"]["S"], renews)
    since, _, bought = item["costs"]["S"].split(" ")
    return _Kind(item["cur"]["S"], renews, (since, bought))


def _counts(changes: str, kind: _Kind) -> bool:
    """Tells whether changes of a reading are of what its kind is made of, or might be."""
    if '"cur":' in changes or '"renews":' in changes:
        return True
    for text in _COSTS.findall(changes):
        since, _, bought = text.strip('"').split(" ")
        if kind.costs != (since, bought):
            return True
    return False
