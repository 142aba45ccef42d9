"""`balance-watch accounts import`: stores the accounts of a file, all of them or none."""

import argparse
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from balance_watch.cli.account_storing import (
    add_storing_options,
    parsed,
    provider_of,
    secret_name,
    store,
    stored,
)
from balance_watch.cli.connection import wiring
from balance_watch.cli.questions import can_ask, confirm
from balance_watch.cli.terminal import Subparsers, err, out, print_faults, read_text, sanitize
from balance_watch.config.secret_text import NotEditableError, entries_of
from balance_watch.domain.account import canonical_name
from balance_watch.domain.formatting import counted
from balance_watch.errors import CommandError
from balance_watch.exact_parsing import without_mark
from balance_watch.providers.registry import catalogue_provider, slugs
from balance_watch.validation import Faults

_FIELDS = ("name", "provider", "alert_below", "currency", "base_url", "auth")
_TABLES = ("credentials", "variables", "labels")
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


class Found(NamedTuple):
    """An account of a file: where it is, and its entry for the secret."""

    where: str
    entry: dict[str, Any]


def add_action(actions: Subparsers) -> None:
    """Adds `accounts import`."""
    command = actions.add_parser(
        "import",
        help="add the accounts of a file",
        description="The file is JSON in the form of the secret; CSV with the columns name,"
        " provider, alert_below, currency, credentials.X, variables.X and labels.X; or a .env file"
        " of keys.",
    )
    command.add_argument("file", metavar="FILE", help="- for standard input: JSON or CSV")
    add_storing_options(command)
    command.set_defaults(run=_import, wrong_use=command.error)


def _import(arguments: argparse.Namespace) -> int:
    file = arguments.file
    if not arguments.yes and (file == "-" or not can_ask()):
        arguments.wrong_use("there is nobody to ask: add --yes")
    faults = Faults()
    found = list(_read(file, faults))
    wired = wiring(arguments)
    secret = secret_name(wired, arguments.secret)
    own = wired.policy_file().providers
    places = {it.entry.name: it.secret for it in stored(wired)}
    new = list[Found]()
    names: dict[str, str] = {}
    for where, entry in found:
        problems = Faults()
        name = canonical_name(str(entry.get("name", "")))
        if name in places:
            err.print(
                sanitize(f"{where}: {name} is in the secret {places[name]}: left alone", "dim")
            )
            continue
        if name in names:
            problems.append(f"has the name {name}, as {names[name]}")
        names.setdefault(name, where)
        parsed(own, entry, problems)
        place = re.compile(rf"^account {re.escape(str(entry.get('name')))}[:,] ")
        faults += [f"{where}: {place.sub('', problem)}" for problem in problems]
        new.append(Found(where, entry))
    if faults:
        print_faults(faults)
        raise CommandError("Nothing was stored: mend the file, and import it again.")
    if not new:
        out.print("There is nothing new to store.")
        return 0
    for _, entry in new:
        below = f", alert below {entry['alert_below']}" if "alert_below" in entry else ""
        out.print(sanitize(f"{entry['name']}: {provider_of(entry)}{below}"))
    number = counted(len(new), "account")
    if not arguments.yes and not confirm(f"Store {number} in {secret}?", default=True):
        out.print("Nothing was stored.")
        return 1
    store(wired, secret, [entry for _, entry in new])
    out.print(f"Stored {number}. `balance-watch check` reads them now.")
    return 0


def _read(file: str, faults: Faults) -> Iterator[Found]:
    text = without_mark(read_text(file))
    if text.lstrip().startswith(("{", "[")):
        return _from_json(file, text)
    first = text.partition("\n")[0]
    is_env = Path(file).name.startswith(".env") or file.endswith(".env")
    if is_env or (_LINE.fullmatch(first.strip()) and "," not in first and ";" not in first):
        return _from_env(file, text, faults)
    return _from_csv(file, text, faults)


def _from_json(file: str, text: str) -> Iterator[Found]:
    try:
        json.loads(text)
        entries = entries_of(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CommandError(f"{file} is not JSON ({where}).") from None
    except NotEditableError as error:
        raise CommandError(f"{file} {error}.") from None
    for entry in entries:
        line = text.count("\n", 0, entry.start) + 1
        if not isinstance(entry.value, dict):
            raise CommandError(f"{file}, line {line}: an account must be a table.")
        yield Found(f"{file}, line {line}", entry.value)


def _from_csv(file: str, text: str, faults: Faults) -> Iterator[Found]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    columns = [column.strip() for column in next(rows, [])]
    for column in columns:
        table, _, name = column.partition(".")
        if column not in _FIELDS and not (table in _TABLES and name):
            faults.append(f"{file}, line 1, column {column or 'without a name'}: is unknown")
    if "name" not in columns or "provider" not in columns:
        raise CommandError(f"{file}, line 1: must have the columns name and provider.")
    for row in rows:
        where = f"{file}, line {rows.line_num}"
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(columns):
            faults.append(f"{where}: has {len(row)} cells for {len(columns)} columns")
            continue
        entry: dict[str, Any] = {"credentials": {}}
        for column, cell in zip(columns, row, strict=False):
            table, _, name = column.partition(".")
            if not cell.strip():
                continue
            if table in _TABLES:
                entry.setdefault(table, {})[name] = cell.strip()
            else:
                entry[column] = cell.strip()
        yield Found(where, {"name": "", "provider": "", **entry})


def _from_env(file: str, text: str, faults: Faults) -> Iterator[Found]:
    """Yields an account for each provider all of whose usual variables are in the file."""
    values: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            faults.append(f"{file}, line {number}: is not NAME=VALUE")
            continue
        values[match[1]] = _unquoted(match[2]), number
    by_names: dict[frozenset[str], list[str]] = defaultdict(list)
    for slug in slugs():
        spec = catalogue_provider(slug)
        names = frozenset() if spec is None else frozenset(spec.environment)
        if names and names <= values.keys():
            by_names[names].append(slug)
    used = set[str]()
    for names, found in sorted(by_names.items(), key=lambda it: min(values[n][1] for n in it[0])):
        used |= names
        where = f"{file}, line {min(values[name][1] for name in names)}"
        if len(found) > 1:
            listed = ", ".join(found)
            err.print(
                sanitize(f"{where}: is the key of {listed}: add one by `accounts add`", "yellow"),
                soft_wrap=True,
            )
            continue
        yield Found(where, _entry_of(found[0], {name: values[name][0] for name in names}))
    if unknown := sorted(values.keys() - used):
        err.print(sanitize(f"Not the key of a provider: {', '.join(unknown)}", "dim"))


def _entry_of(slug: str, values: Mapping[str, str]) -> dict[str, Any]:
    spec = catalogue_provider(slug)
    entry: dict[str, Any] = {"name": slug, "provider": slug, "credentials": {}}
    for variable, target in (spec.environment if spec else {}).items():
        is_credential = spec is not None and target in (spec.credentials(None) or ())
        table = "credentials" if is_credential else "variables"
        entry.setdefault(table, {})[target] = values[variable]
    return entry


def _unquoted(text: str) -> str:
    """Returns a value without its quotes, or without the comment after it."""
    if len(text) > 1 and text[0] in "\"'":
        end = text.find(text[0], 1)
        if end > 0:
            return text[1:end]
    return re.split(r"\s#", text, maxsplit=1)[0].strip()
