"""`balance-watch history`: the readings of one account, as a plot and a table."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from balance_watch.cli.connection import find_account, inventory, wiring
from balance_watch.cli.events import show_events
from balance_watch.cli.terminal import Subparsers, out, print_json, sanitize
from balance_watch.domain.account import canonical_name
from balance_watch.domain.formatting import digits, iso_time, sparkline, with_unit
from balance_watch.domain.reading import Reading

_MAX_DAYS = 36_500
_TABLE_ROWS = 24
_PLOT_WIDTH = 72


def add_commands(commands: Subparsers) -> None:
    """Adds `history`."""
    command = commands.add_parser("history", help="show the readings of an account")
    command.add_argument("account", metavar="ACCOUNT", type=canonical_name)
    command.add_argument("--days", type=days, default=7, help="how far back (default: 7)")
    command.add_argument("--json", action="store_true", help="print every reading as JSON")
    command.add_argument("--events", action="store_true", help="show what was said of it instead")
    command.set_defaults(run=_history)


def days(text: str) -> int:
    """Returns a number of days, for argparse."""
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_DAYS:
        raise argparse.ArgumentTypeError(f"must be a number of days between 1 and {_MAX_DAYS}")
    return int(text)


def _history(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    until = datetime.now(UTC)
    readings = wired.store.accounts.history(
        arguments.account, until - timedelta(days=arguments.days), until
    )
    if not readings:
        find_account(inventory(wired), arguments.account)
    if arguments.events:
        since = until - timedelta(days=arguments.days)
        show_events(wired.store.events.of(arguments.account, since, until), json=arguments.json)
    elif arguments.json:
        print_json([_as_json(reading) for reading in readings])
    else:
        _show(readings)
    return 0


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


def _show(readings: list[Reading]) -> None:
    if not readings:
        out.print("There is no reading in that time.")
        return
    # Amounts of different currencies do not belong into one plot.
    readings = [reading for reading in readings if reading.currency == readings[-1].currency]
    step = max(1, len(readings) // _PLOT_WIDTH)
    plotted = readings[::-step][:_PLOT_WIDTH][::-1]
    out.print(sparkline(tuple(reading.balance for reading in plotted)), style="cyan")
    first, last = readings[0], readings[-1]
    count = "1 reading" if len(readings) == 1 else f"{len(readings)} readings"
    out.print(
        f"{with_unit(first.balance, first.currency)} → {with_unit(last.balance, last.currency)},"
        f" {count} since {first.observed_at:%Y-%m-%d %H:%M} UTC"
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("observed (UTC)", "balance", "credits", "points", "auto-reload", "status"):
        right = name in ("balance", "credits", "points")
        table.add_column(name, justify="right" if right else "left")
    for reading in readings[-_TABLE_ROWS:]:
        table.add_row(*(sanitize(cell) for cell in _row(reading)))
    out.print(table)
    if len(readings) > _TABLE_ROWS:
        count = f"The latest {_TABLE_ROWS} of {len(readings)}; --json prints all of them."
        out.print(count, style="dim")


def _row(reading: Reading) -> tuple[str, ...]:
    auto_reload = reading.auto_reload
    flag = "low" if reading.provider_flag else ""
    return (
        f"{reading.observed_at:%Y-%m-%d %H:%M}",
        with_unit(reading.balance, reading.currency),
        "" if reading.credits is None else f"{reading.credits:,f}",
        "" if reading.points is None else f"{reading.points:,f}",
        "" if auto_reload is None else ("on" if auto_reload.enabled else "off"),
        " ".join(filter(None, (flag, reading.status))),
    )
