"""Runs commands at a pseudo-terminal and draws what they show as SVG.

python -m docs.pictures.draw_terminal           writes the pictures
python -m docs.pictures.draw_terminal --check   fails if they are not up to date

The commands run on the embedded stack with the demo's three days, as of their end. `accounts add`
is given the address of a server on this machine, which the picture does not show.
"""

import os
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from docs.pictures.text_pictures import write_or_check
from local.function import ROOT, environment, invoke, log_file
from local.scenario import POLICY, states_at, ticks
from local.world import World
from tests.support.terminal import Terminal

FOLDER = Path(__file__).parent
_SHOWN_AT = ticks()[-1] + timedelta(minutes=2)

_OF_THIS_STACK = re.compile(r"(?<=-)[A-Z0-9]{12}\b")
"""The end of a name that CloudFormation makes, which is another one in each stack."""

_ADDRESS = re.compile(r'"base_url": "[^"]*", ')


class Shown(NamedTuple):
    """A command, and how wide its terminal is."""

    words: tuple[str, ...]
    columns: int


PICTURES = {
    **{
        f"{words[0]}{suffix}.svg": Shown(words, columns)
        for words in (("status",), ("history", "sms"), ("doctor",))
        for suffix, columns in (("", 80), ("-wide", 140))
    },
    "accounts-add.svg": Shown(("accounts", "add"), 80),  # the last one: it changes the stack
}
"""The pictures by their names, in the order in which the commands run."""


def drawn() -> Iterator[tuple[str, str]]:
    """Yields the name of each picture, and the picture."""
    with World() as world, environment(world.environment), TemporaryDirectory() as folder:
        with log_file(Path(folder) / "log"):
            world.aws.put_policy(POLICY)
            for tick in ticks():
                world.show(states_at(tick), tick)
                invoke(tick)
        for name, shown in PICTURES.items():
            yield name, _svg(shown, _output(world, shown))


def _output(world: World, shown: Shown) -> str:
    """Returns what a command shows, with the codes of its colours."""
    new = world.spare()
    is_adding = shown.words == ("accounts", "add")
    unseen = ("--base-url", new["base_url"]) if is_adding else ()
    command = [sys.executable, "-m", "docs.pictures.at_a_time", _SHOWN_AT.isoformat()]
    with Terminal(
        [*command, *shown.words, *unseen], os.environ, cwd=ROOT, columns=shown.columns
    ) as terminal:
        if is_adding:
            terminal.answer("Provider", "you.com")
            terminal.answer("Is it you?")
            terminal.answer("Name of the account", "books")
            terminal.answer("api_key", new["credentials"]["api_key"])
            terminal.answer("Alert below")
            terminal.answer("Labels", "team=search")
            terminal.answer("Store it?")
        code = terminal.end()
        if code != 0:
            raise RuntimeError(f"{shown.words} has ended with {code}:\n{terminal.screen}")
        return terminal.coloured


def _svg(shown: Shown, output: str) -> str:
    output = _ADDRESS.sub("", _OF_THIS_STACK.sub("1A2B3C4D5E6F", output))
    command = Text.assemble(("$ ", "dim"), f"balance-watch {' '.join(shown.words)}")
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=shown.columns, file=nowhere, force_terminal=True)
        console.print(command)
        console.print(Text.from_ansi(output.replace("\r", "")))
        return console.export_svg(title=f"{shown.columns} columns", theme=MONOKAI)


if __name__ == "__main__":
    sys.exit(write_or_check(FOLDER, dict(drawn()), sys.argv[1:]))
