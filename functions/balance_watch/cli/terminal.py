"""What the commands share at a terminal: consoles, JSON, and text that cannot move the cursor."""

import io
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from balance_watch.domain.formatting import visible
from balance_watch.errors import CommandError
from balance_watch.exact_parsing import without_mark

Subparsers = Any
"""What `add_subparsers` returns: argparse keeps its type private."""

_LEAST = 20
"""A sentence gets this much of a line, however narrow the terminal is."""


class _Console(Console):
    """A console whose reader may have seen enough, as `head` has."""

    def on_broken_pipe(self) -> None:
        """Lets the command end as one that writes without a console; rich ends it with 1."""
        raise BrokenPipeError


out = _Console(highlight=False, soft_wrap=False)
err = _Console(stderr=True, highlight=False)


def read_text(file: str) -> str:
    """Returns the text of a file, or of standard input for `-`, without a byte order mark."""
    try:
        return without_mark(
            sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        )
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8 text.") from None


def open_missing_streams() -> None:
    """Opens each standard stream that the caller has closed, as `>&-` does, on nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def replace_unencodable() -> None:
    """Makes the output show a question mark for each character that its encoding lacks.

    A pipe on Windows is often cp1252, which has no bars for a plot and few letters for a name.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(value: object) -> None:
    """Prints JSON for scripts: no colour, no wrapping, and exact in any encoding of the output."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    json.dump(value, sys.stdout, indent=2, ensure_ascii=not is_unicode)
    sys.stdout.write("\n")


def is_pipe() -> bool:
    """Tells whether standard output is no terminal, whatever colours are asked for."""
    return not sys.stdout.isatty()


def print_tabbed(fields: Iterable[str]) -> None:
    """Prints a line of fields for scripts: tab-separated, no colour, no wrapping."""
    sys.stdout.write("\t".join(sanitize(field).plain for field in fields) + "\n")


def print_wrapped(text: Text, indent: int = 0, hang: int = 0, console: Console = out) -> None:
    """Prints a sentence: wrapped at a terminal's width, and as one line elsewhere.

    The first line is as long as the terminal is wide: only further lines hang.

    Args:
        text: one line.
        indent: so many spaces come before the first line.
        hang: so many more come before each further line.
        console: where it goes: to standard output, or to standard error.
    """
    if not console.file.isatty():
        console.print(Text(" " * indent) + text, soft_wrap=True)
        return
    first = text.wrap(console, max(_LEAST, console.width - indent))[0]
    rest = text[len(first) :]
    rest = rest[len(rest) - len(rest.plain.lstrip()) :]
    further = rest.wrap(console, max(_LEAST, console.width - indent - hang)) if rest else ()
    for number, line in enumerate((first, *further)):
        line.rstrip()
        console.print(Text(" " * (indent + (hang if number else 0))) + line, soft_wrap=True)


def print_rows_for_pipe(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Prints a table for scripts: the names of its columns, then a line for each row."""
    for fields in (columns, *rows):
        print_tabbed(fields)


def pipe_help(a_line: str, columns: Mapping[str, str]) -> str:
    """Says for `--help` what a command prints in a pipe.

    Args:
        a_line: what has a line, such as `an account`.
        columns: the names of the columns, and what each contains.
    """
    listed = "; ".join(f"{name} ({meaning})" for name, meaning in columns.items())
    return f"In a pipe it prints tab-separated columns, {a_line} a line, after a header: {listed}."


def sanitize(text: str, style: str = "") -> Text:
    """Returns text from elsewhere without markup, its control characters replaced."""
    return Text(visible(text), style=style)


def is_plain_name(text: str) -> bool:
    """Tells whether a name is made of words, so that a message may repeat it.

    A name that somebody wrote may be a key that was pasted into the wrong place; those have long
    runs of digits, or upper and lower case mixed.
    """
    return _PLAIN_NAME.fullmatch(text) is not None


_WORD = r"(?:[A-Za-z][a-z]{0,15}|[A-Z]{1,16})[0-9]{0,2}"
_PLAIN_NAME = re.compile(rf"{_WORD}(?:[ _.]{_WORD}){{0,7}}")


def print_faults(faults: Sequence[str]) -> None:
    """Prints the faults of the configuration to standard error."""
    for fault in faults:
        err.print(Text("! ", style="yellow") + sanitize(fault), soft_wrap=not err.is_terminal)
