"""`balance-watch check`: one check, now, by the same code as the function."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from balance_watch.cli.terminal import (
    accounts_table,
    configuration,
    err,
    out,
    print_json,
    sanitize,
    warn,
    wiring,
)
from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadResult
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.text import format_duration, format_time
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring

_SECONDS = 300.0
"""How long a check at a terminal may take, and how long it holds the table at most."""


def add_commands(commands: Any) -> None:  # noqa: ANN401 (argparse keeps the type to itself)
    """Adds `check`."""
    command = commands.add_parser("check", help="check every account now, and alert as scheduled")
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    return 0 if check(wiring(), as_json=arguments.json).complete else 1


def check(wired: Wiring, *, as_json: bool = False) -> Summary:
    """Checks every account once, with progress, and shows what came of it."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as progress:
        task = progress.add_task("Reading balances", total=None)

        def on_read(account: Account, _: ReadResult, total: int) -> None:
            progress.update(
                task, advance=1, total=total, description=f"Read {sanitize(account.name)}"
            )

        now = datetime.now(UTC).replace(microsecond=0)
        summary = wired.check(on_read).run(now, seconds=_SECONDS)
    if as_json:
        print_json(summary.as_json())
    else:
        show(wired)
        counts = summary.as_json()
        told = [f"{name} {counts[name]}" for name in counts if counts[name] and name != "skipped"]
        out.print(", ".join(told[1:]) or "Nothing was read.", style="dim")
    return summary


def show(wired: Wiring) -> None:
    """Shows every account as the table has it now, and what is wrong with the configuration."""
    _, watched, faults = configuration(wired)
    states = wired.store.accounts.states([account.name for account, _ in watched.accounts])
    rows = [
        (states.get(account.name, AccountState(account.name)), account.provider)
        for account, _ in watched.accounts
    ]
    if rows:
        out.print(accounts_table(rows))
        _show_when([state.checked_at for state, _ in rows])
    for state, _ in rows:
        if state.failure is not None:
            out.print(sanitize(f"{state.account}: {state.failure.message}", "magenta"))
    for silence in wired.silences.at(datetime.now(UTC)):
        text = f"Silence {silence.name}: {silence.matchers} until {format_time(silence.until)}"
        out.print(sanitize(f"{text}, {silence.reason}", "dim"))
    warn(faults)


def _show_when(times: Sequence[datetime | None]) -> None:
    """Tells when the account that has waited longest was checked: a stopped schedule shows."""
    if None in times:
        return
    oldest = min(filter(None, times))
    ago = format_duration(max(datetime.now(UTC) - oldest, timedelta()))
    out.print(f"Last checked {format_time(oldest)}, {ago} ago.", style="dim")
