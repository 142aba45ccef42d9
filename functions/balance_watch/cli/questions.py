"""Asks at a terminal. Questions go to standard error, so that standard output is the result."""

import getpass
import sys
from collections.abc import Callable
from typing import TypeVar

from balance_watch.cli.terminal import err, sanitize
from balance_watch.errors import CommandError

T = TypeVar("T")


def can_ask() -> bool:
    """Tells whether somebody is there to answer."""
    return sys.stdin.isatty()


def ask(question: str, default: str = "") -> str:
    """Returns the answer to a question on one line, or the default for Enter.

    Raises:
        CommandError: the input has ended.
    """
    shown = f"{question} [{default}]" if default else question
    err.print(sanitize(f"{shown}: "), end="", soft_wrap=True)
    line = sys.stdin.readline()
    if not line:
        raise _ended()
    return line.strip() or default


def ask_hidden(question: str) -> str:
    """Asks until the answer is not empty, and returns it; what is typed is not shown.

    Raises:
        CommandError: the input has ended.
    """
    while True:
        try:
            answer = getpass.getpass(f"{question} (hidden): ", stream=sys.stderr).strip()
        except EOFError:
            raise _ended() from None
        if answer:
            return answer
        err.print("It must not be empty; Ctrl-C ends.", style="yellow")


def _ended() -> CommandError:
    """Returns the error of a question that gets no answer, as with Ctrl-D."""
    err.print()  # the cursor still is behind the question
    return CommandError("The input has ended: nothing was changed.")


def ask_until(question: str, read: Callable[[str], T], default: str = "") -> T:
    """Asks until `read` takes the answer; it raises ValueError or CommandError with what is wrong.

    Raises:
        CommandError: the input has ended.
    """
    while True:
        answer = ask(question, default)
        try:
            return read(answer)
        except (CommandError, ValueError) as error:
            err.print(sanitize(str(error), "yellow"))


def confirm(question: str, *, default: bool = False) -> bool:
    """Returns whether the answer is yes; Enter is the default.

    Raises:
        CommandError: the input has ended.
    """
    answer = ask(f"{question} [{'Y/n' if default else 'y/N'}]").lower()
    return default if not answer else answer in ("y", "yes")
