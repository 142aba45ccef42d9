"""Runs the demo and draws its output in colour into docs/pictures/demo.svg.

python docs/pictures/draw_demo.py
"""

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 100
PICTURE = Path(__file__).with_name("demo.svg")
COMMAND = [sys.executable, "-m", "balance_watch.cli.main", "demo"]


def draw() -> None:
    """Runs the demo and draws its output."""
    environment = {
        **os.environ,
        "FORCE_COLOR": "1",
        "TTY_INTERACTIVE": "0",
        "COLUMNS": str(WIDTH),
        "TERM": "xterm-256color",
    }
    output = subprocess.run(  # noqa: S603 (the command is fixed)
        COMMAND, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(output))
        PICTURE.write_text(console.export_svg(title="make run", theme=MONOKAI), encoding="utf-8")


if __name__ == "__main__":
    draw()
