"""Reads accounts from a file, JSON, CSV or .env, and finds every fault of them by its place."""

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from balance_watch.cli.account_storing import parsed
from balance_watch.cli.env_file import is_env, read_env
from balance_watch.cli.provider_search import hint, needs, tells_nothing
from balance_watch.cli.terminal import err, is_plain_name, read_text, sanitize
from balance_watch.config.secret_text import NotEditableError, entries_of
from balance_watch.domain.account import canonical_name
from balance_watch.errors import CommandError
from balance_watch.exact_parsing import NotExactError, exact_json
from balance_watch.providers.registry import catalogue_provider, slugs
from balance_watch.providers.spec import Spec
from balance_watch.validation import Faults

FIELDS = ("name", "provider", "alert_below", "currency", "base_url", "auth")
TABLES = ("credentials", "variables", "labels")
"""The columns of CSV: fields of an account, and tables whose names follow a dot."""
_NAME_OR_BRACE = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|[{}]')
"""A string of JSON, with the colon behind it if it is a name, or the bound of a table."""


class Found(NamedTuple):
    """An account of a file: where it is, and its entry for the secret."""

    where: str
    entry: dict[str, Any]


def check_accounts(own: Mapping[str, Spec], found: Iterable[Found], faults: Faults) -> None:
    """Adds every fault of the accounts of a file, each by its place.

    Args:
        own: the providers of the policy, by slug.
        found: the accounts.
        faults: gets every fault.
    """
    names: dict[str, str] = {}
    for where, entry in found:
        problems = Faults()
        raw = entry.get("name")
        name = canonical_name(raw) if isinstance(raw, str) else ""
        if name and name in names:
            problems.append(f"has the name {name}, as {names[name]}")
        names.setdefault(name, where)
        parsed(own, entry, problems)
        place = re.compile(rf"^account {re.escape(str(entry.get('name')))}[:,] ")
        faults += [f"{where}: {place.sub('', problem)}" for problem in problems]


def read_accounts(file: str, faults: Faults) -> Iterator[Found]:
    """Yields the accounts of a file: JSON in the form of the secret, CSV, or a .env file of keys.

    Args:
        file: its name; - for standard input.
        faults: gets every fault that leaves an account out.

    Raises:
        CommandError: the file is in none of these forms.
    """
    text = read_text(file)
    if not text.strip():
        raise CommandError(f"{file} is empty.")
    if text.lstrip().startswith(("{", "[")):
        return _from_json(file, text, faults)
    if Path(file).name.startswith(".env") or file.endswith(".env") or is_env(text):
        return _from_env(file, text, faults)
    return _from_csv(file, text, faults)


def _from_json(file: str, text: str, faults: Faults) -> Iterator[Found]:
    try:
        entries = entries_of(text)
    except NotEditableError as error:
        raise CommandError(f"{file} {error}{_position(text)}.") from None
    lines = Counter(_line(text, entry.start) for entry in entries)
    for entry in entries:
        line = _line(text, entry.start)
        column = f", column {_column(text, entry.start)}" if lines[line] > 1 else ""
        where = f"{file}, line {line}{column}"
        if not isinstance(entry.value, dict):
            faults.append(f"{where}: an account must be a table")
            continue
        try:
            exact_json(text[entry.start : entry.end])
        except NotExactError as error:
            faults.append(f"{where}: {error}")
            continue
        yield Found(where, entry.value)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _column(text: str, at: int) -> int:
    return at - text.rfind("\n", 0, at)


def _position(text: str) -> str:
    """Returns where a text ceases to be JSON, and why, or where a name comes twice in a table."""
    try:
        json.loads(text, parse_int=str)
    except json.JSONDecodeError as error:
        return f" (line {error.lineno}, column {error.colno}): {error.msg.lower()}"
    except RecursionError:
        return ""
    at = _second_of_a_name(text)
    return "" if at is None else f" (line {_line(text, at)}, column {_column(text, at)})"


def _second_of_a_name(text: str) -> int | None:
    """Returns where a name is that its table in a text of JSON has already; None without one."""
    tables = list[set[str]]()
    for token in _NAME_OR_BRACE.finditer(text):
        if token[0] == "{":
            tables.append(set())
        elif token[0] == "}":
            tables.pop()
        elif token[2]:  # a name, and not a value
            name = json.loads(token[1])
            if name in tables[-1]:
                return token.start()
            tables[-1].add(name)
    return None


def _from_csv(file: str, text: str, faults: Faults) -> Iterator[Found]:
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = _rows(file, csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    line, header = next(rows, (1, []))
    columns = [column.strip() for column in header]
    _check_columns(columns, f"{file}, line {line}", faults)
    for line, row in rows:
        where = f"{file}, line {line}"
        if len(row) > len(columns):
            faults.append(f"{where}: has {len(row)} cells for {len(columns)} columns")
            continue
        yield Found(where, _csv_entry(zip(columns, row, strict=False), where, faults))


def _check_columns(columns: Sequence[str], where: str, faults: Faults) -> None:
    """Adds the faults of the header.

    Raises:
        CommandError: it lacks a column without which there is no account.
    """
    for number, column in enumerate(columns):
        table, _, name = column.partition(".")
        shown = column if is_plain_name(column) else f"number {number + 1}"
        if column in columns[:number]:
            faults.append(f"{where}, column {shown}: is there twice")
        elif column not in FIELDS and not (table in TABLES and name):
            known = f"{', '.join(FIELDS)}, {', '.join(f'{it}.NAME' for it in TABLES)}"
            faults.append(f"{where}, column {shown}: is unknown; the columns are {known}")
    if "name" not in columns or "provider" not in columns:
        raise CommandError(f"{where}: must have the columns name and provider.")


def _csv_entry(cells: Iterable[tuple[str, str]], where: str, faults: Faults) -> dict[str, Any]:
    """Returns an account by its columns and their cells; an empty cell is an absent field."""
    entry: dict[str, Any] = {"name": "", "provider": "", "credentials": {}}
    for column, cell in cells:
        table, _, name = column.partition(".")
        if not cell.strip():
            continue
        if column == "alert_below" and "," in cell:
            faults.append(f"{where}: alert_below has a comma: write it with a decimal point")
        elif table in TABLES:
            entry.setdefault(table, {})[name] = cell.strip()
        else:
            entry[column] = cell.strip()
    return entry


def _rows(file: str, reader: Any) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401 (of csv)
    """Yields each row that is not empty, with the number of its last line.

    Raises:
        CommandError: the text is not CSV.
    """
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise CommandError(f"{file}, line {reader.line_num}: is not CSV ({error}).") from None


def _from_env(file: str, text: str, faults: Faults) -> Iterator[Found]:
    """Yields an account for each provider all of whose usual variables have a value in the file."""
    values: dict[str, tuple[str, int]] = {}
    twice = dict[str, str]()
    without = list[str]()
    lines = dict[str, int]()
    for name, value, line in read_env(file, text, faults):
        lines.setdefault(name, line)
        if not value:
            without.append(name)
        elif name in values and values[name][0] != value:
            twice[name] = f"{file}, line {line}: {name} has another value in line {values[name][1]}"
        else:
            values[name] = value, line
    if without:
        err.print(sanitize(f"Without a value: {_listed(without, lines)}", "dim"))
    by_names: dict[frozenset[str], list[str]] = defaultdict(list)
    for slug in slugs():
        spec = catalogue_provider(slug)
        names = frozenset() if spec is None else frozenset(spec.environment)
        if names and names <= values.keys():
            by_names[names].append(slug)
    used = set[str]()
    for names, found in sorted(by_names.items(), key=lambda it: min(values[n][1] for n in it[0])):
        used |= names
        faults += [twice[name] for name in sorted(names & twice.keys())]
        where = f"{file}, line {min(values[name][1] for name in names)}"
        if len(found) > 1:
            listed = ", ".join(found)
            err.print(
                sanitize(f"{where}: is the key of {listed}: add one by `accounts add`", "yellow"),
                soft_wrap=True,
            )
            continue
        yield Found(where, _entry_of(found[0], {name: values[name][0] for name in names}))
    left = values.keys() - used
    for names in _incomplete(left):
        here, absent = sorted(names & values.keys()), sorted(names - values.keys())
        where = f"{file}, line {min(values[name][1] for name in here)}"
        faults.append(
            f"{where}: {', '.join(here)} needs {', '.join(absent)} too: add that, or take it out"
        )
        left -= names
    _show_unknown(sorted(left), lines)


def _incomplete(left: Iterable[str]) -> list[frozenset[str]]:
    """Returns the usual variables of providers of which only some are left, a key among them."""
    found = list[frozenset[str]]()
    for spec in filter(None, map(catalogue_provider, slugs())):
        names = frozenset(spec.environment)
        keys = {it for it in names & set(left) if spec.environment[it] in _credentials_of(spec)}
        if keys and not any(keys & other for other in found):
            found.append(names)
    return found


def _credentials_of(spec: Spec) -> tuple[str, ...]:
    return tuple(spec.credentials(None) or ())


def _show_unknown(names: Sequence[str], lines: Mapping[str, int]) -> None:
    """Says what to do with variables that are no key of a provider."""
    hints = {name: found for name in names if is_plain_name(name) and (found := _hint_of(name))}
    for name, found in hints.items():
        err.print(sanitize(f"{name}: {found}", "yellow"), soft_wrap=True)
    if others := [name for name in names if name not in hints]:
        err.print(sanitize(f"Not the key of a provider: {_listed(others, lines)}", "dim"))


def _listed(names: Iterable[str], lines: Mapping[str, int]) -> str:
    """Returns names of variables; one that may be a key itself is told by its line."""
    shown = (name if is_plain_name(name) else f"the name in line {lines[name]}" for name in names)
    return ", ".join(shown)


def _hint_of(name: str) -> str:
    """Says what a provider takes whose name a variable begins with; empty if there is none."""
    word = name.partition("_")[0].lower()
    spec = catalogue_provider(word)
    if spec is None:
        return hint(word, {}) if tells_nothing(word) else ""
    if not spec.environment:
        return f"add it by `accounts add --provider {word}`, which takes {needs(spec)}."
    return f"{word} takes {', '.join(spec.environment)} ({spec.key or 'another key'})."


def _entry_of(slug: str, values: Mapping[str, str]) -> dict[str, Any]:
    spec = catalogue_provider(slug)
    entry: dict[str, Any] = {"name": slug, "provider": slug, "credentials": {}}
    for variable, target in (spec.environment if spec else {}).items():
        is_credential = spec is not None and target in _credentials_of(spec)
        table = "credentials" if is_credential else "variables"
        entry.setdefault(table, {})[target] = values[variable]
    return entry
