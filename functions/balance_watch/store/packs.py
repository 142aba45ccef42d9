"""Packs: several readings as one item of an account's history, or as a text in its state: pure.

A quiet account would cost two write units a check if each reading were an item of its own. So the
state keeps the readings of the last hour, in the room that it has, and they become one item once
the hour is over. docs/architecture.md, The table, has the layout.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32

from balance_watch.domain.money import exact
from balance_watch.domain.reading import Reading
from balance_watch.store.items import Item, seconds_of, text_of, time_of
from balance_watch.store.readings import (
    reading_from_item,
    reading_from_map,
    reading_to_item,
    reading_to_map,
)

PACK_SPAN = timedelta(hours=1)
"""All readings of a pack are of less than this time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60


def hour_of(account: str, at: datetime) -> int:
    """Returns the number of the hour in which a time is packed.

    The hours of each account begin at a minute of its own, so that the packs of many accounts are
    not all written in the same run.
    """
    return (seconds_of(at) + crc32(account.encode()) % 3600) // 3600


def packs_to_items(account: str, readings: Iterable[Reading], days: int) -> list[Item]:
    """Returns the items of these readings, one for each hour; they expire after so many days."""
    by_hour: dict[int, list[Reading]] = {}
    for each in sorted(readings, key=lambda it: it.observed_at):
        by_hour.setdefault(hour_of(account, each.observed_at), []).append(each)
    return [pack_to_item(account, packed, days) for packed in by_hour.values()]


def pack_to_item(account: str, readings: Sequence[Reading], days: int) -> Item:
    """Returns the item of the readings of an hour, the oldest first.

    It is the item of the latest one, as a release without packs reads it, and has the others
    besides. The same readings have the same key, however often they are written.
    """
    *earlier, latest = readings
    item = reading_to_item(account, latest, days)
    return item | ({"earlier": readings_to_text(earlier, latest)} if earlier else {})


def readings_of_item(item: Mapping[str, Any]) -> tuple[Reading, ...]:
    """Returns the readings of an item of the history, the oldest first.

    Raises one of MALFORMED_ITEM.
    """
    latest = reading_from_item(item)
    return (*readings_from_text(item.get("earlier", ""), latest), latest)


def latest_alone(item: Mapping[str, Any]) -> Item:
    """Returns the item of a pack, serialized or not, without its earlier readings."""
    return {name: value for name, value in item.items() if name != "earlier"}


def readings_to_text(readings: Iterable[Reading], latest: Reading | None) -> str:
    """Writes readings that are older than another one, a line each, the oldest last.

    A line has the time and the balance, and as JSON whatever else is different, each compared with
    the reading above it (of the first line, with `latest`): `5:71.25`. A time is in minutes, or in
    seconds as `90s`; what is the same is left out.
    """
    lines = []
    newer, newer_at = _map_of(latest), latest.observed_at if latest else _EPOCH
    for reading in sorted(readings, key=lambda it: it.observed_at, reverse=True):
        own, at = _map_of(reading), reading.observed_at
        changed = {name: own.get(name) for name in own | newer if own.get(name) != newer.get(name)}
        balance = changed.pop("bal", None)
        line = f"{_gap_to_text(seconds_of(newer_at) - seconds_of(at))}:"
        line += "" if balance is None else str(balance)
        lines.append(f"{line}:{_changes_to_json(changed, at)}" if changed else line)
        newer, newer_at = own, at
    return "\n".join(lines)


def readings_from_text(text: str, latest: Reading | None) -> tuple[Reading, ...]:
    """Returns the readings of a text, the oldest first; raises one of MALFORMED_ITEM."""
    readings: list[Reading] = []
    own, newer_at = _map_of(latest), latest.observed_at if latest else _EPOCH
    for at, balance, changes in _lines_of(text, newer_at):
        own = dict(own)
        if balance:
            own["bal"] = exact(balance)
        if changes:
            own |= _changes_from_json(changes, at)
            own = {name: value for name, value in own.items() if value is not None}
        readings.append(reading_from_map(own, at))
    return tuple(reversed(readings))


def _lines_of(text: str, newer_at: datetime) -> Iterator[tuple[datetime, str, str]]:
    """Yields the time of each line, the newest first, its balance and its changes; empty: none."""
    at = newer_at
    for line in text.split("\n") if text else ():
        gap, balance, *changes = line.split(":", 2)
        at -= timedelta(seconds=gap_from_text(gap))
        yield at, balance, "".join(changes)


def _map_of(reading: Reading | None) -> Item:
    return {} if reading is None else reading_to_map(reading)


def _gap_to_text(seconds: int) -> str:
    return f"{seconds}s" if seconds % _MINUTE else str(seconds // _MINUTE)


def gap_from_text(text: str) -> int:
    """Returns the seconds of a time as a line has it: `5`, `90s`."""
    return int(text[:-1]) if text.endswith("s") else int(text) * _MINUTE


def _changes_to_json(changed: Item, at: datetime) -> str:
    """Writes attributes as JSON, the provider's time in seconds before the reading."""
    as_of = changed.get("as_of")
    if as_of is not None:
        changed = changed | {"as_of": Decimal(seconds_of(at) - seconds_of(time_of(as_of)))}
    pairs = (f"{json.dumps(name)}:{_json_of(value)}" for name, value in sorted(changed.items()))
    return f"{{{','.join(pairs)}}}"


def _changes_from_json(text: str, at: datetime) -> Item:
    changed = json.loads(text, parse_int=exact, parse_float=exact)
    if not isinstance(changed, dict):
        raise TypeError("not a map")
    if changed.get("as_of") is not None:
        changed["as_of"] = text_of(at - timedelta(seconds=int(changed["as_of"])))
    return changed


def _json_of(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
