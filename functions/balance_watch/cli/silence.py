"""`balance-watch silence`: mutes alerts for a while, lists the silences, ends one."""

import argparse
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from balance_watch.cli.connection import wiring
from balance_watch.cli.matching import nearest, unmatched_lines
from balance_watch.cli.questions import can_ask, confirm
from balance_watch.cli.terminal import (
    Subparsers,
    err,
    is_pipe,
    out,
    pipe_help,
    print_faults,
    print_json,
    print_rows_for_pipe,
    print_wrapped,
    sanitize,
)
from balance_watch.config.policy_types import Duration
from balance_watch.domain.formatting import counted, format_duration, format_time, iso_time
from balance_watch.domain.silences import Silence
from balance_watch.domain.unmatched import fits_an_alert, fitting
from balance_watch.errors import CommandError
from balance_watch.usecases import silencing

_CRITICAL_TOO = ", critical ones too. That an account cannot be read is told all the same."
_PIPE_COLUMNS = {
    "silence": "its name, for `silence end`",
    "match": "FACT=GLOB; all must match",
    "until": "when it ends, in UTC",
    "reason": "why",
    "created_at": "when it was added, in UTC",
}


def add_commands(commands: Subparsers) -> None:
    """Adds `silence add`, `silence list` and `silence end`."""
    silence = commands.add_parser("silence", help="mute alerts for a while")
    actions = silence.add_subparsers(title="actions", required=True, metavar="ACTION")
    add = actions.add_parser(
        "add",
        help="mute the alerts that match",
        description="Mutes the alerts whose facts match. If a muted alert still fires when the"
        " silence ends, it is sent then. An alert that an account cannot be read, or that the"
        " configuration has a fault, is muted only by name: metric=unreadable or"
        " metric=configuration.",
    )
    add.add_argument(
        "--match",
        action="append",
        required=True,
        type=_matcher,
        metavar="FACT=GLOB",
        help="FACT is account, provider, labels.NAME, severity, rule or metric; of several --match,"
        " all must match",
    )
    add.add_argument(
        "--for",
        dest="duration",
        required=True,
        type=_duration,
        metavar="4h",
        help="a duration such as 30m, 4h, 2d or 1w, at most 31d",
    )
    add.add_argument("--reason", required=True, type=_reason, help="why, in a few words")
    add.set_defaults(run=_add, wrong_use=add.error)
    listed = actions.add_parser(
        "list",
        help="list the silences that are active",
        epilog=pipe_help("a silence", _PIPE_COLUMNS),
    )
    listed.add_argument("--json", action="store_true", help="print them as JSON")
    listed.set_defaults(run=_list)
    end = actions.add_parser("end", help="end a silence before its time")
    end.add_argument("silence", metavar="SILENCE", help="its name, from `silence list`")
    end.set_defaults(run=_end)


def _matcher(text: str) -> tuple[str, str]:
    fact, _, glob = text.partition("=")
    _reject(silencing.matcher_fault(fact, glob))
    return fact, glob


def _duration(text: str) -> timedelta:
    try:
        duration = Duration.parse(text).span
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    _reject(silencing.duration_fault(duration))
    return duration


def _reason(text: str) -> str:
    _reject(silencing.reason_fault(text))
    return text


def _reject(fault: str | None) -> None:
    if fault is not None:
        raise argparse.ArgumentTypeError(fault)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _add(arguments: argparse.Namespace) -> int:
    match: dict[str, str] = {}
    for fact, glob in arguments.match:
        if fact in match:
            arguments.wrong_use(f"argument --match: {fact} is named twice: add two silences")
        match[fact] = glob
    wired = wiring(arguments)
    found = wired.store.inventories.latest()
    if found is not None and not fits_an_alert(match, found.facts):
        words = " ".join(f"{fact}={glob}" for fact, glob in match.items())
        hint = nearest(match, found.facts)
        print_faults([it + hint for it in unmatched_lines([f"silence {words}"], len(found.facts))])
    count = 0 if found is None else fitting(match, found.facts)
    if found is not None and 1 < count == len(found.facts) and not _narrowing(match):
        span = format_duration(arguments.duration)
        text = f"This mutes every alert of all {count} accounts for {span}{_CRITICAL_TOO}"
        print_wrapped(sanitize(text, "yellow"), console=err)
        if can_ask() and not confirm("Mute them all?"):
            out.print("Nothing was muted.")
            return 1
    silence = silencing.add(
        wired.store.silences, match, arguments.duration, arguments.reason, _now()
    )
    text = f"Silence {silence.name}: {silence.matchers}, until {format_time(silence.until)}."
    out.print(sanitize(text))
    if count:
        accounts, narrowing = counted(count, "account"), _narrowing(match)
        what = f"the alerts with {narrowing}" if narrowing else "every alert"
        rest = "." if narrowing else _CRITICAL_TOO
        print_wrapped(sanitize(f"It mutes {what} of {accounts}{rest}"))
    return 0


def _narrowing(match: Mapping[str, str]) -> str:
    """Returns which alerts of an account a match leaves; empty if it leaves all of them."""
    facts = ("severity", "rule", "metric")
    return " ".join(f"{it}={match[it]}" for it in facts if match.get(it, "*") != "*")


def _list(arguments: argparse.Namespace) -> int:
    now = _now()
    silences = wiring(arguments).store.silences.at(now)
    if arguments.json:
        print_json([_as_json(silence) for silence in silences])
        return 0
    if not silences:
        (err if is_pipe() else out).print("There are no silences.")
    if is_pipe():
        print_rows_for_pipe(_PIPE_COLUMNS, map(_fields, silences))
    elif silences:
        out.print(_table(silences, now))
    return 0


def _fields(silence: Silence) -> tuple[str, ...]:
    until, created_at = iso_time(silence.until), iso_time(silence.created_at)
    return silence.name, silence.matchers, until, silence.reason, created_at


def _table(silences: Iterable[Silence], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("silence", "match", "ends in", "reason"):
        table.add_column(name, overflow="fold")
    for silence in silences:
        left = format_duration(silence.until - now)
        table.add_row(silence.name, sanitize(silence.matchers), left, sanitize(silence.reason))
    return table


def _as_json(silence: Silence) -> dict[str, Any]:
    return {
        "silence": silence.name,
        "match": dict(silence.match),
        **({"exact": True} if silence.exact else {}),
        "until": iso_time(silence.until),
        "reason": silence.reason,
        "created_at": iso_time(silence.created_at),
    }


def _end(arguments: argparse.Namespace) -> int:
    if not silencing.end(wiring(arguments).store.silences, arguments.silence, _now()):
        raise CommandError("There is no such silence: see `balance-watch silence list`.")
    out.print("Ended. The next check sends the muted alerts that still fire.")
    return 0
