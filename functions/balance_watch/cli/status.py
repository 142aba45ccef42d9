"""`balance-watch status`: every account as of its last check."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from balance_watch.cli.account_detail import LOOK_BACK, Detail, show_detail
from balance_watch.cli.account_row import AccountRow, has_alert, latest_check_of, rows_of
from balance_watch.cli.accounts_table import PIPE_COLUMNS, print_for_pipe
from balance_watch.cli.connection import find_account, inventory, wiring
from balance_watch.cli.overview import overdue_words, show_firing, show_rows
from balance_watch.cli.terminal import Subparsers, is_pipe, pipe_help, print_faults, print_json
from balance_watch.domain.account import Account, canonical_name
from balance_watch.domain.acknowledgement import (
    NONE,
    Acknowledgement,
    Acknowledgements,
    covering,
)
from balance_watch.domain.formatting import digits, iso_time
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Severity
from balance_watch.domain.run import RunRecord
from balance_watch.domain.silences import Silence
from balance_watch.domain.state import AccountState
from balance_watch.usecases.configuration_faults import recorded_faults

_DESCRIPTION = (
    "Shows every account as of its last check, the gravest first: what fires, the balance, how long"
    " it lasts from now on, what is spent per day, and the balance of the last 24 hours, from"
    " nothing to its largest. ~ marks an estimate. Below are the totals by currency. Of one ACCOUNT"
    " it shows everything."
)
_FIRING = 3
"""The exit code of `--exit-code` if an alert fires."""


def add_commands(commands: Subparsers) -> None:
    """Adds `status`."""
    command = commands.add_parser(
        "status",
        help="show every account as of its last check, or one in detail",
        description=_DESCRIPTION,
        epilog=f"{pipe_help('an account', PIPE_COLUMNS)} Of one ACCOUNT it prints a fact a line,"
        " after its name. Faults and late checks go to standard error.",
    )
    command.add_argument(
        "account", metavar="ACCOUNT", nargs="?", type=canonical_name, help="show this one in detail"
    )
    command.add_argument(
        "--firing",
        action="store_true",
        help="show only accounts with an alert that fires, or that cannot be read",
    )
    command.add_argument(
        "--exit-code",
        action="store_true",
        help=f"exit with {_FIRING} if an alert fires, of the configuration too; of ACCOUNT, if one"
        " of its own does",
    )
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_status)


def _status(arguments: argparse.Namespace) -> int:
    wired, now = wiring(arguments), datetime.now(UTC)
    found, file = inventory(wired), wired.policy_file()
    is_one = arguments.account is not None
    accounts = [find_account(found, arguments.account)] if is_one else found.accounts
    states = wired.store.accounts.states([account.name for account in accounts])
    latest = wired.store.runs.latest(now)
    record, silences, known = latest.record, latest.silences, latest.acknowledgements
    faults = [] if is_one else recorded_faults(record, found, silences, wired.kinds)
    rows = rows_of(accounts, states, file.providers)
    shown = [row for row in rows if has_alert(row)] if arguments.firing else rows
    if not is_one and (arguments.json or is_pipe()):
        print_faults([*overdue_words(states.values(), now), *faults])
    if arguments.json:
        # In the order of the secrets, which scripts may rely on.
        by_name = {row.state.account: row for row in shown}
        found_rows = ((it, by_name[it.name]) for it in accounts if it.name in by_name)
        print_json([_as_json(account, row, file.policy, known) for account, row in found_rows])
    elif is_one and shown:
        (account,), (row,) = accounts, shown
        events = wired.store.events.of(account.name, now - LOOK_BACK, now)
        is_watched = account in found.accounts
        detail = Detail(account, row, file.policy, is_watched, silences, events, known)
        show_detail(detail, now)
    elif is_pipe():
        print_for_pipe(shown, now, latest_check_of(rows))
    elif arguments.firing:
        show_firing(shown, rows, now, faults)
    else:
        show_rows(rows, now, silences=silences, faults=faults, acknowledgements=known)
    firing = [alert for row in rows for alert in row.firing]
    firing += [] if is_one else _firing_of_several(record)
    return _FIRING if arguments.exit_code and firing else 0


def _firing_of_several(record: RunRecord) -> list[Alert]:
    """Returns the alerts that fire and are of no single account: configuration and outages."""
    alerts = (*record.outages.values(), record.configuration.alert)
    return [alert for alert in alerts if alert is not None and alert.firing]


def show_accounts(
    accounts: Sequence[Account],
    states: Mapping[str, AccountState],
    *,
    silences: Sequence[Silence],
    faults: Sequence[str],
) -> None:
    """Shows accounts, why some cannot be read, the active silences and the configuration's faults.

    In a pipe it prints the table that `status` prints there, and the faults to standard error.

    Args:
        accounts: the accounts.
        states: their states by name, without those that were never checked.
        silences: the silences that are active.
        faults: the faults of the configuration.
    """
    rows, now = rows_of(accounts, states), datetime.now(UTC)
    if is_pipe():
        print_for_pipe(rows, now, latest_check_of(rows))
        print_faults(faults)
    else:
        show_rows(rows, now, silences=silences, faults=faults)


def as_json(
    accounts: Sequence[Account], states: Mapping[str, AccountState], policy: Policy
) -> list[dict[str, Any]]:
    """Returns the accounts as `status --json` prints them."""
    return [
        _as_json(
            account,
            AccountRow(states.get(account.name, AccountState(account.name)), account.provider),
            policy,
        )
        for account in accounts
    ]


def _as_json(
    account: Account, row: AccountRow, policy: Policy, known: Acknowledgements = NONE
) -> dict[str, Any]:
    state = row.state
    reading, failure = state.reading, state.failure
    return {
        "account": account.name,
        "provider": account.provider,
        "balance": digits(reading.balance) if reading else None,
        "currency": reading.currency if reading else None,
        "observed_at": iso_time(reading.observed_at) if reading else None,
        "checked_at": state.checked_at and iso_time(state.checked_at),
        "estimate": reading is not None and reading.estimate is not None,
        "as_of": _as_of(reading),
        "failure": failure
        and {
            "kind": failure.kind.value,
            "message": failure.message,
            "since": state.failing_since and iso_time(state.failing_since),
        },
        "alerts": list(_alerts(state, account, policy, known)),
        "runway": None if row.runway is None else int(row.runway.total_seconds()),
        "per_day": digits(row.pace.per_day),
        "runs_dry_at": row.runs_dry_at and iso_time(row.runs_dry_at),
        "labels": dict(account.labels),
    }


def _as_of(reading: Reading | None) -> str | None:
    """Returns the time of the provider's data, as far as it is known."""
    return None if reading is None else iso_time(reading.provider_time or reading.observed_at)


def _alerts(
    state: AccountState, account: Account, policy: Policy, known: Acknowledgements
) -> Iterator[dict[str, Any]]:
    """Yields the alerts that fire, then the rules that are pending."""
    for metric, alert in state.alerts.items():
        if alert.firing:
            found = covering(known, account.name, metric, alert)
            seen = {} if found is None else _acknowledged(found)
            yield _alert(alert.rule, "firing", alert.severity, alert.since) | seen
    severities = {rule.name: rule.severity for rule in policy.rules_for(account)}
    for name, rule in state.rules.items():
        if not rule.firing:
            yield _alert(name, "pending", severities.get(name, Severity.WARNING), rule.since)


def _acknowledged(found: Acknowledgement) -> dict[str, Any]:
    return {"acknowledged_by": found.by, "acknowledged_at": iso_time(found.at)}


def _alert(rule: str, state: str, severity: Severity, since: datetime) -> dict[str, Any]:
    return {"rule": rule, "state": state, "severity": severity.value, "since": iso_time(since)}
