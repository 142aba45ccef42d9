"""Shows all accounts at a terminal: the table, the totals, late checks, failures and silences."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from balance_watch.cli.account_detail import acknowledged_lines
from balance_watch.cli.account_row import AccountRow, largest_unit, latest_check_of
from balance_watch.cli.accounts_table import accounts_table, estimates_footnote
from balance_watch.cli.terminal import out, print_faults, sanitize
from balance_watch.domain.acknowledgement import NONE, Acknowledgements
from balance_watch.domain.formatting import counted, format_duration, format_time, with_unit
from balance_watch.domain.overdue import overdue
from balance_watch.domain.reading import ReadFailure
from balance_watch.domain.silences import Silence
from balance_watch.domain.state import AccountState
from balance_watch.domain.totals import Total, Totals, totals_of

_NAMED = 5
_MINUTE = timedelta(minutes=1)


def show_rows(
    rows: Sequence[AccountRow],
    now: datetime,
    *,
    silences: Sequence[Silence],
    faults: Sequence[str],
    acknowledgements: Acknowledgements = NONE,
) -> None:
    """Shows accounts, with everything that is to be known beside them.

    Args:
        rows: all accounts, in the order in which they are shown.
        now: the time.
        silences: the silences that are active.
        faults: the faults of the configuration.
        acknowledgements: of whatever alerts.
    """
    states = [row.state for row in rows]
    if rows:
        show_table(rows, now, latest_check_of(rows))
        _show_totals(totals_of(states, {row.state.account for row in rows if row.is_quota}))
    else:
        out.print("There is no account to watch.")
    _show_last_check(states, now)
    show_failures(states, now)
    for line in acknowledged_lines(rows, acknowledgements):
        out.print(sanitize(line, "dim"))
    for silence in silences:
        text = f"Silence {silence.name}: {silence.matchers} until {format_time(silence.until)}"
        out.print(sanitize(f"{text}, {silence.reason}", "dim"))
    print_faults(faults)


def show_firing(
    shown: Sequence[AccountRow], rows: Sequence[AccountRow], now: datetime, faults: Sequence[str]
) -> None:
    """Shows only the accounts with an alert that fires, or that cannot be read.

    Args:
        shown: these accounts.
        rows: all accounts.
        now: the time.
        faults: the faults of the configuration.
    """
    if shown:
        show_table(shown, now, latest_check_of(rows))
    else:
        out.print("No alert fires, and every account can be read.")
    _show_last_check([row.state for row in rows], now)
    show_failures([row.state for row in shown], now)
    print_faults(faults)


def show_table(rows: Sequence[AccountRow], now: datetime, latest_check: datetime | None) -> None:
    """Shows the table of accounts, and what its estimates rest on.

    Args:
        rows: the accounts, in the order in which they are shown.
        now: the time.
        latest_check: when any account was last checked.
    """
    out.print(accounts_table(rows, now, latest_check))
    out.print()
    if (footnote := estimates_footnote(rows)) is not None:
        out.print(footnote, style="dim")


def show_failures(states: Iterable[AccountState], now: datetime) -> None:
    """Shows why accounts cannot be read, a line each."""
    for state in states:
        if state.failure is not None:
            out.print(sanitize(_failure(state, state.failure, now), "magenta"))


def _show_totals(totals: Totals) -> None:
    """Shows the total of each currency, and which accounts are in none of them."""
    for total in totals.money:
        out.print(f"Total {_total(total)}")
    left_out = [
        *_if_any(totals.unreadable, "that cannot be read"),
        *_if_any(totals.no_money, "with a quota, or in a unit that is no money"),
        *_if_any(totals.shared, "whose purse is counted already"),
    ]
    if totals.money and left_out:
        out.print(f"Not counted: {', '.join(left_out)}.", style="dim")


def _total(total: Total) -> str:
    amount = with_unit(total.amount, total.currency)
    accounts = counted(total.accounts, "account")
    if total.is_estimate:
        return f"~{amount} in {accounts}, partly estimated"
    return f"{amount} in {accounts}"


def _if_any(number: int, what: str) -> Iterator[str]:
    if number:
        yield f"{number} {what}"


def _failure(state: AccountState, failure: ReadFailure, now: datetime) -> str:
    lasting = now - (state.failing_since or now)
    since = f" for {largest_unit(lasting)}" if lasting >= _MINUTE else ""
    return f"{state.account}, unreadable{since}: {failure.message}"


def overdue_words(states: Iterable[AccountState], now: datetime) -> list[str]:
    """Returns a sentence that says which checks are overdue, or that the schedule has stopped."""
    late = overdue(states, now)
    if late is None:
        return []
    ago = format_duration(now - late.checked_at)
    usual = "" if late.period is None else f", usually every {format_duration(late.period)}"
    when = f"the oldest check was {ago} ago, {format_time(late.checked_at)}{usual}"
    if late.is_all:
        return [f"The schedule has stopped: {when}. Run `balance-watch doctor`."]
    named = ", ".join(late.accounts[:_NAMED])
    more = f" and {len(late.accounts) - _NAMED} more" if len(late.accounts) > _NAMED else ""
    return [f"No longer checked: {named}{more}: {when}."]


def _show_last_check(states: Sequence[AccountState], now: datetime) -> None:
    """Shows when the account that waits longest was checked: a schedule that stopped stands out."""
    if words := overdue_words(states, now):
        for sentence in words:
            out.print(sanitize(sentence, "bold red"))
        return
    times = [state.checked_at for state in states if state.checked_at is not None]
    if times:
        age = format_duration(max(now - min(times), timedelta()))
        out.print(f"Last checked {format_time(min(times))}, {age} ago.", style="dim")
