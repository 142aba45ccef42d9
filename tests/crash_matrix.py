"""Lets a run die before and after each of its effects, and shows what came of it.

    python -m tests.crash_matrix

On moto and on DynamoDB Local; after each death once the same tick again, once the next tick alone.
Exits with 1 when a promise was not kept.
"""

import logging
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.crash_points import moments
from tests.support.dynamodb_local import DynamoDbLocal, NotInstalledError
from tests.support.simulation import Aftermath, Past, die, effects_of_the_run, past


@dataclass
class Row:
    """What came of the deaths at one kind of effect."""

    points: int = 0
    deaths: int = 0
    doubled: int = 0
    lost: int = 0
    readings_lost: int = 0
    paid_twice: int = 0
    unknown: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, name: str, it: Aftermath) -> None:
        """Counts one death."""
        self.deaths += 1
        self.doubled += sum(it.doubled.values())
        self.lost += sum(it.lost.values()) + it.still_owed
        self.readings_lost += len(it.readings_lost)
        self.paid_twice += it.paid > 1
        self.unknown += it.payment == "unknown"
        self.broken += [] if it.in_order else [f"{name}: {it}"]


def matrix(the_past: Past, console: Console, where: str) -> dict[str, Row]:
    """Dies at every moment, twice each; returns what came of it by effect."""
    rows: dict[str, Row] = {}
    every = [(moment, again) for moment in moments(effects_of_the_run()) for again in (True, False)]
    for moment, again in track(every, f"Dying on {where}", console=console, transient=True):
        row = rows.setdefault(moment.effect, Row(points=effects_of_the_run()[moment.effect]))
        row.add(f"{moment}, {where}", die(the_past.begin(), moment, same_tick_again=again))
    return rows


def shown(where: str, rows: dict[str, Row]) -> Table:
    """Draws the matrix."""
    columns = ("points", "deaths", "doubled", "lost", "readings_lost", "paid_twice", "unknown")
    table = Table(title=f"Deaths on {where}", title_justify="left", show_footer=True)
    table.add_column("effect", footer="all")
    total = {name: sum(getattr(row, name) for row in rows.values()) for name in columns}
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right", footer=str(total[name]))
    for effect, row in rows.items():
        table.add_row(effect, *(str(getattr(row, name)) for name in columns))
    return table


def main() -> int:
    """Dies everywhere and shows the figures."""
    logging.getLogger("balance_watch").addHandler(logging.NullHandler())
    logging.getLogger("balance_watch").propagate = False
    console = Console(width=None if sys.stdout.isatty() else 110)
    broken: list[str] = []
    for where in ("moto", "DynamoDB Local"):
        with ExitStack() as stack:
            try:
                local = DynamoDbLocal().start() if where != "moto" else None
            except NotInstalledError as missing:
                console.print(f"{where} is left out: {missing}")
                continue
            if local is not None:
                stack.callback(local.stop)
            the_past = stack.enter_context(past(local.url if local else None))
            rows = matrix(the_past, console, where)
        console.print(shown(where, rows))
        broken += [each for row in rows.values() for each in row.broken]
    console.print(
        "doubled: told twice under one alert_id, each time between a channel's acceptance and the"
        " mark;\nunknown: payments whose end was not known, told as such and not tried again."
    )
    for each in broken:
        console.print(each, style="red")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
