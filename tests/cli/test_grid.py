"""A table at a terminal: it leaves columns out before it folds a word, and loses no letter."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from balance_watch.cli.grid import Column, Folds, Grid

STATE = Column("state", lambda: [Text("alert_below, runs_dry"), Text("ok")], share=0.25)
NAME = Column("account", lambda: [Text("images-staging"), Text("sms")], folds=Folds.IN_NAMES)
TIME = Column("time", lambda: [Text("2026-11-25 11:00"), Text("")], folds=Folds.NOWHERE)


def drawn(*layouts: tuple[Column, ...], width: int) -> list[str]:
    """Returns the lines of a table at a terminal of so many columns."""
    out = io.StringIO()
    Console(file=out, width=width).print(Grid(lambda: iter(layouts)))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (40, "state         account|alert_below,  images-staging|runs_dry|ok            sms"),
        (27, "state         account|alert_below,  images-|runs_dry      staging|ok            sms"),
        (20, "state      account|alert_     images-|below,     staging|runs_dry|ok         sms"),
    ],
)
def test_it_folds_between_words_then_in_names_then_in_words_at_their_marks(
    width: int, lines: str
) -> None:
    assert drawn((STATE, NAME), width=width) == lines.split("|")


@pytest.mark.parametrize(("width", "columns"), [(46, 3), (45, 2), (32, 2), (31, 1), (20, 1)])
def test_a_column_is_left_out_before_a_time_or_a_short_word_is_folded(
    width: int, columns: int
) -> None:
    header, first, *_ = drawn((STATE, NAME, TIME), (NAME, TIME), (TIME,), width=width)
    assert len(header.split()) == columns
    assert first.endswith("2026-11-25 11:00")


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), max_size=40), min_size=1),
    st.sampled_from(Folds),
    st.integers(20, 60),
)
def test_no_letter_is_lost_and_nothing_is_too_wide(
    words: list[str], folds: Folds, width: int
) -> None:
    text = " ".join(words)
    column = replace(NAME, draw=lambda: [Text(text)], folds=folds)
    lines = drawn((column,), width=width)
    assert "".join("".join(lines[1:]).split()) == "".join(text.split())
    assert max(map(cell_len, lines)) <= width
