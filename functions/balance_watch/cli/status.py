"""`balance-watch status` and `balance-watch history`: what the table knows."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from balance_watch.cli.check import show
from balance_watch.cli.terminal import (
    alerts_of,
    configuration,
    digits,
    out,
    print_json,
    sanitize,
    warn,
    wiring,
)
from balance_watch.domain.money import with_unit
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState
from balance_watch.domain.trend import sparkline
from balance_watch.errors import CommandError
from balance_watch.wiring import Wiring

_ROWS = 24
_PLOT = 72


def add_commands(commands: Any) -> None:  # noqa: ANN401 (argparse keeps the type to itself)
    """Adds `status` and `history`."""
    status = commands.add_parser("status", help="show every account as of its last check")
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.set_defaults(run=_status)
    history = commands.add_parser("history", help="show the readings of an account")
    history.add_argument("account", metavar="ACCOUNT")
    history.add_argument("--days", type=_days, default=7, help="how far back (default: 7)")
    history.add_argument("--json", action="store_true", help="print every reading as JSON")
    history.set_defaults(run=_history)


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36500:  # noqa: PLR2004 (a century)
        raise argparse.ArgumentTypeError("must be a number of days, 1 to 36500")
    return int(text)


def _status(arguments: argparse.Namespace) -> int:
    wired = wiring()
    if arguments.json:
        print_json(status(wired))
    else:
        show(wired)
    return 0


def status(wired: Wiring) -> list[dict[str, Any]]:
    """Returns every account as the contract's JSON has it; faults go to standard error."""
    policy, watched, faults = configuration(wired)
    warn(faults)
    states = wired.store.accounts.states([account.name for account, _ in watched.accounts])
    listed = []
    for account, _ in watched.accounts:
        state = states.get(account.name, AccountState(account.name))
        reading, failure = state.reading, state.failure
        severities = {rule.name: rule.severity for rule in policy.rules_for(account)}
        listed.append(
            {
                "account": account.name,
                "provider": account.provider,
                "balance": digits(reading.balance) if reading else None,
                "currency": reading.currency if reading else None,
                "observed_at": _time(reading.observed_at) if reading else None,
                "failure": failure
                and {
                    "kind": failure.kind.value,
                    "message": failure.message,
                    "since": _time(state.failing_since),
                },
                "alerts": alerts_of(state, severities),
            }
        )
    return listed


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _history(arguments: argparse.Namespace) -> int:
    wired = wiring()
    until = datetime.now(UTC)
    readings = wired.store.accounts.history(
        arguments.account, until - timedelta(days=arguments.days), until
    )
    _, watched, _ = configuration(wired)
    known = (account.name for account, _ in watched.accounts)
    if not readings and arguments.account not in known:
        raise CommandError("There is no such account: see `balance-watch status`.")
    if arguments.json:
        print_json([_as_json(reading) for reading in readings])
    else:
        _show(readings)
    return 0


def _as_json(reading: Reading) -> dict[str, Any]:
    return {
        "observed_at": _time(reading.observed_at),
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
        out.print("No reading in that time.")
        return
    # One plot is of one currency.
    readings = [each for each in readings if each.currency == readings[-1].currency]
    step = max(1, len(readings) // _PLOT)
    plotted = readings[::-step][:_PLOT][::-1]
    out.print(sparkline(tuple(reading.balance for reading in plotted)), style="cyan")
    first, last = readings[0], readings[-1]
    counted = "1 reading" if len(readings) == 1 else f"{len(readings)} readings"
    out.print(
        f"{with_unit(first.balance, first.currency)} → {with_unit(last.balance, last.currency)},"
        f" {counted} since {first.observed_at:%Y-%m-%d %H:%M} UTC"
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("observed (UTC)", "balance", "credits", "points", "auto-reload", "says"):
        right = name in ("balance", "credits", "points")
        table.add_column(name, justify="right" if right else "left")
    for reading in readings[-_ROWS:]:
        table.add_row(*(sanitize(each) for each in _row(reading)))
    out.print(table)
    if len(readings) > _ROWS:
        out.print(f"The latest {_ROWS} of {len(readings)}; --json has them all.", style="dim")


def _row(reading: Reading) -> tuple[str, ...]:
    auto = reading.auto_reload
    says = "low" if reading.provider_flag else ""
    return (
        f"{reading.observed_at:%Y-%m-%d %H:%M}",
        with_unit(reading.balance, reading.currency),
        "" if reading.credits is None else f"{reading.credits:,f}",
        "" if reading.points is None else f"{reading.points:,f}",
        "" if auto is None else ("on" if auto.enabled else "off"),
        " ".join(filter(None, (says, reading.status))),
    )
