"""`balance-watch history`: what happened to one account, as a plot and a table."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from balance_watch.cli.chart import chart_with_axes
from balance_watch.cli.connection import find_account, inventory, wiring
from balance_watch.cli.events import show_events
from balance_watch.cli.terminal import (
    Subparsers,
    is_pipe,
    out,
    pipe_help,
    print_json,
    sanitize,
)
from balance_watch.cli.timeline import (
    PIPE_COLUMNS,
    Entry,
    balance_of,
    plotted,
    print_timeline_for_pipe,
    thinned,
    timeline,
    timeline_table,
)
from balance_watch.domain.account import canonical_name
from balance_watch.domain.formatting import digits, format_time, iso_time
from balance_watch.domain.reading import Reading
from balance_watch.domain.report import usual_gap
from balance_watch.domain.state import AccountState
from balance_watch.providers.registry import catalogue_provider
from balance_watch.wiring import Wiring

_MAX_DAYS = 36_500
_WIDEST = 100


def add_commands(commands: Subparsers) -> None:
    """Adds `history`."""
    command = commands.add_parser(
        "history",
        help="show the readings of an account, and what happened to it",
        description="Shows the balance of an account over time, from nothing to its largest, and"
        " below it readings, top-ups, failures and alerts in order of time.",
        epilog=pipe_help("a reading or an event", PIPE_COLUMNS),
    )
    command.add_argument("account", metavar="ACCOUNT", type=canonical_name)
    command.add_argument(
        "--days", type=days, default=7, metavar="N", help="how far back (default: 7)"
    )
    command.add_argument("--json", action="store_true", help="print every reading as JSON")
    command.add_argument("--events", action="store_true", help="show only what was said of it")
    command.set_defaults(run=_history)


def days(text: str) -> int:
    """Returns a number of days, for argparse."""
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_DAYS:
        raise argparse.ArgumentTypeError(f"must be a number of days between 1 and {_MAX_DAYS}")
    return int(text)


class _Past(NamedTuple):
    """The readings of an account between two times."""

    since: datetime
    until: datetime
    readings: list[Reading]


def _history(arguments: argparse.Namespace) -> int:
    wired, name = wiring(arguments), arguments.account
    until = datetime.now(UTC)
    since = until - timedelta(days=arguments.days)
    readings = wired.store.accounts.history(name, since, until)
    if not readings:
        find_account(inventory(wired), name)
    if arguments.json and not arguments.events:
        print_json([_as_json(reading) for reading in readings])
        return 0
    events = wired.store.events.of(name, since, until)
    if arguments.json or (arguments.events and not is_pipe()):
        show_events(events, json=arguments.json)
        return 0
    if arguments.events:
        readings = []
    entries = timeline(readings, events, is_quota=_is_quota(wired, name, readings))
    if is_pipe():
        print_timeline_for_pipe(entries)
        return 0
    _show(_Past(since, until, readings), entries)
    state = wired.store.accounts.states([name]).get(name, AccountState(name))
    if state.failure is not None and state.failing_since is not None:
        words = f"It cannot be read since {format_time(state.failing_since)}:"
        out.print(sanitize(f"{words} {state.failure.message}", "magenta"))
    return 0


def _is_quota(wired: Wiring, name: str, readings: Sequence[Reading]) -> bool:
    """Tells whether the balance resets by itself: by its latest reading, or by its provider."""
    if not readings:
        return False
    if (renews := readings[-1].renews) is not None:
        return renews
    found = wired.store.inventories.latest()
    accounts = () if found is None else (*found.disabled, *found.accounts)
    provider = next((it.provider for it in accounts if it.name == name), "")
    spec = catalogue_provider(provider) or wired.policy_file().providers.get(provider)
    return spec is not None and spec.kind == "quota"


def _as_json(reading: Reading) -> dict[str, Any]:
    return {
        "observed_at": iso_time(reading.observed_at),
        "balance": digits(reading.balance),
        "currency": reading.currency,
        "credits": digits(reading.credits),
        "points": digits(reading.points),
        "provider_flag": reading.provider_flag,
        "provider_threshold": digits(reading.provider_threshold),
        "auto_reload": None if reading.auto_reload is None else reading.auto_reload.enabled,
    }


def _show(past: _Past, entries: Sequence[Entry]) -> None:
    """Shows the plot and the table of an account's history."""
    since, until, readings = past
    if readings:
        first, last = readings[0], readings[-1]
        lines = chart_with_axes(
            plotted(readings),
            since=since,
            until=until,
            width=min(out.width, _WIDEST),
            lasting=usual_gap([it.observed_at for it in readings]),
        )
        for line in lines:
            out.print(sanitize(line, "cyan"))
        count = "1 reading" if len(readings) == 1 else f"{len(readings):,} readings"
        text = f"{balance_of(first)} → {balance_of(last)}, {count}"
        out.print(sanitize(f"{text} since {format_time(first.observed_at)}"))
        out.print()
    else:
        out.print("There is no reading in that time.")
    shown = thinned(entries)
    if shown:
        out.print(timeline_table(shown))
    if len(shown) < len(entries):
        number = sum(it.reading is not None for it in shown)
        text = f"{number} of {len(readings):,} readings; a pipe and --json have all of them."
        out.print(text, style="dim")
