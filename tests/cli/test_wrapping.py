"""A sentence at a terminal: it uses the whole width, and its further lines hang."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from balance_watch.cli.terminal import print_wrapped


class _Screen(io.StringIO):
    """A text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def wrapped(text: str, width: int, *, indent: int = 0, hang: int = 0) -> list[str]:
    """Returns the lines that a sentence takes at a terminal of so many columns."""
    screen = _Screen()
    print_wrapped(Text(text), indent, hang, Console(file=screen, width=width))
    return screen.getvalue().splitlines()


@pytest.mark.parametrize(
    ("indent", "hang", "lines"),
    [
        (0, 18, ["2026-11-26 01:00  sms runs dry in 7 h 36", " " * 18 + "min"]),
        (2, 4, ["  2026-11-26 01:00  sms runs dry in 7 h", "      36 min"]),
    ],
)
def test_the_first_line_uses_the_whole_width(indent: int, hang: int, lines: list[str]) -> None:
    assert (
        wrapped("2026-11-26 01:00  sms runs dry in 7 h 36 min", 40, indent=indent, hang=hang)
        == lines
    )


def test_a_long_word_goes_on_behind_the_hang() -> None:
    assert wrapped("x" * 50, 40, hang=10) == ["x" * 40, " " * 10 + "x" * 10]


@given(
    st.lists(st.text("ab", min_size=1, max_size=50), min_size=1),
    st.integers(0, 10),
    st.integers(0, 10),
    st.integers(40, 90),
)
def test_no_letter_is_lost_and_no_line_is_too_wide(
    words: list[str], indent: int, hang: int, width: int
) -> None:
    lines = wrapped(" ".join(words), width, indent=indent, hang=hang)
    assert "".join("".join(lines).split()) == "".join(words)
    assert max(map(len, lines)) <= width
