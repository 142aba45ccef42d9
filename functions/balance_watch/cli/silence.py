"""`balance-watch silence`: holds alerts back for a while, lists what is held back, ends it."""

import argparse
import secrets
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from rich.table import Table

from balance_watch.cli.terminal import out, print_json, sanitize, wiring
from balance_watch.config.policy import OF_ALERTS, is_fact
from balance_watch.config.policy_types import Duration
from balance_watch.domain.formatting import format_duration, format_time, iso_time
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.silences import Silence
from balance_watch.errors import CommandError

_LONGEST = timedelta(days=31)
_MOST, _WORDS = 20, 200
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def add_commands(commands: Any) -> None:  # noqa: ANN401 (argparse keeps the type to itself)
    """Adds `silence add`, `silence list` and `silence end`."""
    silence = commands.add_parser("silence", help="hold alerts back for a while")
    actions = silence.add_subparsers(title="actions", required=True, metavar="ACTION")
    add = actions.add_parser(
        "add",
        help="begin to hold back",
        description="Holds back every alert whose facts match. What is held back is said when the"
        " silence ends, if it still holds. That an account cannot be read, or that the"
        " configuration has a fault, is held back only where it is named: metric=unreadable.",
    )
    add.add_argument(
        "--match",
        action=_Facts,
        required=True,
        type=_fact,
        metavar="FACT=GLOB",
        help="account, provider, labels.NAME, severity, rule or metric; all that are given must"
        " match (give it again for another)",
    )
    add.add_argument(
        "--for",
        dest="span",
        required=True,
        type=_span,
        metavar="4h",
        help="30m, 4h, 2d, 1w, at most 31d",
    )
    add.add_argument("--reason", required=True, type=_reason, help="what for, in a few words")
    add.set_defaults(run=_add)
    listed = actions.add_parser("list", help="show what is held back")
    listed.add_argument("--json", action="store_true", help="print it as JSON")
    listed.set_defaults(run=_list)
    end = actions.add_parser("end", help="end a silence before its time")
    end.add_argument("silence", metavar="SILENCE", help="its name, as `silence list` shows it")
    end.set_defaults(run=_end)


class _Facts(argparse.Action):
    """Gathers facts; all must match, so that one named twice could never."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,  # noqa: ANN401 (as its base)
        option_string: str | None = None,
    ) -> None:
        """Adds a fact."""
        del parser, option_string
        fact, glob = values
        facts = getattr(namespace, self.dest) or {}
        if fact in facts:
            raise argparse.ArgumentError(self, f"{fact} is named twice: add two silences")
        setattr(namespace, self.dest, {**facts, fact: glob})


def _fact(text: str) -> tuple[str, str]:
    fact, equals, glob = text.partition("=")
    if len(text) > _WORDS:
        raise argparse.ArgumentTypeError(f"must be {_WORDS} characters at most")
    if not equals or not glob or not is_fact(fact, OF_ALERTS):
        can = ", ".join((*OF_ALERTS, "labels.NAME"))
        raise argparse.ArgumentTypeError(f"must be FACT=GLOB, with one of {can}")
    known = {"severity": Severity, "metric": Metric}.get(fact)
    if known is not None and not any(fnmatchcase(each.value, glob) for each in known):
        can = ", ".join(each.value for each in known)
        raise argparse.ArgumentTypeError(f"matches no {fact}: there are {can}")
    return fact, glob


def _span(text: str) -> timedelta:
    try:
        span = Duration.parse(text).span
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not timedelta() < span <= _LONGEST:
        raise argparse.ArgumentTypeError(f"must be more than nothing and {_LONGEST.days}d at most")
    return span


def _reason(text: str) -> str:
    if not text.strip() or len(text) > _WORDS or not text.isprintable():
        raise argparse.ArgumentTypeError(f"must be 1 to {_WORDS} characters on one line")
    return text.strip()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _add(arguments: argparse.Namespace) -> int:
    match = arguments.match
    silences, now = wiring().silences, _now()
    if len(silences.at(now)) >= _MOST:
        raise CommandError(f"There are {_MOST} silences, the most that there can be: end one.")
    name = "".join(secrets.choice(_LETTERS) for _ in range(5))
    silence = Silence(name, match, now + arguments.span, arguments.reason, now)
    silences.add(silence)
    out.print(sanitize(f"Silence {name}: {silence.matchers}, until {format_time(silence.until)}."))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    now = _now()
    silences = wiring().silences.at(now)
    if arguments.json:
        print_json([_as_json(each) for each in silences])
        return 0
    if not silences:
        out.print("Nothing is held back.")
        return 0
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("silence", "match", "ends in", "reason"):
        table.add_column(name, overflow="fold")
    for each in silences:
        left = format_duration(each.until - now)
        table.add_row(each.name, sanitize(each.matchers), left, sanitize(each.reason))
    out.print(table)
    return 0


def _as_json(silence: Silence) -> dict[str, Any]:
    return {
        "silence": silence.name,
        "match": dict(silence.match),
        "until": iso_time(silence.until),
        "reason": silence.reason,
        "created_at": iso_time(silence.created_at),
    }


def _end(arguments: argparse.Namespace) -> int:
    silences = wiring().silences
    if arguments.silence not in {each.name for each in silences.at(_now())}:
        raise CommandError("There is no such silence: see `balance-watch silence list`.")
    silences.end(arguments.silence)
    out.print("Ended. What it held back is said at the next check, if it still holds.")
    return 0
