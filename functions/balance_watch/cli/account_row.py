"""What the screens show of an account: its state in words, its balance, how long it lasts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context
from functools import cached_property
from types import MappingProxyType

from rich.text import Text

from balance_watch.cli.terminal import sanitize
from balance_watch.domain.account import Account
from balance_watch.domain.forecast import LONGEST, runs_dry_at
from balance_watch.domain.formatting import format_duration, with_unit
from balance_watch.domain.gravity import (
    Gravity,
    Refill,
    gravest_first,
    gravity_of,
    is_brief,
    is_empty,
    lasts_briefly,
    refill_before_dry,
)
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.policy import UNREADABLE
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.spending import Pace
from balance_watch.domain.state import AccountState
from balance_watch.providers.registry import find_spec
from balance_watch.providers.spec import Spec

SEVERITY_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "blue",
}

_ROUGH = Context(prec=3)
"""Rates are estimates, so people get three digits of them."""

NO_PROVIDERS: Mapping[str, Spec] = MappingProxyType({})

_UNREADABLE_STYLE = "magenta"


@dataclass(frozen=True)
class AccountRow:
    """An account as it is shown; what is computed of it is kept.

    Attributes:
        spec: the specification of its provider, if it is found.
    """

    state: AccountState
    provider: str
    spec: Spec | None = None

    @cached_property
    def pace(self) -> Pace:
        """How fast the balance is spent, as of the latest check."""
        return self.state.pace

    @cached_property
    def runway(self) -> timedelta | None:
        """How long the balance lasts, as of the latest check; None if that is unknown."""
        reading = self.state.reading
        return None if reading is None else self.pace.lasts(reading.usable, reading.observed_at)

    @cached_property
    def runs_dry_at(self) -> datetime | None:
        """When nothing is left; None if that is unknown, or ten years away or more."""
        checked_at, runway = self.state.checked_at, self.runway
        return None if checked_at is None or runway is None else runs_dry_at(checked_at, runway)

    @cached_property
    def gravity(self) -> Gravity:
        """How grave the state is."""
        return gravity_of(self.state, self.runway)

    @cached_property
    def refill(self) -> Refill | None:
        """What fills the account up before nothing is left, as far as that is known."""
        return refill_before_dry(self.state, self.runway)

    @property
    def is_quota(self) -> bool:
        """Whether the balance is a quota that resets by itself, and no money."""
        reading = self.state.reading
        if reading is not None and reading.renews is not None:
            return reading.renews
        return self.spec is not None and self.spec.kind == "quota"

    @property
    def firing(self) -> list[Alert]:
        """The alerts that fire, the gravest first."""
        alerts = (self.state.alerts[it] for it in Metric if it in self.state.alerts)
        return sorted((it for it in alerts if it.firing), key=lambda it: it.severity.rank)

    @property
    def pending(self) -> list[str]:
        """The rules that are breached, but not for long enough."""
        return [name for name, rule in self.state.rules.items() if not rule.firing]

    @property
    def balance(self) -> str:
        """The balance with its unit, with `~` before an estimate; empty without a balance."""
        reading = self.state.reading
        if reading is None:
            return ""
        mark = "~" if reading.estimate is not None else ""
        return f"{mark}{with_unit(reading.balance, reading.currency)}"

    @property
    def per_day(self) -> str:
        """What is spent per day, to three digits; empty if that is unknown."""
        per_day = self.pace.per_day
        return "" if per_day is None else f"{_ROUGH.plus(per_day):,f}"

    def lasts(self, now: datetime) -> str:
        """Returns how long the balance lasts from now on, in its largest unit."""
        if self.runs_dry_at is None:
            return ">10 y" if self.runway is not None and self.runway >= LONGEST else ""
        return largest_unit(self.runs_dry_at - now)

    def age(self, now: datetime, latest_check: datetime | None) -> str:
        """Returns `3 h old` for a balance that is not from the latest check, or else nothing."""
        reading = self.state.reading
        if reading is None or latest_check is None or reading.observed_at >= latest_check:
            return ""
        return f"{largest_unit(now - reading.observed_at)} old"


def rows_of(
    accounts: Iterable[Account],
    states: Mapping[str, AccountState],
    own_providers: Mapping[str, Spec] = NO_PROVIDERS,
) -> list[AccountRow]:
    """Returns the rows of accounts, the gravest first.

    Args:
        accounts: the accounts.
        states: their states by name, without those that were never checked.
        own_providers: the user's own providers by slug.
    """
    rows = (
        AccountRow(
            states.get(account.name, AccountState(account.name)),
            account.provider,
            find_spec(account.provider, own_providers),
        )
        for account in accounts
    )
    return sorted(
        rows, key=lambda row: gravest_first(row.gravity, row.runs_dry_at, row.state.account)
    )


def latest_check_of(rows: Sequence[AccountRow]) -> datetime | None:
    """Returns the time of the latest check of any of the accounts; None: there was none."""
    return max((row.state.checked_at for row in rows if row.state.checked_at), default=None)


def largest_unit(span: timedelta) -> str:
    """Writes a duration in its largest unit, rounded down: `12 d`, `5 h`, `35 min`."""
    span = max(span, timedelta())
    return " ".join(format_duration(span).split(" ")[:2])


def state_in_words(row: AccountRow, *, with_severity: bool = True) -> Text:
    """Writes the state of an account in a few words, the gravest first.

    Args:
        row: the account.
        with_severity: whether the severity is told before the rules that fire, and not only by
            their colour.
    """
    state = row.state
    if words := list(_words(row, with_severity=with_severity)):
        return Text(", ").join(words)
    if state.checked_at is None:
        return Text("not checked yet", style="dim")
    if row.refill is not None and is_brief(state, row.runway):
        return Text(row.refill.value, style="cyan")
    return Text("ok" if state.reading else "no limit", style="green")


def _words(row: AccountRow, *, with_severity: bool) -> Iterator[Text]:
    state, firing = row.state, row.firing
    if is_empty(state):
        yield Text("empty", style=SEVERITY_STYLES[Severity.CRITICAL])
    elif row.runway is not None and not firing and lasts_briefly(state, row.runway):
        text = f"lasts {format_duration(row.runway)}"
        yield Text(text, style=SEVERITY_STYLES[Severity.WARNING])
    unreadable = next((it for it in firing if it.rule == UNREADABLE), None)
    told: Severity | None = None

    def told_of(alert: Alert, words: str) -> Text:
        """Writes an alert, after its severity unless that is the one of the alert before it."""
        nonlocal told
        is_told = not with_severity or alert.severity is told
        told = alert.severity
        text = words if is_told else f"{alert.severity.value} {words}"
        return sanitize(text, SEVERITY_STYLES[alert.severity])

    yield from (told_of(alert, alert.rule) for alert in firing if alert is not unreadable)
    words = "unreadable" if state.failure is None else state.failure.kind.words.lower()
    if unreadable is not None:
        yield told_of(unreadable, words)
    elif state.failure is not None:
        yield Text(words, style=_UNREADABLE_STYLE)
    if row.gravity is Gravity.PENDING:
        for name in row.pending:
            yield sanitize(f"{name} pending", "yellow")


def has_alert(row: AccountRow) -> bool:
    """Tells whether an alert of the account fires, or it cannot be read."""
    return row.state.failure is not None or bool(row.firing)
