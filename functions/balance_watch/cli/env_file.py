"""Reads a `.env` file: names with values, some of them in quotes or on several lines."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from balance_watch.cli.terminal import is_plain_name
from balance_watch.validation import Faults

_START = re.compile(r"(?:export\s+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'")
_AFTER = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")
_ESCAPE = re.compile(r"""\\([\\"'$`nrt])""")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
_REFERENCE = re.compile(r"\$\w+|.*\$\{\w+.*", re.DOTALL)


class Assignment(NamedTuple):
    """A value, and the number of the line where its name is."""

    name: str
    value: str
    line: int


def is_env(text: str) -> bool:
    """Tells whether the first line that is no comment is NAME=VALUE."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _START.match(first) is not None


def read_env(file: str, text: str, faults: Faults) -> Iterator[Assignment]:
    """Yields every assignment of a file, as shells and the usual libraries read it.

    Nothing is looked up: a value that refers to another variable is a fault.

    Args:
        file: the file's name, for faults.
        text: its text.
        faults: gets every fault. None repeats a value.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text.count("\n", 0, at) + 1
        begin = end - len(text[at:end].lstrip())
        at, start = end + 1, _START.match(text, begin, end)
        if begin == end or text[begin] == "#":
            continue
        if start is None:
            faults.append(f"{file}, line {line}: is not NAME=VALUE")
            continue
        # A line of base64 may end with an equals sign: its name is a key then.
        name, shown = start[1], start[1] if is_plain_name(start[1]) else "its name"
        place = f"{file}, line {line}: {shown}"
        quoted = _quoted(text, start.end())
        if quoted is None:
            if text[start.end() : start.end() + 1] in ("'", '"'):
                faults.append(f"{place} has a quote without its end, or something behind it")
                continue
            value = re.split(r"(?:^|\s)#", text[start.end() : end], maxsplit=1)[0].strip()
            is_literal = False
        else:
            value, after, is_literal = quoted
            at = after + 1
        if not is_literal and _REFERENCE.fullmatch(value):
            faults.append(f"{place} refers to another variable: write the value itself")
            continue
        yield Assignment(name, value, line)


def _quoted(text: str, at: int) -> tuple[str, int, bool] | None:
    """Returns a value in quotes, where its line ends, and whether `$` means nothing in it."""
    found = _DOUBLE.match(text, at) or _SINGLE.match(text, at)
    after = found and _AFTER.match(text, found.end())
    if found is None or after is None:
        return None
    if text[at] == "'":
        return found[1], after.end(), True
    value = _ESCAPE.sub(lambda it: _CONTROLS.get(it[1], it[1]), found[1])
    return value, after.end(), "\\$" in found[1]
