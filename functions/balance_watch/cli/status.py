"""`balance-watch status`: every account as of its last check."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from balance_watch.cli.connection import inventory, wiring
from balance_watch.cli.terminal import Subparsers, out, print_faults, print_json, sanitize
from balance_watch.domain.account import Account
from balance_watch.domain.forecast import LONGEST, runs_dry_at
from balance_watch.domain.formatting import (
    digits,
    format_duration,
    format_time,
    iso_time,
    sparkline,
    with_unit,
)
from balance_watch.domain.policy import UNREADABLE, Policy
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.silences import Silence
from balance_watch.domain.state import AccountState
from balance_watch.usecases.configuration_faults import recorded_faults

_SOON = timedelta(days=1)
"""An account that lasts less than this is never called ok."""

_COLOURS = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def add_commands(commands: Subparsers) -> None:
    """Adds `status`."""
    command = commands.add_parser("status", help="show every account as of its last check")
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_status)


def _status(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    found = inventory(wired)
    accounts = found.accounts
    states = wired.store.accounts.states([account.name for account in accounts])
    silences = wired.store.silences.at(datetime.now(UTC))
    faults = recorded_faults(wired.store.runs.record(), found, silences, wired.kinds)
    if arguments.json:
        print_faults(faults)
        print_json(as_json(accounts, states, wired.policy_file().policy))
    else:
        show_accounts(accounts, states, silences=silences, faults=faults)
    return 0


def as_json(
    accounts: Sequence[Account], states: Mapping[str, AccountState], policy: Policy
) -> list[dict[str, Any]]:
    """Returns the accounts as `status --json` prints them."""
    return [
        _as_json(account, states.get(account.name, AccountState(account.name)), policy)
        for account in accounts
    ]


def _as_json(account: Account, state: AccountState, policy: Policy) -> dict[str, Any]:
    reading, failure, runway = state.reading, state.failure, state.runway
    return {
        "account": account.name,
        "provider": account.provider,
        "balance": digits(reading.balance) if reading else None,
        "currency": reading.currency if reading else None,
        "observed_at": iso_time(reading.observed_at) if reading else None,
        "estimate": reading is not None and reading.estimate is not None,
        "as_of": _as_of(reading),
        "failure": failure
        and {
            "kind": failure.kind.value,
            "message": failure.message,
            "since": state.failing_since and iso_time(state.failing_since),
        },
        "alerts": list(_alerts(state, account, policy)),
        "runway": None if runway is None else int(runway.total_seconds()),
        "per_day": digits(state.pace.per_day),
        "runs_dry_at": _runs_dry_at(reading, runway),
        "labels": dict(account.labels),
    }


def _as_of(reading: Reading | None) -> str | None:
    """Returns the time of the provider's data, as far as it is known."""
    return None if reading is None else iso_time(reading.provider_time or reading.observed_at)


def _runs_dry_at(reading: Reading | None, runway: timedelta | None) -> str | None:
    if reading is None or runway is None:
        return None
    at = runs_dry_at(reading.observed_at, runway)
    return None if at is None else iso_time(at)


def _alerts(state: AccountState, account: Account, policy: Policy) -> Iterator[dict[str, Any]]:
    """Yields the alerts that fire, then the rules that are pending."""
    for alert in state.alerts.values():
        if alert.firing:
            yield _alert(alert.rule, "firing", alert.severity, alert.since)
    severities = {rule.name: rule.severity for rule in policy.rules_for(account)}
    for name, rule in state.rules.items():
        if not rule.firing:
            yield _alert(name, "pending", severities.get(name, Severity.WARNING), rule.since)


def _alert(rule: str, state: str, severity: Severity, since: datetime) -> dict[str, Any]:
    return {"rule": rule, "state": state, "severity": severity.value, "since": iso_time(since)}


def show_accounts(
    accounts: Sequence[Account],
    states: Mapping[str, AccountState],
    *,
    silences: Sequence[Silence],
    faults: Sequence[str],
) -> None:
    """Shows accounts, why some cannot be read, the active silences and the configuration's faults.

    Args:
        accounts: the accounts.
        states: their states by name, without those that were never checked.
        silences: the silences that are active.
        faults: the faults of the configuration.
    """
    rows = [
        (states.get(account.name, AccountState(account.name)), account.provider)
        for account in accounts
    ]
    if rows:
        out.print(accounts_table(rows))
        _show_oldest_check([state.checked_at for state, _ in rows])
    for state, _ in rows:
        if state.failure is not None:
            out.print(sanitize(f"{state.account}: {state.failure.message}", "magenta"))
    for silence in silences:
        text = f"Silence {silence.name}: {silence.matchers} until {format_time(silence.until)}"
        out.print(sanitize(f"{text}, {silence.reason}", "dim"))
    print_faults(faults)


def _show_oldest_check(times: Sequence[datetime | None]) -> None:
    """Shows when the account that waits longest was checked: a schedule that stopped stands out."""
    if None in times:
        return
    oldest = min(filter(None, times))
    age = format_duration(max(datetime.now(UTC) - oldest, timedelta()))
    out.print(f"Last checked {format_time(oldest)}, {age} ago.", style="dim")


def accounts_table(rows: Sequence[tuple[AccountState, str]]) -> Table:
    """Draws a table of accounts: the condition, the balance, how long it lasts, its last day.

    Args:
        rows: each account's state and provider.
    """
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("state", overflow="fold", min_width=12)
    table.add_column("account", no_wrap=True, max_width=32)
    table.add_column("provider", style="dim", no_wrap=True, max_width=18)
    table.add_column("balance", justify="right", no_wrap=True)
    table.add_column("lasts", justify="right", no_wrap=True)
    table.add_column("last 24 h", no_wrap=True)
    for state, provider in rows:
        reading = state.reading
        stale = "dim" if state.failure else ""
        balance = sanitize(with_unit(reading.balance, reading.currency)) if reading else Text("-")
        balance.stylize(stale)
        # Every other hour, always with the latest: so the day fits into eighty columns.
        plot = sparkline(tuple(sample.balance for sample in state.trend)[::-2][::-1])
        table.add_row(
            _condition(state),
            sanitize(state.account),
            sanitize(provider),
            balance,
            Text(_runway(state), style=stale),
            Text(plot, style="cyan"),
        )
    return table


def _runway(state: AccountState) -> str:
    """Writes how long the balance lasts, in its largest unit; empty if that is unknown."""
    runway = state.runway
    if runway is None or runway >= LONGEST:
        return ""
    days, hours = runway.days, runway.seconds // 3600
    return f"{days} d" if days else f"{hours} h"


def _condition(state: AccountState) -> Text:
    """Writes an account's condition in a few words, the gravest first."""
    alerts = (state.alerts[metric] for metric in Metric if metric in state.alerts)
    firing = sorted(
        (alert for alert in alerts if alert.firing), key=lambda alert: alert.severity.rank
    )
    words = [
        sanitize(alert.rule, _COLOURS[alert.severity])
        for alert in firing
        if alert.rule != UNREADABLE
    ]
    if state.failure is not None:
        unreadable = state.alerts.get(Metric.UNREADABLE)
        is_firing = unreadable is not None and unreadable.firing
        style = _COLOURS[unreadable.severity] if unreadable and is_firing else "magenta"
        words.append(sanitize(state.failure.kind.words.lower(), style))
    words = [*_running_dry(state), *words]
    if words:
        return Text(", ").join(words)
    if state.checked_at is None:
        return Text("not checked yet", style="dim")
    return Text("ok" if state.reading else "no limit", style="green")


def _running_dry(state: AccountState) -> Iterator[Text]:
    """Yields that an account ends, if the rule that tells it is turned off or quiet."""
    firing = {metric for metric, alert in state.alerts.items() if alert.firing}
    if state.reading is None or state.failure is not None or Metric.EMPTY in firing:
        return
    runway = state.runway
    if state.reading.usable <= 0:
        yield Text("empty", style=_COLOURS[Severity.CRITICAL])
    elif runway is not None and runway < _SOON and Metric.RUNWAY not in firing:
        yield Text(f"lasts {format_duration(runway)}", style=_COLOURS[Severity.WARNING])
