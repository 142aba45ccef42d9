"""What happened to an account, in order of time: readings, top-ups, failures and alerts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import NamedTuple

from rich.text import Text

from balance_watch.cli.events import event_style
from balance_watch.cli.grid import Column, Folds, Grid
from balance_watch.cli.terminal import print_rows_for_pipe, sanitize
from balance_watch.domain.event import Event
from balance_watch.domain.formatting import digits, iso_time, with_unit
from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.notification import Reason, in_order
from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import TopUpSeen
from balance_watch.notifiers.text import summary_line

PIPE_COLUMNS = {
    "at": "when, in UTC",
    "event": "reading, unreadable, readable, fired, worsened, reminder, resolved or topped_up",
    "balance": "of a reading, all its digits",
    "currency": "its unit",
    "rule": "of an alert",
    "severity": "critical, warning or info",
    "detail": "what else the provider told, or what was said",
}
"""The columns of the text for a pipe, and what each contains."""

_MOST_READINGS = 24
_YEAR = len("2026-")


class Entry(NamedTuple):
    """One thing that happened: a reading, maybe with the top-up that it shows, or an event."""

    at: datetime
    reading: Reading | None = None
    top_up: TopUpSeen | None = None
    event: Event | None = None


def timeline(
    readings: Iterable[Reading], events: Iterable[Event], *, is_quota: bool = False
) -> list[Entry]:
    """Returns readings and events in order of time; at one time, the reading comes first.

    A top-up that was said at the time of its reading is not repeated.

    Args:
        readings: the readings, the oldest first.
        events: what was said.
        is_quota: the balance resets by itself, so that no rise is a top-up.
    """
    readings = list(readings)
    said = sorted(events, key=lambda event: in_order(event.notification))
    told = {event.notification.said_at for event in said if _is_of_rise(event)}
    rises = {} if is_quota else {it.at: it for it in past_top_ups(readings) if it.at not in told}
    entries = [Entry(it.observed_at, it, rises.get(it.observed_at)) for it in readings]
    entries += [Entry(event.notification.said_at, event=event) for event in said]
    return sorted(entries, key=lambda entry: (entry.at, entry.reading is None))


def _is_of_rise(event: Event) -> bool:
    """Tells whether an event is about a rise of the balance, and not about a payment."""
    said = event.notification
    return said.reason is Reason.TOPPED_UP and said.metric is Metric.BALANCE


def thinned(entries: Sequence[Entry], most: int = _MOST_READINGS) -> list[Entry]:
    """Returns the entries with so many readings at most, spread over time; all else is kept.

    The first and the last reading stay, and so do those that show a top-up, or at whose time
    something was said.
    """
    said = {it.at for it in entries if it.event is not None}
    plain = [it for it in entries if it.reading and it.top_up is None and it.at not in said]
    if len(plain) <= most:
        return list(entries)
    step = (len(plain) - 1) / (most - 1)
    left_out = {it.at for it in plain} - {plain[round(it * step)].at for it in range(most)}
    return [it for it in entries if it.at not in left_out]


def timeline_table(entries: Sequence[Entry]) -> Grid:
    """Draws entries as a table: the time, the balance, its change since the row above, and what.

    Where there is no room, the change is left out first, then the year; then balances are folded.
    """
    rows = list(_rows(entries))
    time = Column("time (UTC)", lambda: [at for at, *_ in rows], folds=Folds.NOWHERE)
    short = replace(time, draw=lambda: [at[_YEAR:] for at, *_ in rows])
    folded = Column("balance", lambda: [balance for _, balance, *_ in rows], right=True)
    balance = replace(folded, folds=Folds.NOWHERE)
    change = Column("change", lambda: [change for *_, change, _ in rows], right=True)
    whole = Column("", lambda: [what for *_, what in rows], folds=Folds.IN_NAMES)
    what = replace(whole, share=0.45)
    layouts = (
        (time, balance, change, whole),
        (time, balance, change, what),
        (time, balance, what),
        (short, balance, what),
        (short, folded, what),
    )
    return Grid(lambda: iter(layouts))


def _rows(entries: Iterable[Entry]) -> Iterator[tuple[Text, Text, Text, Text]]:
    last: Reading | None = None
    for entry in entries:
        at = Text(f"{entry.at:%Y-%m-%d %H:%M}", style="dim")
        if entry.event is not None:
            words = sanitize(
                summary_line(entry.event.notification), event_style(entry.event.notification)
            )
            yield at, Text(), Text(), words
        if (reading := entry.reading) is not None:
            what = Text(", ").join(_said_by(entry, reading, last))
            yield at, sanitize(balance_of(reading)), Text(_change(reading, last)), what
            last = reading


def _said_by(entry: Entry, reading: Reading, last: Reading | None) -> Iterator[Text]:
    """Yields the top-up that a reading shows, and what else the provider told that is new."""
    if entry.top_up is not None:
        yield sanitize(top_up_words(entry.top_up, reading.currency), "green")
    facts = facts_of(reading)
    if facts and (last is None or facts != facts_of(last)):
        yield sanitize(facts, "dim")


def balance_of(reading: Reading) -> str:
    """Writes the balance of a reading with its unit, and `~` before an estimate."""
    mark = "~" if reading.estimate is not None else ""
    return f"{mark}{with_unit(reading.balance, reading.currency)}"


def _change(reading: Reading, last: Reading | None) -> str:
    if last is None or last.currency != reading.currency:
        return ""
    with localcontext(prec=CALCULATION_DIGITS):
        change = reading.balance - last.balance
    return f"{change:+,f}" if change else ""


def top_up_words(top_up: TopUpSeen, currency: str) -> str:
    """Says by how much a balance was topped up."""
    with localcontext(prec=CALCULATION_DIGITS):
        rise = top_up.after - top_up.before
    return f"topped up by {with_unit(rise, currency)}"


def facts_of(reading: Reading) -> str:
    """Writes what the provider tells besides the balance."""
    counts = [(reading.credits, "credits"), (reading.points, "points")]
    facts = [with_unit(count, unit) for count, unit in counts if count is not None]
    if reading.auto_reload is not None:
        facts.append(f"auto-reload {'on' if reading.auto_reload.enabled else 'off'}")
    if reading.provider_flag:
        facts.append("flagged low by its provider")
    if reading.status:
        facts.append(reading.status)
    return ", ".join(facts)


def print_timeline_for_pipe(entries: Iterable[Entry]) -> None:
    """Prints a header and a line for each entry, tab-separated, without colour or folding."""
    print_rows_for_pipe(PIPE_COLUMNS, _fields(entries))


def _fields(entries: Iterable[Entry]) -> Iterator[tuple[str, ...]]:
    for entry in entries:
        at, reading = iso_time(entry.at), entry.reading
        if reading is not None:
            balance = digits(reading.balance) or ""
            yield (at, "reading", balance, reading.currency, "", "", facts_of(reading))
            if entry.top_up is not None:
                words = top_up_words(entry.top_up, reading.currency)
                yield (at, Reason.TOPPED_UP, "", "", "", Severity.INFO, words)
        if entry.event is not None:
            said = entry.event.notification
            severity, words = said.severity, summary_line(said)
            yield (at, entry.event.word, "", "", said.rule, severity, words)


def plotted(readings: Sequence[Reading]) -> list[tuple[datetime, Decimal]]:
    """Returns the balances in the unit of the latest reading: no others belong into its plot."""
    unit = readings[-1].currency if readings else ""
    return [(it.observed_at, it.balance) for it in readings if it.currency == unit]
