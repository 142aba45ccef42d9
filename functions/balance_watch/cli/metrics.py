"""`balance-watch metrics`: every account as of its last check, in the OpenMetrics text format.

https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from balance_watch.cli.account_row import AccountRow, rows_of
from balance_watch.cli.connection import inventory, wiring
from balance_watch.cli.terminal import Subparsers
from balance_watch.domain.formatting import digits
from balance_watch.domain.rules import Severity
from balance_watch.notifiers.literal import printable

Sample = tuple[Mapping[str, str], str | None]
"""The labels of a number beside account and provider, and the number; None if it is unknown."""


class Family(NamedTuple):
    """One metric: its name, what it tells, its unit, and its numbers of an account."""

    name: str
    tells: str
    samples: Callable[[AccountRow], Iterator[Sample]]
    unit: str = ""


def add_commands(commands: Subparsers) -> None:
    """Adds `metrics`."""
    command = commands.add_parser(
        "metrics",
        help="print every account for Prometheus",
        description="Prints every account as of its last check in the OpenMetrics text format, such"
        " as for the textfile collector of node_exporter. It reads no secret and asks no provider.",
    )
    command.set_defaults(run=_metrics)


def _metrics(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    found, file = inventory(wired), wired.policy_file()
    states = wired.store.accounts.states([account.name for account in found.accounts])
    sys.stdout.write(openmetrics(rows_of(found.accounts, states, file.providers)))
    return 0


def openmetrics(rows: Sequence[AccountRow]) -> str:
    """Returns the text for these accounts; a number that is unknown is left out."""
    lines: list[str] = []
    for family in FAMILIES:
        lines.append(f"# TYPE {family.name} gauge")
        if family.unit:
            lines.append(f"# UNIT {family.name} {family.unit}")
        lines.append(f"# HELP {family.name} {family.tells}")
        for row in rows:
            own = {"account": row.state.account, "provider": row.provider}
            lines += [
                f"{family.name}{{{_labels({**own, **labels})}}} {number}"
                for labels, number in family.samples(row)
                if number is not None
            ]
    return "\n".join([*lines, "# EOF", ""])


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())


def _escape(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def _balance(row: AccountRow) -> Iterator[Sample]:
    reading = row.state.reading
    if reading is not None:
        yield {"currency": reading.currency}, digits(reading.balance)


def _spent(row: AccountRow) -> Iterator[Sample]:
    reading = row.state.reading
    if reading is not None:
        yield {"currency": reading.currency}, digits(row.pace.per_day)


def _runway(row: AccountRow) -> Iterator[Sample]:
    yield {}, None if row.runway is None else f"{int(row.runway.total_seconds())}"


def _firing(row: AccountRow) -> Iterator[Sample]:
    for severity in Severity:
        number = sum(alert.severity is severity for alert in row.firing)
        yield {"severity": severity.value}, f"{number}"


def _unreadable(row: AccountRow) -> Iterator[Sample]:
    yield {}, f"{int(row.state.failure is not None)}"


def _checked(row: AccountRow) -> Iterator[Sample]:
    at = row.state.checked_at
    yield {}, None if at is None else f"{int(at.timestamp())}"


FAMILIES = (
    Family("balance_watch_balance", "The balance of the latest good read.", _balance),
    Family("balance_watch_spend_per_day", "What is spent per day.", _spent),
    Family(
        "balance_watch_runway_seconds",
        "How long the balance lasts, as of the latest check.",
        _runway,
        "seconds",
    ),
    Family("balance_watch_firing", "How many alerts of a severity fire.", _firing),
    Family("balance_watch_unreadable", "1 if the latest read failed, else 0.", _unreadable),
    Family(
        "balance_watch_last_check_timestamp_seconds",
        "When the account was checked last.",
        _checked,
        "seconds",
    ),
)
"""Every metric, in the order in which they are printed."""
