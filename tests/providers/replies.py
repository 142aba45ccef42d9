"""The documented samples, and what can go wrong with one of their fields."""

import json
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from balance_watch.domain.reading import Reading

SAMPLES = Path(__file__).parent / "samples"
_JSON = msgspec.json.Encoder(decimal_format="number")

OTHER_TYPES: tuple[Any, ...] = (None, True, False, "", "text", "7", [], ["7"], {}, {"a": "7"})
"""No number: that could be a balance by right."""


class Sample(NamedTuple):
    """One documented reply, `body` in its own types or, for XML, as text."""

    slug: str
    title: str
    body: Any
    reading: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.slug}: {self.title}"


def samples() -> list[Sample]:
    return [
        Sample(path.stem, one["title"], one["body"], one["reading"])
        for path in sorted(SAMPLES.glob("*.json"))
        for one in json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    ]


def on_the_wire(body: Any) -> bytes:  # noqa: ANN401 (whatever JSON holds)
    return body.encode() if isinstance(body, str) else _JSON.encode(body)


def content_type(body: Any) -> str:  # noqa: ANN401 (whatever JSON holds)
    return "application/xml" if isinstance(body, str) else "application/json"


def in_words(reading: Reading) -> dict[str, Any]:
    """Returns what a reading says, its numbers as exact strings, without what it leaves out."""
    facts: dict[str, Any] = msgspec.to_builtins(reading, enc_hook=str)
    del facts["observed_at"]
    if reading.provider_time is not None:
        facts["provider_time"] = reading.provider_time.isoformat()
    return {name: fact for name, fact in facts.items() if fact is not None}


def damaged(body: Any) -> Iterator[Any]:  # noqa: ANN401 (whatever JSON holds)
    """Yields a body with any one of its fields removed, or in place of it each other type."""
    for path in _paths(body):
        *parents, last = path
        for other in OTHER_TYPES:
            changed = deepcopy(body)
            _at(changed, parents)[last] = other
            yield changed
        removed = deepcopy(body)
        del _at(removed, parents)[last]
        yield removed


def _paths(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    names = body if isinstance(body, dict) else range(len(body) if isinstance(body, list) else 0)
    for name in names:
        yield (*path, name)
        yield from _paths(body[name], (*path, name))


def _at(body: Any, path: list[Any]) -> Any:  # noqa: ANN401 (whatever JSON holds)
    for name in path:
        body = body[name]
    return body
