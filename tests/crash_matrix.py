"""Crashes a run before and after each of its effects, and shows how the next runs recover.

    python -m tests.crash_matrix

It does so in each scenario, on moto or also on DynamoDB Local, and after each crash once with the
same tick again, once with the next tick alone. It exits with 1 if a promise was broken.
"""

import logging
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.audit import Audit, crash_and_recover
from tests.support.crash_scenario import Scenario
from tests.support.crash_scenarios import MOTO, SCENARIOS, CrashScenario
from tests.support.dynamodb_local import DynamoDbLocal, NotInstalledError


@dataclass
class Row:
    """The results of all crashes at one kind of effect."""

    points: int = 0
    crashes: int = 0
    doubled: int = 0
    lost: int = 0
    readings_lost: int = 0
    paid_twice: int = 0
    unknown: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, name: str, audit: Audit) -> None:
        """Counts one crash."""
        self.crashes += 1
        self.doubled += sum(audit.doubled.values())
        self.lost += sum(audit.lost.values()) + audit.pending
        self.readings_lost += len(audit.readings_lost)
        self.paid_twice += audit.payments > 1
        self.unknown += audit.payment == "unknown"
        self.broken += [] if audit.is_correct else [f"{name}: {audit}"]


def matrix(
    scenario: CrashScenario, prepared: Scenario, console: Console, where: str
) -> dict[str, Row]:
    """Crashes twice at every crash point, and returns the results by effect."""
    rows: dict[str, Row] = {}
    crashes = [(point, again) for point in scenario.points for again in (True, False)]
    for point, again in track(crashes, f"Crashing on {where}", console=console, transient=True):
        row = rows.setdefault(point.effect, Row(points=scenario.effects[point.effect]))
        audit = crash_and_recover(prepared.begin(), point, same_tick_again=again)
        row.add(f"{point}, {where}", audit)
    return rows


def table_of(rows: dict[str, Row], where: str) -> Table:
    """Returns the matrix as a table."""
    columns = ("points", "crashes", "doubled", "lost", "readings_lost", "paid_twice", "unknown")
    table = Table(title=f"Crashes on {where}", title_justify="left", show_footer=True)
    table.add_column("effect", footer="all")
    total = {name: sum(getattr(row, name) for row in rows.values()) for name in columns}
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right", footer=str(total[name]))
    for effect, row in rows.items():
        table.add_row(effect, *(str(getattr(row, name)) for name in columns))
    return table


def main() -> int:
    """Shows a matrix for each kind of table, and returns the exit code."""
    logging.getLogger("balance_watch").addHandler(logging.NullHandler())
    logging.getLogger("balance_watch").propagate = False
    console = Console(width=None if sys.stdout.isatty() else 110)
    broken: list[str] = []
    places = [(name, where) for name, it in SCENARIOS.items() for where in it.places]
    for name, where in places:
        scenario = SCENARIOS[name]
        place = f"{where}, {name}"
        with ExitStack() as stack:
            try:
                local = DynamoDbLocal().start() if where != MOTO else None
            except NotInstalledError as missing:
                console.print(f"{where} is left out: {missing}")
                continue
            if local is not None:
                stack.callback(local.stop)
            prepared = stack.enter_context(scenario.prepared(local.url if local else None))
            rows = matrix(scenario, prepared, console, place)
        console.print(table_of(rows, place))
        broken += [promise for row in rows.values() for promise in row.broken]
    console.print(
        "doubled: sent twice with one alert_id, each time because the crash came after a channel's"
        " acceptance\nand before its entry was removed; unknown: payments whose outcome is unknown,"
        " announced as such and not retried."
    )
    for promise in broken:
        console.print(promise, style="red")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
