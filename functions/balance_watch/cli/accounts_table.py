"""The table of accounts: for a terminal, and as tab-separated text for a pipe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from rich.text import Text

from balance_watch.cli.account_row import (
    AccountRow,
    latest_check_of,
    state_in_words,
)
from balance_watch.cli.grid import Column, Folds, Grid, Layout
from balance_watch.cli.plots import bars, resample
from balance_watch.cli.terminal import print_rows_for_pipe, sanitize
from balance_watch.domain.formatting import digits, format_time, iso_time
from balance_watch.domain.trend import SPAN

_PLOTS = (24, 12)
"""The bars of a plot: an hour each, or two where there is little room."""

_STATE_SHARE = 0.27
"""So much has room for a severity and a rule, such as `critical alert_below,`."""

PIPE_COLUMNS = {
    "state": "critical, warning, unreadable, pending, info, empty, low, ok or unchecked",
    "account": "its name",
    "balance": "all its digits",
    "currency": "its unit",
    "age": "e.g. 3 h old, if the balance is not from the latest check",
    "lasts": "from now on, in its largest unit, as far as it is known",
    "runs_dry_at": "when nothing is left, in UTC",
    "per_day": "what is spent per day, an estimate",
    "estimate": "yes, if the balance is an estimate",
    "provider": "its slug",
    "checked_at": "when it was last checked",
    "alerts": "the rules that fire, the gravest first",
    "failure": "why it cannot be read",
}
"""The columns of the text for a pipe, and what each contains."""


def accounts_table(
    rows: Sequence[AccountRow], now: datetime, latest_check: datetime | None = None
) -> Grid:
    """Draws a table of accounts as wide as the terminal: their states, balances and last day.

    If there is no room for all columns, the plot is left out first, then what is spent, then the
    provider, and last how long the balance lasts.

    Args:
        rows: the accounts, in the order in which they are shown.
        now: the time.
        latest_check: when any account was last checked; None: the latest check of these ones.
    """
    return Grid(_Columns(rows, now, latest_check or latest_check_of(rows)).layouts)


@dataclass(frozen=True)
class _Columns:
    rows: Sequence[AccountRow]
    now: datetime
    latest_check: datetime | None

    def layouts(self) -> Iterator[Layout]:
        """Yields the columns that are shown, the widest layout first."""
        least = (self._state, self._account, self._balance, *self._age)
        for optional in self._optional():
            yield (*least, self._lasts, *optional)
        yield least

    def _optional(self) -> Iterator[Layout]:
        for cells in _PLOTS:
            yield (self._spends, self._provider, self._plot(cells))
        yield (self._spends, self._provider)
        yield (self._provider,)
        yield ()

    @cached_property
    def _state(self) -> Column:
        return self._column("state", state_in_words, share=_STATE_SHARE)

    @cached_property
    def _account(self) -> Column:
        column = self._column("account", lambda row: sanitize(row.state.account), share=0.4)
        return replace(column, folds=Folds.IN_NAMES)

    @cached_property
    def _balance(self) -> Column:
        return self._column(
            "balance", lambda row: sanitize(row.balance or "-", _style(row)), right=True
        )

    @cached_property
    def _age(self) -> tuple[Column, ...]:
        """The ages of the balances, if one of them is not from the latest check."""
        ages = [row.age(self.now, self.latest_check) for row in self.rows]
        cells = [Text(age, style="magenta") for age in ages]
        return (Column("", lambda: cells),) if any(ages) else ()

    @cached_property
    def _lasts(self) -> Column:
        return self._column(
            "lasts", lambda row: Text(row.lasts(self.now), style=_style(row)), right=True
        )

    @cached_property
    def _spends(self) -> Column:
        def cell(row: AccountRow) -> Text:
            return Text(f"{row.per_day}/day" if row.per_day else "", style=_style(row))

        return self._column("spends", cell, right=True)

    @cached_property
    def _provider(self) -> Column:
        return self._column("provider", lambda row: sanitize(row.provider, "dim"), share=0.25)

    def _plot(self, cells: int) -> Column:
        def cell(row: AccountRow) -> Text:
            return Text(plot_of(row, self.now, cells), style="cyan")

        return replace(self._column("last 24 h", cell), width=cells)

    def _column(
        self,
        name: str,
        cell: Callable[[AccountRow], Text],
        *,
        right: bool = False,
        share: float = 1.0,
    ) -> Column:
        return Column(name, lambda: [cell(row) for row in self.rows], right, share)


def _style(row: AccountRow) -> str:
    return "dim" if row.state.failure else ""


def plot_of(row: AccountRow, now: datetime, cells: int) -> str:
    """Draws the balance of the 24 hours before now; blank where it is not known."""
    state = row.state
    samples = ((sample.at, sample.balance) for sample in state.trend)
    return bars(
        resample(
            samples,
            since=now - SPAN,
            until=now,
            cells=cells,
            lasting=state.period or timedelta(),
        )
    )


def estimates_footnote(rows: Sequence[AccountRow]) -> str | None:
    """Returns what the estimates among the balances are computed from, if there are any."""
    readings = (row.state.reading for row in rows)
    times = [it.provider_time or it.observed_at for it in readings if it and it.estimate]
    if not times:
        return None
    later = " or later" if len(set(times)) > 1 else ""
    as_of = f"{format_time(min(times))}{later}"
    return f"~ estimated from what was paid or budgeted, less the costs as of {as_of}"


def print_for_pipe(
    rows: Sequence[AccountRow], now: datetime, latest_check: datetime | None
) -> None:
    """Prints a header and a line for each account, tab-separated, without colour or folding."""
    print_rows_for_pipe(PIPE_COLUMNS, (_fields(row, now, latest_check) for row in rows))


def _fields(row: AccountRow, now: datetime, latest_check: datetime | None) -> Iterator[str]:
    state, reading = row.state, row.state.reading
    dry_at = row.runs_dry_at
    yield row.gravity.value
    yield state.account
    yield (digits(reading.balance) or "") if reading else ""
    yield reading.currency if reading else ""
    yield row.age(now, latest_check)
    yield row.lasts(now)
    yield iso_time(dry_at) if dry_at else ""
    yield digits(row.pace.per_day) or ""
    yield "yes" if reading is not None and reading.estimate is not None else ""
    yield row.provider
    yield iso_time(state.checked_at) if state.checked_at else ""
    yield ", ".join(alert.rule for alert in row.firing)
    yield f"{state.failure.kind.words}: {state.failure.message}" if state.failure else ""
