"""`history` at a terminal and in a pipe."""

import os
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from balance_watch.cli.timeline import PIPE_COLUMNS
from local.trouble import FINE, KEY_REJECTED
from tests.cli.test_status import check_before
from tests.support.canaries import key
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

HISTORY = (sys.executable, "-m", "balance_watch.cli.main", "history")


@pytest.fixture
def eventful(stage: "Stage", run: "Run") -> "Run":
    """The command, after checks of an account that was low, unreadable, and topped up."""
    stage.accounts(stage.entry("search", "you", alert_below="8000"))
    check_before(50)
    stage.you.trouble = KEY_REJECTED
    check_before(40)
    stage.you.trouble = FINE
    stage.you.accounts[key("search")].balance = Decimal(7000)
    check_before(30)
    stage.you.accounts[key("search")].balance = Decimal(9000)
    check_before(20)
    return run


def rows(output: str) -> list[dict[str, str]]:
    header, *lines = output.splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_a_pipe_gets_every_reading_and_event_in_order_of_time(eventful: "Run") -> None:
    found = rows(eventful("history", "search").out)
    assert [(row["event"], row["balance"], row["rule"]) for row in found] == [
        ("reading", "7189.245", ""),
        ("fired", "", "alert_below"),
        ("unreadable", "", "unreadable"),
        ("reading", "7000", ""),
        ("readable", "", "unreadable"),
        ("reading", "9000", ""),
        ("resolved", "", "alert_below"),
        ("topped_up", "", "topped_up"),
    ]
    assert [row["at"] for row in found] == sorted(row["at"] for row in found)
    assert found[1]["detail"] == "search is at 7,189.245 USD, below 8,000.00 USD"


def test_a_pipe_gets_the_events_alone_if_it_asks_for_them(eventful: "Run") -> None:
    found = rows(eventful("history", "search", "--events").out)
    assert len(found) == 5
    assert "reading" not in {row["event"] for row in found}


def test_the_columns_of_the_pipe_are_in_the_help(run: "Run") -> None:
    text = " ".join(run("history", "--help").out.split())
    assert all(f"{name} (" in text for name in PIPE_COLUMNS)


def test_json_stays_the_list_of_readings_and_events_the_list_of_events(eventful: "Run") -> None:
    readings = eventful("history", "search", "--json").json
    assert [it["balance"] for it in readings] == ["7189.245", "7000", "9000"]
    events = eventful("history", "search", "--events", "--json").json
    assert {it["event"] for it in events} == {
        "fired",
        "unreadable",
        "readable",
        "resolved",
        "topped_up",
    }


def test_a_terminal_gets_a_plot_with_axes_and_one_table(stage: "Stage", eventful: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    check_before(10)
    assert eventful("history", "search", "--json").code == 0
    with Terminal([*HISTORY, "search", "--days", "1"], os.environ) as terminal:
        assert terminal.end() == 0
        lines = terminal.screen.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].lstrip().startswith("9,000 ┤")
    assert lines[9].endswith("now")
    assert lines[10].startswith("7,189.245 USD → 9,000.00 USD, 3 readings since ")
    header = next(line for line in lines if line.startswith("time (UTC)"))
    assert header.split() == ["time", "(UTC)", "balance", "change"]
    screen = " ".join(" ".join(lines).split())
    assert "+2,000" in screen
    assert "search was topped up and is at 9,000.00 USD" in screen
    assert "It cannot be read since " in screen


def test_an_account_without_a_reading_says_so(stage: "Stage", run: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    stage.accounts(stage.entry("search", "you"))
    check_before(5)
    with Terminal([*HISTORY, "search"], os.environ) as terminal:
        assert terminal.end() == 0
        assert terminal.screen.startswith("There is no reading in that time.\n")
        assert "search cannot be read (key rejected)" in terminal.screen
    assert [row["event"] for row in rows(run("history", "search").out)] == ["unreadable"]


def test_a_misspelt_account_gets_a_suggestion(eventful: "Run") -> None:
    output = eventful("history", "SERCH")
    assert output.code == 1
    assert "Did you mean search?" in output.err
