"""Tells where in a policy's text a fault is: by the name of the rule, and the line."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from balance_watch.validation import Faults

Path = tuple[str | int, ...]
"""The way to a value of the text, such as `("rules", 0, "below")`."""

_PART = re.compile(r"\[(?P<table>\w+)\]|(?P<section>\w+)\[(?P<index>\d+)\]|(?P<field>\w+)")
_NAMED = re.compile(r"policy (?P<section>rules|providers), (?P<name>.+?)(?:, top_up)?: ")
_UNNAMED = re.compile(r"^(unknown \w+);")
_PLAIN_WORD = re.compile(r"[a-z]{1,16}(_[a-z]{1,16}){0,3}")
"""A name that may be shown to whoever wrote the policy: no key looks like it."""

_ROUTED = re.compile(r"policy routes: (?P<channel>\S+) does not exist")


def located(faults: Faults, text: str) -> list[str]:
    """Returns the faults of a policy, each with the name and the line of what it is about.

    `policy rules[0], below: …` becomes `policy rules[0] "low sms", below (line 7): …`. A fault of
    the whole text stays as it is.

    Args:
        faults: the faults, as `parse_policy` words them.
        text: the policy; without a line if it is not TOML.
    """
    try:
        raw = tomllib.loads(text)
    except (ArithmeticError, RecursionError, ValueError):
        return list(faults)
    lines = _lines(text)
    return [_located(it, faults.unknown.get(n), raw, lines) for n, it in enumerate(faults)]


def _located(
    fault: str, name: str | None, raw: Mapping[str, Any], lines: Mapping[Path, int]
) -> str:
    place, colon, problem = fault.partition(": ")
    if name is not None and _PLAIN_WORD.fullmatch(name):
        problem = _UNNAMED.sub(rf"\1 {name!r};", problem)
    path = _path(place.removeprefix("policy").strip())
    if (found := _found(fault, raw)) is not None:
        path = found
    line = _line(path if name is None else (*path, name), lines)
    called = _name(raw, path)
    if called and (numbered := f"{path[0]}[{path[1]}]") in place:
        place = place.replace(numbered, f'{numbered} "{called}"', 1)
    return f"{place} (line {line}): {problem}" if line else f"{place}{colon}{problem}"


def _found(fault: str, raw: Mapping[str, Any]) -> Path | None:
    """Returns the path of a rule or provider that a fault names, or of a route to a channel."""
    if named := _NAMED.match(fault):
        key = "name" if named["section"] == "rules" else "slug"
        names = [table.get(key) for table in raw[named["section"]]]
        return (named["section"], names.index(named["name"]))
    if routed := _ROUTED.match(fault):
        leads = [routed["channel"] in table["channels"] for table in raw["routes"]]
        return ("routes", leads.index(True), "channels")
    return None


def _path(place: str) -> Path:
    """Returns the path of a place such as `rules[0], below` or `[defaults], reminder`."""
    path: list[str | int] = []
    for part in filter(None, place.split(", ")):
        match = _PART.fullmatch(part)
        if match is None:
            break
        path.append(match["table"] or match["section"] or match["field"])
        path += [int(match["index"])] if match["index"] else []
    return tuple(path)


def _line(path: Path, lines: Mapping[Path, int]) -> int | None:
    """Returns the line of a path, or of the nearest table around it that the text has."""
    around = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[it] for it in around if it in lines), None)


def _name(raw: Mapping[str, Any], path: Path) -> str | None:
    """Returns the name of the rule, or the slug of the provider, that a path leads to."""
    try:
        table = raw[path[0]][path[1]]  # type: ignore[index]
    except (IndexError, KeyError, TypeError):
        return None
    name = table.get("name", table.get("slug")) if isinstance(table, dict) else None
    return name if isinstance(name, str) else None


def _lines(text: str) -> dict[Path, int]:
    """Returns the line at which each table, entry and field of a valid text begins."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header(parsed, counts)
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], number)
        else:
            for path in _paths(parsed):
                lines.setdefault((*table, *path), number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yields each header and each field with the number of its first line.

    A field may have several lines: until its last one they are not TOML by themselves.
    """
    pending: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        pending.append(line)
        statement = "\n".join(pending)
        try:
            is_empty = not tomllib.loads(statement)
        except ValueError:
            continue
        if not is_empty:
            yield number - len(pending) + 1, statement
        pending.clear()


def _header(parsed: Mapping[str, Any], counts: dict[Path, int]) -> Path:
    """Returns the path of `[a.b]` or `[[a.b]]`, and counts the tables of each list."""
    path: Path = ()
    value: Any = parsed
    while value:
        if isinstance(value, list):
            counts[path] = counts.get(path, -1) + 1
            path, value = (*path, counts[path]), value[0]
            continue
        ((name, value),) = value.items()
        path = (*path, name)
        if path in counts and not isinstance(value, list):
            path = (*path, counts[path])
    return path


def _paths(value: object, path: Path = ()) -> Iterator[Path]:
    """Yields the path of every value within a value."""
    entries: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for name, inner in entries:
        yield (*path, name)
        yield from _paths(inner, (*path, name))
