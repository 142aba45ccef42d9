"""Tells where in a policy's text a fault is: by the name of the rule, and the line."""

import re
import tomllib
from itertools import pairwise
from typing import Any, NamedTuple

_PLACE = re.compile(r"policy (?:\[(?P<table>\w+)\]|(?P<section>\w+)\[(?P<index>\d+)\])(?:, (\w+))?")
_HEADER = re.compile(r"\s*(?:\[\[\s*(?P<section>\w+)\s*\]\]|\[\s*(?P<table>\w+)\s*\])\s*(?:#.*)?")


class _Place(NamedTuple):
    """A table of the text: the numbers of its first line and of the line after it."""

    name: str | None
    begins: int
    ends: int


def located(fault: str, text: str) -> str:
    """Returns a fault of a policy with the name and the line of what it is about.

    `policy rules[0], below: …` becomes `policy rules[0] "low sms", below (line 7): …`. A fault that
    names no table of the text, or one that is written inline, stays as it is.

    Args:
        fault: the fault, as `parse_policy` words it.
        text: the policy, which is TOML.
    """
    match = _PLACE.match(fault)
    if match is None:
        return fault
    section, index = match["table"] or match["section"], int(match["index"] or 0)
    places = _places(text, section)
    if index >= len(places):
        return fault
    name, field, rest = places[index].name, match[4], fault[match.end() :]
    line = _line_of(text, places[index], field) if field else places[index].begins
    head = fault[: match.start(4) - 2] if field else match[0]
    called = f' "{name}"' if name else ""
    return f"{head}{called}{f', {field}' if field else ''} (line {line}){rest}"


def _places(text: str, section: str) -> list[_Place]:
    """Returns the tables of a section in their order; none if the text has them in another form."""
    try:
        raw = tomllib.loads(text).get(section)
    except ValueError:
        return []
    tables: list[Any] = raw if isinstance(raw, list) else [raw]
    lines = text.splitlines()
    headers = [
        (number, match["section"] or match["table"])
        for number, match in enumerate(map(_HEADER.fullmatch, lines), 1)
        if match
    ]
    bounds = pairwise([*headers, (len(lines) + 1, "")])
    found = [(at, end) for (at, name), (end, _) in bounds if name == section]
    if len(found) != len(tables):  # an inline table, or a text of several lines with a header in it
        return []
    names = [it.get("name", it.get("slug")) if isinstance(it, dict) else None for it in tables]
    return [
        _Place(name if isinstance(name, str) else None, at, end)
        for name, (at, end) in zip(names, found, strict=True)
    ]


def _line_of(text: str, place: _Place, field: str) -> int:
    """Returns the line of a field, or that of the table's beginning if the field is missing."""
    lines = text.splitlines()[place.begins : place.ends - 1]
    starts = re.compile(rf"\s*[\"']?{re.escape(field)}[\"']?\s*[.=]")
    found = (n for n, line in enumerate(lines, place.begins + 1) if starts.match(line))
    return next(found, place.begins)
