"""Silences, as attributes of the run's item: claiming a tick reads them without another call."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from balance_watch.domain.silences import Silence
from balance_watch.store.items import MALFORMED_ITEM, RUN_KEY, Item, text_of, time_of
from balance_watch.store.table import Table, serialize

_PREFIX = "silence:"

_log = logging.getLogger(__name__)


class Silences:
    """The silences in a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def at(self, now: datetime) -> tuple[Silence, ...]:
        """Returns the silences that have not ended, the first to end first."""
        silences = silences_from_item(self._table.get(RUN_KEY))
        return tuple(silence for silence in silences if silence.until > now)

    def add(self, silence: Silence) -> None:
        """Adds a silence; it mutes from the next run on."""
        self._table.update(
            RUN_KEY,
            UpdateExpression="SET #name = :silence",
            ExpressionAttributeNames={"#name": silence_attribute(silence.name)},
            ExpressionAttributeValues=serialize({":silence": silence_to_item(silence)}),
        )

    def end(self, name: str) -> None:
        """Ends a silence; without a silence of that name, nothing happens."""
        self._table.update(
            RUN_KEY,
            UpdateExpression="REMOVE #name",
            ExpressionAttributeNames={"#name": silence_attribute(name)},
        )


def silence_attribute(name: str) -> str:
    """Returns the attribute of a silence: each has its own, so that two commands do not collide."""
    return f"{_PREFIX}{name}"


def ended_attributes(silences: Iterable[Silence], now: datetime) -> list[str]:
    """Returns the attributes of the silences that have ended."""
    return [silence_attribute(silence.name) for silence in silences if silence.until <= now]


def silence_to_item(silence: Silence) -> Item:
    """Returns the map that is the attribute of a silence."""
    # A release without exact silences finds no `match`, so that it takes no fact for a glob.
    return {
        "exactly" if silence.exact else "match": dict(silence.match),
        "until": text_of(silence.until),
        "reason": silence.reason,
        "created_at": text_of(silence.created_at),
    }


def silences_from_item(item: Mapping[str, Any]) -> tuple[Silence, ...]:
    """Returns the silences in the run's item, the first to end first; a malformed one is logged."""
    silences = []
    for attribute, value in item.items():
        if not attribute.startswith(_PREFIX):
            continue
        name = attribute.removeprefix(_PREFIX)
        try:
            silences.append(_silence_from_item(name, value))
        except MALFORMED_ITEM as error:
            facts = {"silence": name, "why": type(error).__name__}
            _log.error("malformed silence: it mutes nothing", extra=facts)
    return tuple(sorted(silences, key=lambda silence: silence.until))


def _silence_from_item(name: str, item: Mapping[str, Any]) -> Silence:
    exact = "exactly" in item
    facts = item["exactly" if exact else "match"]
    match = {fact: glob for fact, glob in facts.items() if isinstance(glob, str)}
    if not match or len(match) < len(facts):
        raise ValueError("no globs")
    until, created_at = time_of(item["until"]), time_of(item["created_at"])
    return Silence(name, match, until, str(item["reason"]), created_at, exact)
