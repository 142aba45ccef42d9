"""`balance-watch explain ACCOUNT`: why an alert came, or why none did."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.text import Text

from balance_watch.cli.account_row import SEVERITY_STYLES
from balance_watch.cli.connection import find_account, inventory, wiring
from balance_watch.cli.events import event_as_json, print_event
from balance_watch.cli.terminal import Subparsers, out, print_json, print_wrapped, sanitize
from balance_watch.domain.account import Account, canonical_name
from balance_watch.domain.event import Event
from balance_watch.domain.formatting import (
    digits,
    format_runway,
    format_time,
    iso_time,
    with_unit,
)
from balance_watch.domain.metrics import METRICS, Unit
from balance_watch.domain.money import exact
from balance_watch.domain.state import AccountState
from balance_watch.usecases.explanation import Hold, RuleExplanation, explain

_DAYS = 7
_INDENT = 8
_STYLES = {
    "firing": "red",
    "pending": "yellow",
    "unknown": "magenta",
    "quiet": "cyan",
    "ok": "green",
}


def add_commands(commands: Subparsers) -> None:
    """Adds `explain`."""
    command = commands.add_parser(
        "explain",
        help="show why an account is alerted on, or why not",
        description="Shows every rule that applies to an account: its value, its threshold, since"
        " when it is breached, what holds its alert back and until when, and where it would go."
        " Then it shows what was said of the account in the last seven days.",
    )
    command.add_argument("account", metavar="ACCOUNT", type=canonical_name)
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    wired, now = wiring(arguments), datetime.now(UTC).replace(microsecond=0)
    found, policy = inventory(wired), wired.policy_file().policy
    account = find_account(found, arguments.account)
    name = account.name
    state = wired.store.accounts.states([name]).get(name, AccountState(name))
    latest = wired.store.runs.latest(now)
    events = wired.store.events.of(name, now - timedelta(days=_DAYS), now)
    rules = explain(
        account,
        state,
        policy,
        channels=wired.channels_of(found),
        silences=latest.silences,
        outages=sorted(latest.record.firing_outages),
        now=now,
        acknowledgements=latest.acknowledgements,
        events=events,
    )
    is_watched = name not in policy.unwatched([account])
    if arguments.json:
        print_json(
            {
                "account": name,
                "provider": account.provider,
                "watched": is_watched,
                "rules": [_as_json(rule) for rule in rules],
                "events": [event_as_json(event) for event in events],
            }
        )
    else:
        _show(account, state, rules, events, is_watched=is_watched)
    return 0


def _show(
    account: Account,
    state: AccountState,
    rules: list[RuleExplanation],
    events: list[Event],
    *,
    is_watched: bool,
) -> None:
    print_wrapped(sanitize(_headline(account, state), "bold"), hang=2)
    if state.failure is not None:
        text = f"It cannot be read: {state.failure.message}"
        print_wrapped(sanitize(text, "magenta"), hang=2)
    if not is_watched:
        text = "No rule on an amount watches this account: it may run dry in silence."
        out.print(text, style="yellow")
    out.print()
    currency = state.reading.currency if state.reading else account.currency
    for rule in rules:
        head, *details = _lines(rule, currency)
        print_wrapped(head, hang=_INDENT)
        for detail in details:
            print_wrapped(detail, indent=_INDENT, hang=2)
    out.print()
    out.print(f"Said in the last {_DAYS} days:" if events else "Nothing was said in 7 days.")
    for event in events:
        print_event(event)


def _headline(account: Account, state: AccountState) -> str:
    parts = [f"{account.name} ({account.provider})"]
    if state.reading is not None:
        parts.append(with_unit(state.reading.balance, state.reading.currency))
    if state.runway is not None:
        parts.append(f"lasts {format_runway(state.runway)}")
    checked = "not checked yet"
    if state.checked_at is not None:
        checked = f"checked {format_time(state.checked_at)}"
    return ", ".join((*parts, checked))


def _lines(rule: RuleExplanation, currency: str | None) -> Iterator[Text]:
    head = Text(f"{rule.status:{_INDENT}}", style=_STYLES[rule.status]) + sanitize(
        rule.rule, "bold"
    )
    if rule.status == "firing":
        head += Text(f" {rule.severity.value}", style=SEVERITY_STYLES[rule.severity])
    head += sanitize(_comparison(rule, currency))
    yield head
    details = []
    if rule.since is not None:
        details.append(f"breached since {format_time(rule.since)}")
    if rule.told_at is not None:
        by = f" by the rule {rule.told_by}" if rule.told_by != rule.rule else ""
        details.append(f"last told {format_time(rule.told_at)}{by}")
    if rule.remind_at is not None:
        details.append(f"told again {format_time(rule.remind_at)}")
    for number, hold in enumerate(rule.holds):
        is_why = rule.status == "quiet" and number == 0
        details.append(f"{'quiet because' if is_why else 'held back:'} {_held(hold)}")
    verb = "goes" if rule.status == "firing" else "would go"
    details.append(f"{verb} to {', '.join(rule.channels)}")
    for detail in details:
        yield sanitize(detail, "dim")


def _held(hold: Hold) -> str:
    return hold.why if hold.until is None else f"{hold.why}, until {format_time(hold.until)}"


def _comparison(rule: RuleExplanation, currency: str | None) -> str:
    value = _number(rule, rule.value, currency)
    text = f"  {value}" if value else ""
    if rule.threshold is not None:
        text += f"  (threshold {_number(rule, digits(rule.threshold), currency)})"
    return text


def _number(rule: RuleExplanation, value: str | None, currency: str | None) -> str:
    """Writes a value of a rule's metric for people; a word stays a word."""
    info = METRICS[rule.metric]
    if value is None:
        return "unknown" if info.is_number and rule.status not in ("ok", "quiet") else ""
    if not info.is_number:
        return value.replace("_", " ")
    if info.unit is Unit.SECONDS:
        return format_runway(timedelta(seconds=max(0, int(float(value)))))
    unit = info.unit if isinstance(info.unit, str) else currency or "units"
    return with_unit(exact(value), unit)


def _as_json(rule: RuleExplanation) -> dict[str, Any]:
    return {
        "rule": rule.rule,
        "metric": rule.metric.value,
        "severity": rule.severity.value,
        "status": rule.status,
        "value": rule.value,
        "threshold": digits(rule.threshold),
        "since": rule.since and iso_time(rule.since),
        "told_at": rule.told_at and iso_time(rule.told_at),
        "told_by": rule.told_by,
        "remind_at": rule.remind_at and iso_time(rule.remind_at),
        "held_back_by": [
            {"why": hold.why, "until": hold.until and iso_time(hold.until)} for hold in rule.holds
        ],
        "channels": list(rule.channels),
    }
