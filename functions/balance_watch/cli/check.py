"""`balance-watch check`: one check, now, by the same code as the function."""

import argparse
from datetime import UTC, datetime

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from balance_watch.cli.connection import wiring
from balance_watch.cli.status import show_accounts
from balance_watch.cli.terminal import Subparsers, err, out, print_json, sanitize
from balance_watch.config.loading import Configuration
from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadResult
from balance_watch.usecases.check import Load
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring

_SECONDS = 300.0
"""How long a check at a terminal may take, and how long it holds the table at most."""


def add_commands(commands: Subparsers) -> None:
    """Adds `check`."""
    command = commands.add_parser("check", help="check every account now, and alert as scheduled")
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    return 0 if check(wiring(arguments), as_json=arguments.json).complete else 1


def check(wired: Wiring, *, as_json: bool = False) -> Summary:
    """Checks every account once, with a progress bar, and prints the result."""
    loaded = list[Configuration]()

    def load(*, policy_was_kept: bool) -> Configuration:
        loaded.append(wired.load(policy_was_kept=policy_was_kept))
        return loaded[-1]

    summary = _run(wired, load)
    if as_json:
        print_json(summary.as_json())
        return summary
    configuration = loaded[-1] if loaded else wired.load()
    accounts = [account for account, _ in configuration.accounts]
    states = wired.store.accounts.states([account.name for account in accounts])
    now = datetime.now(UTC)
    silences, faults = wired.store.silences.at(now), wired.faults(configuration, now)
    show_accounts(accounts, states, silences=silences, faults=faults)
    out.print(_counts(summary) or "Nothing was read.", style="dim")
    return summary


def _run(wired: Wiring, load: Load) -> Summary:
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
        return wired.check(on_read, load).run(now, seconds=_SECONDS)


def _counts(summary: Summary) -> str:
    """Writes the counts of a run that are not zero: `accounts 2, read 2, fired 1`."""
    counts = summary.as_json()
    names = [name for name in counts if counts[name] and name not in ("scheduled_time", "skipped")]
    return ", ".join(f"{name} {counts[name]}" for name in names)
