"""Silences, an item each, in a partition that is read only while there may be one.

The run's item tells when one was added last, so a run without silences makes no call for them.
Earlier releases kept silences as attributes of the run's item; those still mute.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from balance_watch.domain.silences import Silence
from balance_watch.store.items import (
    MALFORMED_ITEM,
    RUN_KEY,
    Item,
    number_from,
    seconds_of,
    text_of,
    time_of,
)
from balance_watch.store.table import UNREADABLE, Table, serialize

SILENCES = "SILENCES"
"""The partition of the silences, which are sorted by their ends."""

_ADDED_AT = "silenced_at"
"""The attribute of the run's item that tells when a silence was added last."""

_ADDED_SECONDS = 3600
"""Whoever adds a silence stores it within this time after it was announced in the run's item."""

_PREFIX = "silence:"
"""How the attribute of a silence of an earlier release begins."""

_LAST = "~"
"""Sorts after every time."""

_log = logging.getLogger(__name__)


class FoundSilences(Struct, frozen=True):
    """The silences beside a run's item.

    Attributes:
        active: those that have not ended, the first to end first.
        ended: the names of those that have ended, and still take room in the run's item.
    """

    active: tuple[Silence, ...]
    ended: tuple[str, ...]


class Silences:
    """The silences in a table.

    Args:
        table: the table.
        clock: seconds since the epoch.
    """

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._table, self._clock = table, clock

    def at(self, now: datetime) -> tuple[Silence, ...]:
        """Returns the silences that have not ended, the first to end first."""
        return self.beside(self._table.get(RUN_KEY), now).active

    def beside(self, run_item: Mapping[str, Any], now: datetime) -> FoundSilences:
        """Returns the silences beside a run's item that was just read."""
        stored = self._stored(now) if _ADDED_AT in run_item else ()
        return _found(silences_from_item(run_item), stored, now)

    def found_by_run(self, run_item: Mapping[str, Any], now: datetime) -> FoundSilences:
        """Returns the silences for a run that found its item like this.

        Silences that cannot be read do not stop it: they mute nothing, and an alert too many is
        better than none.

        Args:
            run_item: the run's item.
            now: the tick.
        """
        stored = list[Silence]()
        if (added_at := run_item.get(_ADDED_AT)) is not None:
            try:
                stored += self._stored(now)
            except UNREADABLE as error:
                facts = {"why": type(error).__name__}
                _log.error("silences cannot be read: they mute nothing", extra=facts)
            else:
                if not stored:
                    self._forget(added_at, now)
        return _found(silences_from_item(run_item), stored, now)

    def add(self, silence: Silence) -> None:
        """Adds a silence; it mutes from the next run on."""
        # First the announcement: a silence that no run looks for would be in the table and not in
        # force. Both are updates, as the rights of the buttons allow no more.
        self._update(RUN_KEY, {_ADDED_AT: int(self._clock())})
        expires_at = seconds_of(silence.until)
        self._update(_key(silence), {**silence_to_item(silence), "expires_at": expires_at})

    def end(self, silence: Silence) -> None:
        """Ends a silence; if it has ended already, nothing happens."""
        self._table.client.delete_item(TableName=self._table.name, Key=serialize(_key(silence)))
        self._table.update(
            RUN_KEY,
            UpdateExpression="REMOVE #name",
            ExpressionAttributeNames={"#name": silence_attribute(silence.name)},
        )

    def _stored(self, now: datetime) -> Iterator[Silence]:
        """Yields the silences that have not ended and are items; a malformed one is logged."""
        for item in self._table.query(SILENCES, (text_of(now), _LAST)):
            name = str(item["sk"]).rpartition("#")[2]
            silence = _valid_silence(name, item)
            if silence is not None and silence.until > now:
                yield silence

    def _forget(self, added_at: object, now: datetime) -> None:
        """Has no run look for silences, until one is added: there is none.

        A silence that is announced may not be stored yet, and at a tick of the future, each has
        ended.
        """
        clock = self._clock()
        try:
            is_recent = clock - float(number_from(added_at)) < _ADDED_SECONDS
        except TypeError:
            is_recent = False
        if is_recent or now.timestamp() > clock:
            return
        try:
            self._table.client.update_item(
                TableName=self._table.name,
                Key=serialize(RUN_KEY),
                UpdateExpression=f"REMOVE {_ADDED_AT}",
                ConditionExpression=f"{_ADDED_AT} = :seen",
                ExpressionAttributeValues=serialize({":seen": added_at}),
            )
        except self._table.client.exceptions.ConditionalCheckFailedException:
            _log.info("a silence was added meanwhile")
        except UNREADABLE as error:
            facts = {"why": type(error).__name__}
            _log.warning("the next run looks for silences again", extra=facts)

    def _update(self, key: Item, attributes: Item) -> None:
        self._table.update(
            key,
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues=serialize(
                {f":{name}": value for name, value in attributes.items()}
            ),
        )


def silence_attribute(name: str) -> str:
    """Returns the attribute of the run's item in which an earlier release kept a silence."""
    return f"{_PREFIX}{name}"


def silence_to_item(silence: Silence) -> Item:
    """Returns the attributes of a silence."""
    # A release without exact silences finds no `match`, so that it takes no fact for a glob.
    return {
        "exactly" if silence.exact else "match": dict(silence.match),
        "until": text_of(silence.until),
        "reason": silence.reason,
        "created_at": text_of(silence.created_at),
    }


def silences_from_item(item: Mapping[str, Any]) -> tuple[Silence, ...]:
    """Returns the silences in the run's item; a malformed one is logged."""
    named = {
        attribute.removeprefix(_PREFIX): value
        for attribute, value in item.items()
        if attribute.startswith(_PREFIX)
    }
    found = (_valid_silence(name, value) for name, value in named.items())
    return tuple(silence for silence in found if silence is not None)


def _found(of_item: Sequence[Silence], stored: Iterable[Silence], now: datetime) -> FoundSilences:
    active = (silence for silence in (*of_item, *stored) if silence.until > now)
    return FoundSilences(
        tuple(sorted(active, key=lambda silence: silence.until)),
        tuple(silence.name for silence in of_item if silence.until <= now),
    )


def _key(silence: Silence) -> Item:
    return {"pk": SILENCES, "sk": f"{text_of(silence.until)}#{silence.name}"}


def _valid_silence(name: str, item: Mapping[str, Any]) -> Silence | None:
    try:
        return _silence_from_item(name, item)
    except MALFORMED_ITEM as error:
        facts = {"silence": name, "why": type(error).__name__}
        _log.error("malformed silence: it mutes nothing", extra=facts)
        return None


def _silence_from_item(name: str, item: Mapping[str, Any]) -> Silence:
    exact = "exactly" in item
    facts = item["exactly" if exact else "match"]
    match = {fact: glob for fact, glob in facts.items() if isinstance(glob, str)}
    if not match or len(match) < len(facts):
        raise ValueError("no globs")
    until, created_at = time_of(item["until"]), time_of(item["created_at"])
    return Silence(name, match, until, str(item["reason"]), created_at, exact)
