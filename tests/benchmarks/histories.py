"""The histories of the report's benchmarks: 39 days of checks every five minutes, of three kinds.

`ordinary` accounts are those of accounts.py: a balance changes at two of three looks, and other
attributes with it. A `harsh` one changes at each look, in all its digits; every third of them
jitters, so that it rises at many looks. Of a `trace` the use is that of real hours, which a folder
has (see forecast.py); in an hour it is even.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from balance_watch.domain.reading import Reading
from balance_watch.domain.report import period
from balance_watch.domain.state import AccountState, observe
from balance_watch.store.items import Item
from balance_watch.store.packs import hour_of, packs_to_items
from balance_watch.store.states import state_to_item
from tests.benchmarks.accounts import ordinary_states
from tests.benchmarks.forecast import read

KINDS = ("ordinary", "harsh", "trace")
STEP = timedelta(minutes=5)
DAYS, _HISTORY_DAYS = 30, 400
_LOOKS = 12
"""Looks in an hour."""

_TOP_UP_DAYS, _TOP_UP = 9, 70
"""An account of money is topped up so often, at an hour of its own."""

_OBSERVED = timedelta(days=9)
_JITTERS = 3


class History(NamedTuple):
    """What the table holds of an account, under a name that stands for that of others."""

    name: str
    packs: list[Item]
    state: Item


def histories(kind: str, until: datetime, folder: Path) -> list[History]:
    """Returns the histories of a kind, the last reading of which is at a time."""
    found = [_history(readings) for readings in _SERIES[kind](until, folder)]
    if not found:
        raise SystemExit(f"{folder} has no series of real hours: name the folder by --traces")
    return found


def _history(readings: Sequence[Reading]) -> History:
    name = "name-to-be-replaced"
    hour = hour_of(name, readings[-1].observed_at)
    packed = [it for it in readings if hour_of(name, it.observed_at) < hour]
    state = AccountState(name, provider="you")
    for reading in readings:
        if reading.observed_at >= readings[-1].observed_at - _OBSERVED:
            state = observe(state, reading, reading.observed_at)
    state = replace(
        state, recent=tuple(readings[len(packed) : -1]), checked_at=readings[-1].observed_at
    )
    return History(name, packs_to_items(name, packed, _HISTORY_DAYS), state_to_item(state))


def _times(until: datetime) -> list[datetime]:
    since = period(until, DAYS).needed_since
    number = (until - since) // STEP
    return [until - (number - index) * STEP for index in range(number + 1)]


def _ordinary(until: datetime, _: Path) -> Iterator[list[Reading]]:
    for state in ordinary_states(7):
        assert state.reading is not None
        readings = [replace(state.reading, observed_at=until)]
        for at in reversed(_times(until)[:-1]):
            readings.append(_before(readings[-1], at))
        yield readings[::-1]


def _before(after: Reading, at: datetime) -> Reading:
    """Returns the reading before one: credits fall along with the balance."""
    spent = Decimal("0.0137") * (3 if 8 <= at.hour < 20 else 1) * (at.minute // 5 % 3)
    is_topped_up = (at.day % _TOP_UP_DAYS, at.hour, at.minute // 5) == (4, 9, 5)
    return replace(
        after,
        observed_at=at,
        balance=after.balance + spent - (_TOP_UP if is_topped_up else 0),
        credits=after.credits and after.credits + int(spent * 1000),
        provider_time=after.provider_time and at - timedelta(seconds=at.minute),
    )


def _harsh(until: datetime, _: Path) -> Iterator[list[Reading]]:
    for number in range(9):
        random = Random(number)  # noqa: S311 (no secret)
        balance, readings = 900.0, []
        for at in _times(until):
            balance -= random.random() * 0.3
            balance += 500 if balance < 100 else 0
            shown = balance * (1 - random.random() * 0.01) if number % _JITTERS == 0 else balance
            readings.append(Reading(at, Decimal(f"{shown:.8f}"), "USD"))
        yield readings


def _trace(until: datetime, folder: Path) -> Iterator[list[Reading]]:
    times = _times(until)
    for file in sorted(folder.glob("*.csv")):
        total = read(file).total
        used = total[-1] * len(times) / _LOOKS / len(total)
        balance, readings, before = used / 4, [], 0.0
        for index, at in enumerate(times):
            hour, part = divmod(index / _LOOKS, 1)
            lived, at_hour = divmod(int(hour), len(total) - 1)
            gone = lived * total[-1] + total[at_hour]
            gone += (total[at_hour + 1] - total[at_hour]) * part
            balance, before = balance - (gone - before), gone
            balance += used / 4 if balance < used / 100 else 0
            readings.append(Reading(at, Decimal(f"{balance:.4f}"), "USD"))
        yield readings


_SERIES = {"ordinary": _ordinary, "harsh": _harsh, "trace": _trace}
