"""What the commands share at a terminal: JSON, tables, and text that cannot move the cursor."""

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from balance_watch.config.accounts import Configuration
from balance_watch.config.policy import policy_in_force
from balance_watch.config.settings import CheckSettings
from balance_watch.domain.money import with_unit
from balance_watch.domain.policy import UNREADABLE, Policy
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.spending import LONGEST
from balance_watch.domain.state import AccountState
from balance_watch.domain.trend import sparkline
from balance_watch.providers.spec import Spec
from balance_watch.usecases.check import contradictions
from balance_watch.validation import Faults
from balance_watch.wiring import Wiring

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

_COLOURS = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def wiring() -> Wiring:
    """Builds everything from the environment."""
    return Wiring(CheckSettings.from_environment())


def configuration(wired: Wiring) -> tuple[Policy, Configuration[Spec], Faults]:
    """Returns the policy in force, what the secrets say, and every fault of both."""
    of_policy = Faults()
    text = wired.policy_text(of_policy)
    given, _ = policy_in_force(text, wired.store.last_good_policy, of_policy)
    watched = wired.watched(given.providers)
    faults = Faults([*watched.faults, *of_policy, *contradictions(given, watched)])
    return given.policy, watched, faults


def print_json(value: object) -> None:
    """Prints JSON for scripts: no colour, no wrapping."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def digits(number: Decimal | None) -> str | None:
    """Returns a number as JSON has it: a string of all its digits."""
    return None if number is None else f"{number:f}"


def sanitize(text: str, style: str = "") -> Text:
    """Returns text of others with nothing in it that a terminal would obey, and no markup."""
    return Text("".join(each if each.isprintable() else "�" for each in text), style=style)


def warn(faults: Sequence[str]) -> None:
    """Tells of faults of the configuration, on standard error."""
    for fault in faults:
        err.print(Text("! ", style="yellow") + sanitize(fault))


def accounts_table(states: Sequence[tuple[AccountState, str]]) -> Table:
    """Draws accounts, one a row: balance, how long it lasts, the last day, what is the matter.

    Args:
        states: each account's state and its provider.
    """
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("account", no_wrap=True, max_width=32)
    table.add_column("provider", style="dim", no_wrap=True, max_width=18)
    table.add_column("balance", justify="right", no_wrap=True)
    table.add_column("lasts", justify="right", no_wrap=True)
    table.add_column("last 24 h", no_wrap=True)
    table.add_column("state", overflow="fold", min_width=12)
    for state, provider in states:
        reading = state.reading
        stale = "dim" if state.failure else ""
        balance = sanitize(with_unit(reading.balance, reading.currency)) if reading else Text("-")
        balance.stylize(stale)
        # Every other hour, the latest always: the day fits beside the rest in eighty columns.
        plot = sparkline(tuple(sample.balance for sample in state.trend)[::-2][::-1])
        table.add_row(
            sanitize(state.account),
            sanitize(provider),
            balance,
            Text(_lasts(state), style=stale),
            Text(plot, style="cyan"),
            condition(state),
        )
    return table


def _lasts(state: AccountState) -> str:
    """How long the balance lasts at its pace, in its largest unit; empty while not known."""
    span = state.pace.lasts(state.reading.balance) if state.reading else None
    if span is None or span >= LONGEST:
        return ""
    days, hours = span.days, span.seconds // 3600
    return f"{days} d" if days else f"{hours} h"


def condition(state: AccountState) -> Text:
    """Returns an account's state in a few words, the gravest first."""
    firing = sorted(
        (alert for alert in state.alerts.values() if alert.firing),
        key=lambda alert: alert.severity.rank,
    )
    words = [
        sanitize(alert.rule, _COLOURS[alert.severity])
        for alert in firing
        if alert.rule != UNREADABLE
    ]
    if state.failure is not None:
        unreadable = state.alerts.get(Metric.UNREADABLE)
        told = unreadable is not None and unreadable.firing
        style = _COLOURS[unreadable.severity] if unreadable and told else "magenta"
        words.append(sanitize(state.failure.kind.words.lower(), style))
    if not words:
        if state.checked_at is None:
            return Text("not checked yet", style="dim")
        return Text("ok" if state.reading else "no limit", style="green")
    return Text(", ").join(words)


def alerts_of(state: AccountState, severities: dict[str, Severity]) -> list[dict[str, Any]]:
    """Returns what fires and what is about to, as `status --json` has it."""
    firing = [
        (alert.rule, "firing", alert.severity, alert.since)
        for alert in state.alerts.values()
        if alert.firing
    ]
    pending = [
        (name, "pending", severities.get(name, Severity.WARNING), rule.since)
        for name, rule in state.rules.items()
        if not rule.firing
    ]
    return [
        {
            "rule": rule,
            "state": word,
            "severity": severity.value,
            "since": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        }
        for rule, word, severity, at in (*firing, *pending)
    ]
