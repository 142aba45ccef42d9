"""The documented replies of every provider, and ways to damage one of their fields."""

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from balance_watch.domain.reading import Reading
from balance_watch.validation import Json

SAMPLES = Path(__file__).parents[1] / "providers" / "samples"
UNLIMITED = "unlimited"
_JSON = msgspec.json.Encoder(decimal_format="number")

OTHER_TYPES: tuple[Any, ...] = (None, True, False, "", "text", [], ["7"], {}, {"a": "7"})
"""Values that are not numbers, not even as text: any number could be the balance."""


class Sample(NamedTuple):
    """A provider's reply to each request, and the result of parsing the replies.

    `bodies` are decoded JSON or, for XML and plain text, text. `reading` is the expected reading,
    `UNLIMITED`, or None if `failure` names the expected kind of failure.
    """

    slug: str
    title: str
    origin: str
    source: str
    bodies: tuple[Any, ...]
    status: int
    reading: Any
    failure: str | None

    @property
    def name(self) -> str:
        return f"{self.slug}: {self.title}"

    def with_body(self, index: int, body: Json) -> "Sample":
        """Returns the sample with another body in one place."""
        return self._replace(bodies=(*self.bodies[:index], body, *self.bodies[index + 1 :]))


@cache
def samples() -> list[Sample]:
    """Returns all samples: of successful replies, and of some failures."""
    return [
        Sample(
            path.stem,
            entry["title"],
            entry["origin"],
            entry["source"],
            tuple(entry["replies"]) if "replies" in entry else (entry["body"],),
            entry.get("status", 200),
            entry.get("reading"),
            entry.get("failure"),
        )
        for path in sorted(SAMPLES.glob("*.json"))
        for entry in json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    ]


def good_samples() -> list[Sample]:
    """Returns the samples of successful replies."""
    return [sample for sample in samples() if sample.failure is None]


def on_the_wire(body: Json) -> bytes:
    return body.encode() if isinstance(body, str) else _JSON.encode(body)


def content_type(body: Json) -> str:
    if not isinstance(body, str):
        return "application/json"
    return "application/xml" if body.startswith("<") else "text/plain"


def facts_of(reading: Reading) -> dict[str, Any]:
    """Returns the facts of a reading that are not None, with its numbers as exact strings."""
    facts: dict[str, Any] = msgspec.to_builtins(reading, enc_hook=str)
    for name in ("observed_at", "estimate", "settled", "costs"):
        del facts[name]
    for name in ("provider_time", "resets_at", "expires_at"):
        at = getattr(reading, name)
        facts[name] = at and at.isoformat()
    return {name: fact for name, fact in facts.items() if fact is not None}


def damaged(body: Json, path: tuple[Any, ...]) -> Iterator[Json]:
    """Yields a body with a value of each other type in place of a field, then without the field.

    It removes no entry of a list: a shorter list is another reply, not a damaged one.
    """
    *parents, last = path
    own_type = type(value_at(body, path))
    for other in OTHER_TYPES:
        if type(other) is not own_type:
            yield changed(body, path, other)
    if isinstance(last, str):
        removed = deepcopy(body)
        del value_at(removed, parents)[last]
        yield removed


def changed(body: Json, path: tuple[Any, ...], value: Json) -> Json:
    """Returns a body with another value at a place."""
    *parents, last = path
    other = deepcopy(body)
    value_at(other, parents)[last] = value
    return other


def another(value: Json) -> Json:
    """Returns another value of the same type and form; None if there is none."""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, Decimal | int):
        return value + 1
    currency, _, number = value.replace(",", "").rpartition(" ")
    if number.lstrip("-").replace(".", "", 1).isdecimal():
        return f"{currency} {Decimal(number) + 1}".lstrip()
    return {"USD": "EUR", "CNY": "USD", "EUR": "USD", "GBP": "USD", "euros": "dollars"}.get(value)


def paths(body: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields the place of every field of a body."""
    names = body if isinstance(body, dict) else range(len(body) if isinstance(body, list) else 0)
    for name in names:
        yield (*path, name)
        yield from paths(body[name], (*path, name))


def value_at(body: Json, path: Iterable[Any]) -> Json:
    """Returns the value at a place of a body."""
    for name in path:
        body = body[name]
    return body
