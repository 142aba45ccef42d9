"""Readings, failures, alerts and top-ups stand in their place, in one order of time."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from balance_watch.cli.chart import chart_with_axes
from balance_watch.cli.timeline import Entry, plotted, thinned, timeline, timeline_table
from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.event import Event, events_of
from balance_watch.domain.notification import Notification
from balance_watch.domain.reading import AutoReload, Reading
from balance_watch.domain.report import usual_gap
from tests.support.examples import TICK
from tests.support.strategies import amounts, notifications, readings, ticks
from tests.support.watchman import HOUR, LINK, below, failure, reading, watching

DAY = timedelta(days=1)


def lived(*balances: str | None, renews: bool = False) -> tuple[list[Reading], list[Event]]:
    """Returns the readings of an account, an hour apart, and what was said; None: a failed read."""
    watchman = watching(below("20"))
    watchman.traits = ProviderTraits(LINK, renews=renews)
    found = []
    for balance in balances:
        watchman.check(failure() if balance is None else balance, HOUR)
        if balance is not None:
            found.append(replace(reading(balance), observed_at=watchman.now))
    return found, list(events_of(watchman.entries))


def told(entries: list[Entry]) -> list[str]:
    """Returns each entry in a word: a balance, or what happened."""
    return [
        f"{entry.reading.balance}{'+' if entry.top_up else ''}"
        if entry.reading
        else entry.event.word
        if entry.event
        else ""
        for entry in entries
    ]


def test_everything_stands_in_its_place() -> None:
    entries = timeline(*lived("30", "10", "9", None, None, None, "8", "100"))
    assert told(entries) == [
        "30",
        "10",
        "fired",
        "9",
        "unreadable",
        "8",
        "readable",
        "100",
        "resolved",
        "topped_up",
    ]


def test_a_rise_that_was_not_said_is_a_top_up_all_the_same() -> None:
    found, _ = lived("50", "100")
    assert told(timeline(found, [])) == ["50", "100+"]


def test_a_rise_that_was_said_is_told_once() -> None:
    found, events = lived("50", "100")
    assert told(timeline(found, events)) == ["50", "100", "topped_up"]


def test_the_reset_of_a_quota_is_no_top_up() -> None:
    found, events = lived("50", "100", renews=True)
    assert told(timeline(found, events, is_quota=True)) == ["50", "100"]


def shown(entries: list[Entry], width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(timeline_table(entries))
    return out.getvalue().splitlines()


def test_the_table_has_the_change_since_the_row_above() -> None:
    found, _ = lived("50", "48.5", "48.5", "100")
    lines = [" ".join(line.split()[2:]) for line in shown(timeline(found, []))[1:]]
    assert lines == [
        "50.00 EUR",
        "48.50 EUR -1.5",
        "48.50 EUR",
        "100.00 EUR +51.5 topped up by 51.50 EUR",
    ]


def test_what_the_provider_tells_is_shown_where_it_changes() -> None:
    on, off = (AutoReload(enabled=enabled) for enabled in (True, False))
    found = [
        replace(reading("50"), observed_at=TICK + hour * HOUR, auto_reload=reload)
        for hour, reload in enumerate((on, on, off))
    ]
    lines = shown(timeline(found, []))[1:]
    assert [line.rstrip().endswith(("on", "off")) for line in lines] == [True, False, True]


def test_many_readings_are_thinned_but_nothing_that_happened_is_lost() -> None:
    balances = [*(f"{500 - hour}" for hour in range(60)), None, None, None, "430", "600"]
    entries = timeline(*lived(*balances, *(f"{599 - hour}" for hour in range(40))))
    kept = thinned(entries, 10)
    assert [it for it in kept if it.event] == [it for it in entries if it.event]
    assert (kept[0], kept[-1]) == (entries[0], entries[-1])
    assert "600" in told(kept)
    assert sum(it.reading is not None for it in kept) <= 12


times = st.lists(ticks, max_size=30, unique=True).map(sorted)


@given(times, st.lists(notifications, max_size=4), st.integers(2, 12))
def test_a_timeline_is_in_order_and_thinning_keeps_it(
    at: list[datetime], said: list[Notification], most: int
) -> None:
    found = [replace(reading("5"), observed_at=it) for it in at]
    entries = timeline(found, [Event(it) for it in said])
    assert [it.at for it in entries] == sorted(it.at for it in entries)
    assert len(entries) == len(found) + len(said)
    kept = thinned(entries, most)
    assert [it for it in entries if it in kept] == kept
    assert [it.event for it in kept if it.event] == [it.event for it in entries if it.event]


@given(st.lists(readings, max_size=5), st.lists(notifications, max_size=3), st.integers(40, 140))
def test_nothing_is_wider_than_the_terminal(
    found: list[Reading], said: list[Notification], width: int
) -> None:
    found = sorted(found, key=lambda it: it.observed_at)
    entries = timeline(found, [Event(it) for it in said])
    assert max(map(cell_len, shown(entries, width))) <= width


def test_amounts_of_another_unit_are_in_no_plot() -> None:
    found = [replace(reading("5"), currency="credits"), reading("7")]
    assert [balance for _, balance in plotted(found)] == [Decimal(7)]
    assert plotted([]) == []


def test_the_usual_gap_is_the_median() -> None:
    hours = (0, 1, 2, 30, 31)
    found = [replace(reading("5"), observed_at=TICK + hour * HOUR) for hour in hours]
    times = [it.observed_at for it in found]
    assert usual_gap(times) == HOUR
    assert usual_gap(times[:1]) == timedelta()


def chart(balances: list[tuple[int, Decimal]], width: int = 60, days: int = 7) -> Iterator[str]:
    samples = [(TICK - hours * HOUR, balance) for hours, balance in balances]
    return chart_with_axes(samples, since=TICK - days * DAY, until=TICK, width=width, lasting=HOUR)


def test_a_chart_has_amounts_at_the_side_and_times_along_the_bottom() -> None:
    hourly = [(hour, Decimal(50 + hour)) for hour in range(72, -1, -1)]
    lines = list(chart(hourly))
    assert len(lines) == 10
    assert lines[0].startswith("122 ┤  ")
    assert lines[4].startswith(" 61 ┤  ")
    assert lines[8].startswith("  0 └─")
    assert " ".join(lines[9].split()) == "17 Nov 19 Nov 21 Nov now"
    assert lines[7][5:35].isspace()
    assert lines[7].endswith("█" * 20)


@given(
    st.lists(st.tuples(st.integers(0, 300), amounts), max_size=20),
    st.integers(40, 140),
    st.sampled_from([1, 2, 7, 30, 400, 36_500]),
)
def test_a_chart_is_never_wider_than_it_may_be(
    balances: list[tuple[int, Decimal]], width: int, days: int
) -> None:
    lines = list(chart(sorted(balances, reverse=True), width, days))
    assert max(map(len, lines)) <= width
    assert lines[-1].endswith("now")
    assert "┬" in lines[-2]
