"""The documented samples, and what can go wrong with one of their fields."""

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from balance_watch.domain.reading import Reading

SAMPLES = Path(__file__).parents[1] / "providers" / "samples"
UNLIMITED = "unlimited"
_JSON = msgspec.json.Encoder(decimal_format="number")

OTHER_TYPES: tuple[Any, ...] = (None, True, False, "", "text", [], ["7"], {}, {"a": "7"})
"""No number, not even as text: that could be a balance by right."""


class Sample(NamedTuple):
    """What a provider answers to each of its requests, and what that means.

    `bodies` are in their own types or, for XML and plain text, as text. `reading` is what is read
    of them, `UNLIMITED`, or None where `failure` names the kind of failure that they are.
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

    def with_body(self, index: int, body: Any) -> "Sample":  # noqa: ANN401 (whatever JSON holds)
        """The same, but for one of its bodies."""
        return self._replace(bodies=(*self.bodies[:index], body, *self.bodies[index + 1 :]))


@cache
def samples() -> list[Sample]:
    """All of them: of replies that succeeded, and of some that did not."""
    return [
        Sample(
            path.stem,
            one["title"],
            one["origin"],
            one["source"],
            tuple(one["replies"]) if "replies" in one else (one["body"],),
            one.get("status", 200),
            one.get("reading"),
            one.get("failure"),
        )
        for path in sorted(SAMPLES.glob("*.json"))
        for one in json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    ]


def good_samples() -> list[Sample]:
    """Those of replies that succeeded."""
    return [sample for sample in samples() if sample.failure is None]


def on_the_wire(body: Any) -> bytes:  # noqa: ANN401 (whatever JSON holds)
    return body.encode() if isinstance(body, str) else _JSON.encode(body)


def content_type(body: Any) -> str:  # noqa: ANN401 (whatever JSON holds)
    if not isinstance(body, str):
        return "application/json"
    return "application/xml" if body.startswith("<") else "text/plain"


def in_words(reading: Reading) -> dict[str, Any]:
    """Returns what a reading says, its numbers as exact strings, without what it leaves out."""
    facts: dict[str, Any] = msgspec.to_builtins(reading, enc_hook=str)
    del facts["observed_at"]
    for name in ("provider_time", "resets_at"):
        at = getattr(reading, name)
        facts[name] = at and at.isoformat()
    return {name: fact for name, fact in facts.items() if fact is not None}


def damaged(body: Any, path: tuple[Any, ...]) -> Iterator[Any]:  # noqa: ANN401 (whatever JSON holds)
    """Yields a body with one of its fields removed, or in place of it each other type.

    A list with an entry less is another reply, and no damaged one.
    """
    *parents, last = path
    was = type(value_at(body, path))
    for other in OTHER_TYPES:
        if type(other) is not was:
            yield changed(body, path, other)
    if isinstance(last, str):
        removed = deepcopy(body)
        del value_at(removed, parents)[last]
        yield removed


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """A body with another value at a place."""
    *parents, last = path
    other = deepcopy(body)
    value_at(other, parents)[last] = value
    return other


def another(value: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Another value of the same type and form; None where there is none."""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, Decimal | int):
        return value + 1
    number = value.replace(",", "")
    if number.lstrip("-").replace(".", "", 1).isdecimal():
        return f"{Decimal(number) + 1}"
    return {"USD": "EUR", "CNY": "USD", "EUR": "USD", "GBP": "USD", "euros": "dollars"}.get(value)


def paths(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """Yields the place of every field of a body."""
    names = body if isinstance(body, dict) else range(len(body) if isinstance(body, list) else 0)
    for name in names:
        yield (*path, name)
        yield from paths(body[name], (*path, name))


def value_at(body: Any, path: Iterable[Any]) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """The value at a place of a body."""
    for name in path:
        body = body[name]
    return body
