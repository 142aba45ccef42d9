"""`balance-watch status ACCOUNT`: one account in detail."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rich.text import Text

from balance_watch.cli.account_row import AccountRow, state_in_words
from balance_watch.cli.accounts_table import estimates_footnote, plot_of
from balance_watch.cli.grid import Column, Grid
from balance_watch.cli.terminal import is_pipe, out, print_tabbed, sanitize
from balance_watch.domain.account import Account, matches
from balance_watch.domain.acknowledgement import NONE, Acknowledgements, covering
from balance_watch.domain.event import Event
from balance_watch.domain.formatting import format_duration, format_runway, format_time, with_unit
from balance_watch.domain.gravity import Refill
from balance_watch.domain.metrics import METRICS, Unit
from balance_watch.domain.notification import Reason
from balance_watch.domain.overdue import Overdue, overdue
from balance_watch.domain.policy import Policy
from balance_watch.domain.rules import Metric, Rule
from balance_watch.domain.silences import Silence

LOOK_BACK = timedelta(days=7)
"""How far back the last failure is looked for."""

_KEPT_BY = {
    Refill.AUTO_RELOAD: "the provider's auto-reload is on",
    Refill.RENEWAL: "its quota begins anew before",
}
_HOURS = 24
_Lines = Iterator[tuple[str, Text]]


class Detail(NamedTuple):
    """An account with everything that is shown of it.

    Attributes:
        is_watched: False if it is disabled.
        silences: the active ones, of whatever accounts.
        events: what was said of it within `LOOK_BACK`.
        acknowledgements: of whatever alerts.
    """

    account: Account
    row: AccountRow
    policy: Policy
    is_watched: bool = True
    silences: Sequence[Silence] = ()
    events: Sequence[Event] = ()
    acknowledgements: Acknowledgements = NONE


def show_detail(detail: Detail, now: datetime) -> None:
    """Shows one account: a line a fact, tab-separated in a pipe."""
    lines = list(detail_lines(detail, now))
    if is_pipe():
        for name, value in lines:
            print_tabbed((name, value.plain))
        return
    names = Column("", lambda: [Text(name, style="dim") for name, _ in lines])
    values = Column("", lambda: [value for _, value in lines])
    out.print(Grid(lambda: iter([(names, values)]), has_header=False))


def detail_lines(detail: Detail, now: datetime) -> _Lines:
    """Yields the facts of an account, each with its name."""
    account, row = detail.account, detail.row
    state = state_in_words(row, with_severity=False)  # `fires` tells it below
    yield "state", state if detail.is_watched else Text("disabled: it is not watched")
    yield "account", sanitize(account.name, "bold")
    name = "" if row.spec is None else f"{row.spec.name}, "
    yield "provider", sanitize(f"{name}{account.provider}")
    yield from _balance(row, now)
    yield from _plain("fires", _firing(detail, now))
    yield from _plain("pending", _pending(row, now))
    yield from _plain("limit", _limits(detail))
    yield from _plain("label", (f"{name}={value}" for name, value in account.labels.items()))
    yield "last failure", sanitize(_failure(detail, now))
    yield from _plain("silenced", _silences(detail))
    if row.spec is not None and row.spec.billing:
        yield "billing page", sanitize(row.spec.billing)
    for command in ("history", "explain"):
        yield "more", sanitize(f"balance-watch {command} {shlex.quote(account.name)}", "cyan")


def _plain(name: str, values: Iterable[str]) -> _Lines:
    yield from ((name, sanitize(value)) for value in values)


def _balance(row: AccountRow, now: datetime) -> _Lines:
    state = row.state
    age = row.age(now, state.checked_at)
    yield "balance", sanitize(", ".join(filter(None, (row.balance or "not known", age))))
    if (footnote := estimates_footnote([row])) is not None:
        yield "", Text(footnote)
    if state.trend:
        yield "last 24 h", Text(plot_of(row, now, _HOURS), style="cyan")
    if row.runway is not None and row.runs_dry_at is None:
        yield "lasts", Text(format_runway(row.runway))
    elif row.runs_dry_at is not None:
        left = format_duration(max(row.runs_dry_at - now, timedelta()))
        kept = "" if row.refill is None else f", but {_KEPT_BY[row.refill]}"
        yield "lasts", Text(f"{left}, until {format_time(row.runs_dry_at)}{kept}")
    if row.per_day and state.reading is not None:
        yield "spends", sanitize(f"about {row.per_day} {state.reading.currency} a day")
    if state.checked_at is not None:
        yield "last check", _last_check(state.checked_at, overdue([state], now), now)


def _last_check(checked_at: datetime, late: Overdue | None, now: datetime) -> Text:
    """Writes when an account was last checked; if its next check is overdue, that stands out."""
    when = _since(checked_at, now)
    if late is None:
        return Text(when)
    usual = "" if late.period is None else f", usually every {format_duration(late.period)}"
    return Text(f"{when}: the next one is overdue{usual}", style="bold red")


def _since(at: datetime, now: datetime) -> str:
    return f"{format_time(at)}, {format_duration(max(now - at, timedelta()))} ago"


def _firing(detail: Detail, now: datetime) -> Iterator[str]:
    for alert in detail.row.firing:
        yield f"{alert.rule}, {alert.severity.value}, since {_since(alert.since, now)}"
    yield from acknowledged_lines([detail.row], detail.acknowledgements)


def acknowledged_lines(rows: Iterable[AccountRow], known: Acknowledgements) -> Iterator[str]:
    """Yields who has acknowledged which alert that fires, a sentence each."""
    for row in rows:
        for metric, alert in row.state.alerts.items():
            if found := covering(known, row.state.account, metric, alert):
                at = format_time(found.at)
                yield f"{found.account}: {found.by} acknowledged {alert.rule}, {at}"


def _pending(row: AccountRow, now: datetime) -> Iterator[str]:
    for name in row.pending:
        yield f"{name}, since {_since(row.state.rules[name].since, now)}"


def _limits(detail: Detail) -> Iterator[str]:
    """Yields the thresholds of the account's rules, then the limits that the provider tells."""
    account, reading = detail.account, detail.row.state.reading
    unit = reading.currency if reading is not None else account.currency or "units"
    for rule in detail.policy.rules_for(account):
        if rule.threshold is not None:
            yield f"{rule.name}: {_thresholds(rule, unit)}"
        elif rule.metric is Metric.EMPTY:
            yield f"{rule.name}: nothing is left, critical"
    if reading is None:
        return
    if reading.credit_limit:
        yield f"credit limit at the provider: {with_unit(reading.credit_limit, unit)}"
    if reading.provider_threshold is not None:
        yield f"threshold at the provider: {with_unit(reading.provider_threshold, unit)}"
    if (reload := reading.auto_reload) is not None:
        at = "" if reload.threshold is None else f" below {with_unit(reload.threshold, unit)}"
        yield f"auto-reload at the provider: on{at}" if reload.enabled else "auto-reload: off"
    if reading.expires_at is not None:
        yield f"credit expires: {format_time(reading.expires_at)}"


def _thresholds(rule: Rule, unit: str) -> str:
    side = "below" if rule.below is not None else "above"
    metric = rule.metric.value.replace("_", " ")
    first = f"{metric} {side} {_amount(rule, grave=False, unit=unit)}"
    if rule.critical_below is None:
        return f"{first}, {rule.severity.value}"
    critical = _amount(rule, grave=True, unit=unit)
    return f"{first}, {rule.severity.value}; {side} {critical}, critical"


def _amount(rule: Rule, *, grave: bool, unit: str) -> str:
    number = rule.threshold_of(grave=grave)
    if number is None:
        return ""
    if rule.relative:
        return f"{number:f} times the usual"
    own = METRICS[rule.metric].unit
    if own is Unit.SECONDS:
        return format_runway(timedelta(seconds=int(number)))
    per_day = " a day" if own is Unit.CURRENCY_PER_DAY else ""
    return f"{with_unit(number, own if isinstance(own, str) else unit)}{per_day}"


def _failure(detail: Detail, now: datetime) -> str:
    """Returns why the account cannot be read and since when, or when that was last so."""
    state = detail.row.state
    if state.failure is not None:
        since = "" if state.failing_since is None else f", since {_since(state.failing_since, now)}"
        times = "once" if state.failures == 1 else f"{state.failures} times in a row"
        return f"{state.failure.kind.words}: {state.failure.message} Failed {times}{since}"
    said = [it.notification for it in detail.events if it.notification.metric is Metric.UNREADABLE]
    if not said:
        return f"none in the last {LOOK_BACK.days} days, as far as it was told"
    last = said[-1]
    began = next((it for it in reversed(said) if it.reason is not Reason.RESOLVED), last)
    words = (began.value or "unknown").replace("_", " ")
    ended_at = last.ended_at if last.reason is Reason.RESOLVED else None
    until = "" if ended_at is None else f" until {format_time(ended_at)}"
    return f"{words}, from {format_time(last.since)}{until}"


def _silences(detail: Detail) -> Iterator[str]:
    for silence in detail.silences:
        if _applies(silence, detail.account):
            until = format_time(silence.until)
            yield f"{silence.name}: {silence.matchers} until {until}, {silence.reason}"


def _applies(silence: Silence, account: Account) -> bool:
    """Tells whether a silence mutes this account, whatever it says of rule, metric and severity."""
    if silence.exact:
        return silence.match.get("account") == account.name
    facts = {"account", "provider", *(fact for fact in silence.match if fact.startswith("labels."))}
    return matches(
        {fact: glob for fact, glob in silence.match.items() if fact in facts}, account.facts
    )
