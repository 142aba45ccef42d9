"""`balance-watch check`: one check, now, by the same code as the function; or its rehearsal."""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from balance_watch.cli.accounts_table import PIPE_COLUMNS
from balance_watch.cli.connection import wiring
from balance_watch.cli.events import event_as_json, event_line
from balance_watch.cli.questions import can_ask, confirm
from balance_watch.cli.status import as_json as status_as_json
from balance_watch.cli.status import show_accounts
from balance_watch.cli.terminal import (
    Subparsers,
    err,
    is_pipe,
    out,
    pipe_help,
    print_json,
    sanitize,
)
from balance_watch.config.loading import Configuration
from balance_watch.domain.account import Account
from balance_watch.domain.channels import kind_of
from balance_watch.domain.formatting import counted
from balance_watch.domain.reading import FailureKind, ReadResult
from balance_watch.errors import CommandError
from balance_watch.usecases.check import Load
from balance_watch.usecases.reading import OnRead
from balance_watch.usecases.rehearsal import Rehearsal, rehearse
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring

_SHOWN = 10
"""So many accounts are named in one sentence."""

_SECONDS = 300.0
"""How long a check at a terminal may take, and how long it holds the table at most."""


def add_commands(commands: Subparsers) -> None:
    """Adds `check`."""
    command = commands.add_parser(
        "check",
        help="check every account now, and alert as scheduled",
        epilog=f"{pipe_help('an account', PIPE_COLUMNS)} Faults, and what a dry run says, go to"
        " standard error.",
    )
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.add_argument(
        "--yes", action="store_true", help="alert even if most accounts are not reached from here"
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="read every account and show what would be said: store, send and pay nothing",
    )
    command.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    if arguments.yes and not arguments.dry_run:
        return 0 if check(wired, as_json=arguments.json).complete else 1
    rehearsal = _rehearse(wired)
    if not arguments.dry_run:
        if not _is_wanted(rehearsal):
            out.print("Nothing was stored, sent or paid.")
            return 1
        return 0 if check(wired, rehearsal, as_json=arguments.json).complete else 1
    if arguments.json:
        print_json(_as_json(rehearsal))
    else:
        _show(rehearsal)
    return 0 if rehearsal.summary.complete else 1


def _is_wanted(rehearsal: Rehearsal) -> bool:
    """Tells whether to alert; asks if most accounts that were readable are not reached from here.

    Raises:
        CommandError: there is nobody to ask.
    """
    if not rehearsal.is_far_from_providers:
        return True
    count, of = len(rehearsal.unreached), counted(len(rehearsal.read_before), "account")
    text = (
        f"Of {of} that the latest check has read, {count} cannot be reached from this machine:"
        f" {_names(rehearsal.unreached)}. A check would count that as a failure of each."
    )
    err.print(sanitize(text, "yellow"), soft_wrap=True)
    if not can_ask():
        raise CommandError(
            "Nothing was stored, sent or paid. `check --dry-run` shows what can be read from here;"
            " `check --yes` alerts all the same."
        )
    return confirm("Store that, and alert if it is due?")


def _names(unreached: Mapping[str, FailureKind]) -> str:
    shown = [f"{name} ({kind.words})" for name, kind in list(unreached.items())[:_SHOWN]]
    rest = len(unreached) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def check(wired: Wiring, rehearsal: Rehearsal | None = None, *, as_json: bool = False) -> Summary:
    """Checks every account once, with a progress bar, and prints the result.

    Args:
        wired: the stack.
        rehearsal: the rehearsal of this check; what it has read is not read again.
        as_json: print the counts alone.
    """
    loaded = list[Configuration]()

    def load(*, policy_was_kept: bool) -> Configuration:
        before = rehearsal and rehearsal.configuration
        loaded.append(before or wired.load(policy_was_kept=policy_was_kept))
        return loaded[-1]

    summary = _run(wired, load) if rehearsal is None else _run_rehearsed(wired, load, rehearsal)
    if as_json:
        print_json(summary.as_json())
        return summary
    configuration = loaded[-1] if loaded else wired.load()
    accounts = [account for account, _ in configuration.accounts]
    states = wired.store.accounts.states([account.name for account in accounts])
    now = datetime.now(UTC)
    silences, faults = wired.store.silences.at(now), wired.faults(configuration, now)
    show_accounts(accounts, states, silences=silences, faults=faults)
    if summary.undelivered:
        _show_waiting(wired, configuration)
    if not is_pipe():  # which gets the table alone
        out.print(_counts(summary) or "Nothing was read.", style="dim")
    return summary


def _show_waiting(wired: Wiring, configuration: Configuration) -> None:
    """Says for which channels alerts wait, and which secret to mend if it hides a channel."""
    pending = wired.store.outbox.pending(lambda: True).entries
    for channel, number in sorted(Counter(entry.channel for entry in pending).items()):
        text = f"{counted(number, 'alert')} waiting for {channel}"
        if channel not in configuration.channels and kind_of(channel) in configuration.unread_kinds:
            secret = f"{configuration.prefix}{kind_of(channel)}"
            text += f", which may be in the secret {secret}: mend that first"
        err.print(sanitize(f"{text}.", "yellow"), soft_wrap=True)


def _run(wired: Wiring, load: Load) -> Summary:
    with _progress() as on_read:
        return wired.check(on_read, load).run(_now(), seconds=_SECONDS)


def _run_rehearsed(wired: Wiring, load: Load, rehearsal: Rehearsal) -> Summary:
    rehearsed = replace(wired.check(load=load), read=rehearsal.replay)
    return rehearsed.run(rehearsal.summary.scheduled_time, seconds=_SECONDS)


def _rehearse(wired: Wiring) -> Rehearsal:
    with _progress() as on_read:
        return rehearse(wired.check(on_read), _now(), seconds=_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def _progress() -> Iterator[OnRead]:
    """Shows a progress bar; what it yields is to be called for each account that was read."""
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

        yield on_read


def _show(rehearsal: Rehearsal) -> None:
    accounts = [account for account, _ in rehearsal.configuration.accounts]
    show_accounts(accounts, rehearsal.states, silences=rehearsal.silences, faults=rehearsal.faults)
    console = err if is_pipe() else out  # a pipe gets the table alone
    console.print("\nA check would say:" if rehearsal.events else "\nA check would say nothing.")
    for event in rehearsal.events:
        console.print(event_line(event), soft_wrap=True)
    for order in rehearsal.orders:
        alert = order.notification
        whose = f"for the rule {alert.rule}" if order.by is None else f"as {order.by} ordered"
        text = f"It would top up {alert.account}, {whose}, if its limits allow it."
        console.print(sanitize(text, "yellow"), soft_wrap=True)
    console.print(_counts(rehearsal.summary) or "Nothing was read.", style="dim")
    console.print("This was a dry run: nothing was stored, sent or paid.", style="dim")


def _as_json(rehearsal: Rehearsal) -> dict[str, Any]:
    configuration = rehearsal.configuration
    accounts = [account for account, _ in configuration.accounts]
    return {
        **rehearsal.summary.as_json(),
        "dry_run": True,
        "status": status_as_json(accounts, rehearsal.states, configuration.policy),
        "events": [
            {"account": event.notification.account, **event_as_json(event)}
            for event in rehearsal.events
        ],
        "top_ups": [
            {"account": order.notification.account, "rule": order.notification.rule}
            for order in rehearsal.orders
        ],
        "faults": list(rehearsal.faults),
    }


def _counts(summary: Summary) -> str:
    """Writes the counts of a run that are not zero: `accounts 2, read 2, fired 1`."""
    counts = summary.as_json()
    names = [name for name in counts if counts[name] and name not in ("scheduled_time", "skipped")]
    return ", ".join(f"{name} {counts[name]}" for name in names)
