"""`balance-watch report`: all accounts over a time, as one HTML file and as CSV."""

import argparse
import webbrowser
from datetime import UTC, datetime
from pathlib import Path

from balance_watch.cli.connection import inventory, wiring
from balance_watch.cli.history import days
from balance_watch.cli.report_csv import COLUMNS, report_csv
from balance_watch.cli.terminal import Subparsers, err, sanitize
from balance_watch.domain.formatting import format_time
from balance_watch.domain.report import Period, Report, period
from balance_watch.usecases.reporting import gather

_OUTPUT = "report.html"
_FIRST_YEAR = 1970


def add_commands(commands: Subparsers) -> None:
    """Adds `report`."""
    command = commands.add_parser(
        "report",
        help="write a report on all accounts over a time: a page to look at, or CSV",
        description="Writes one HTML file that needs nothing else, with every account over a time:"
        " what runs dry next, balances, spending by day, provider and label, alerts, and when"
        " nothing could be read. It covers whole days of UTC, and the last day up to TIME.",
        epilog="CSV has a row for each account and day of UTC, with every digit:"
        f" {', '.join(COLUMNS)}. A day on which nothing was read has no numbers. With --csv and"
        " without --output, only CSV is written.",
    )
    command.add_argument(
        "--days",
        type=days,
        default=30,
        metavar="N",
        help="how far back (default: 30), at most as far as readings are kept: HISTORY_DAYS, or"
        " 400 days",
    )
    command.add_argument(
        "--until",
        type=_time,
        metavar="TIME",
        help="the end, such as 2026-11-01 or 2026-11-01T12:00:00Z (default: now); a time"
        " that is yet to come is now",
    )
    command.add_argument(
        "--output", metavar="FILE", help=f"the page (default: {_OUTPUT}); - is standard output"
    )
    command.add_argument("--csv", metavar="FILE", help="write CSV; - is standard output")
    command.add_argument("--open", action="store_true", help="open the page in the browser")
    command.set_defaults(run=_report)


def _time(text: str) -> datetime:
    """Returns a time, for argparse; without an offset, it is one of UTC."""
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (OverflowError, ValueError):
        found = None
    if found is None or found.year < _FIRST_YEAR:
        raise argparse.ArgumentTypeError(
            f"must be a day or a time between {_FIRST_YEAR}-01-01 and now, such as 2026-11-01 or"
            " 2026-11-01T12:00:00Z"
        )
    return found


def _report(arguments: argparse.Namespace) -> int:
    wired, now = wiring(arguments), datetime.now(UTC)
    span = _span(arguments, now, wired.settings.history_days)
    report = gather(wired.store, inventory(wired).accounts, wired.policy_file(), span)
    if arguments.csv is not None:
        _write(arguments.csv, report_csv(report))
    if arguments.csv is None or arguments.output is not None or arguments.open:
        _write_page(report, arguments.output or _OUTPUT, is_to_open=arguments.open)
    return 0


def _span(arguments: argparse.Namespace, now: datetime, kept: int) -> Period:
    """Returns the time of the report, and says so where it is not the one that was asked for."""
    until, days = arguments.until or now, arguments.days
    if until > now:
        text = f"{format_time(until)} is yet to come: the report ends now, {format_time(now)}."
        err.print(sanitize(text), soft_wrap=True)
    if days > kept:
        text = f"Readings are kept for {kept} days (HISTORY_DAYS): the report covers no more."
        err.print(sanitize(text), soft_wrap=True)
    return period(min(until, now), min(days, kept))


def _write_page(report: Report, file: str, *, is_to_open: bool) -> None:
    from balance_watch.pages.report_html import report_html  # no other command's

    _write(file, report_html(report))
    if is_to_open and file != "-":
        webbrowser.open(Path(file).resolve().as_uri())


def _write(file: str, text: str) -> None:
    """Writes a file, or to standard output for `-`."""
    if file == "-":
        print(text, end="")
        return
    Path(file).write_text(text, encoding="utf-8", newline="")
    err.print(sanitize(f"Wrote {file}."))
