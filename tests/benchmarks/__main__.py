"""Measures the budgets and shows each figure beside what it may be.

    python -m tests.benchmarks [--quick]

Times depend on the machine and on what else it does: compare within one run. Exits with 1 when a
budget is not kept.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.benchmarks import cost, measures
from tests.support.dynamodb_local import NotInstalledError

MB = 1_000_000
COST_BUDGET = 4.0


@dataclass(frozen=True)
class Figure:
    """A figure beside its budget."""

    what: str
    floor: str
    budget: str
    measured: str
    kept: bool


def reading(console: Console, *, quick: bool) -> Iterator[Figure]:
    """Reading accounts at 200 ms each."""
    for accounts, hosts in [(300, 1)] if quick else [(1000, 1), (1000, 4)]:
        with console.status(f"Reading {accounts} accounts from {hosts} hosts"):
            it = measures.reading_time(accounts, hosts, latency=0.2)
        ratio = it.seconds / it.floor
        where = "one host" if hosts == 1 else f"{hosts} hosts"
        yield Figure(
            f"reading {accounts:,} accounts at {where}, 200 ms each, over TLS",
            f"{it.floor:.1f} s",
            "1.15 x the floor",
            f"{it.seconds:.2f} s, {ratio:.3f} x",
            ratio <= 1.15,
        )


def of_runs(runs: list[measures.Run]) -> Iterator[Figure]:
    """Calls and memory."""
    for run in runs:
        yield Figure(
            f"AWS calls of a quiet run, {run.accounts:,} accounts, {run.secrets} secret(s)",
            "",
            f"{run.calls_budget}",
            f"{run.calls}",
            run.calls <= run.calls_budget,
        )
    most = runs[-1]
    yield Figure(
        f"peak memory, {most.accounts:,} accounts",
        "",
        "200 MB",
        f"{most.peak_bytes / MB:.0f} MB",
        most.peak_bytes <= 200 * MB,
    )


def of_units(units: measures.Units) -> Iterator[Figure]:
    """Write and read units."""
    for what, floor, budget, each, besides in (
        ("write", 1.0, 2.0, units.write_per_account, units.write_besides),
        ("read", 0.5, 1.0, units.read_per_account, units.read_besides),
    ):
        yield Figure(
            f"{what} units of a quiet run, for each account",
            f"{floor:g}",
            f"{budget:g}",
            f"{each:g} (and {besides:g} for the run)",
            each <= budget,
        )


def of_start(it: measures.StartTime) -> Figure:
    """Importing the handler against what it cannot do without."""
    return Figure(
        "importing the handler, to boto3, requests, Logger and Metrics, CPU",
        f"{it.bare * 1000:.0f} ms",
        "1.25 x the floor",
        f"{it.handler * 1000:.0f} ms, {it.ratio:.3f} x",
        it.ratio <= 1.25,
    )


def of_package(size: int | None) -> Figure:
    """The zip that is deployed."""
    if size is None:
        return Figure("package, zipped", "", "10 MB", "not built: make build", kept=False)
    return Figure("package, zipped", "", "10 MB", f"{size / MB:.1f} MB", size <= 10 * MB)


def budgets(figures: list[Figure]) -> Table:
    """The table of figures."""
    table = Table(title=f"Budgets, Python {measures.python_version()}", title_justify="left")
    table.add_column("")
    for column in ("floor", "budget", "measured"):
        table.add_column(column, justify="right")
    table.add_column("kept")
    for it in figures:
        kept = "[green]yes" if it.kept else "[bold red]no"
        table.add_row(it.what, it.floor, it.budget, it.measured, kept)
    return table


def costs(months: list[cost.Month]) -> Table:
    """The table of costs."""
    table = Table(title="A month at list prices, in US dollars", title_justify="left")
    parts = ["writes", "reads", "function", "secrets", "key", "alarms", "logs"]
    parts += ["at_first", "history", "total"]
    for column in ("accounts", "every", *parts):
        table.add_column(column.replace("_", " "), justify="right", no_wrap=True)
    for it in months:
        amounts = [f"{getattr(it, part):.2f}" for part in parts]
        table.add_row(f"{it.accounts:,}", f"{it.minutes} min", *amounts)
    return table


def main() -> int:
    """Measures and shows everything."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer accounts and repetitions")
    quick = parser.parse_args().quick
    # Wide enough for the tables where there is no terminal to ask.
    console = Console(width=None if sys.stdout.isatty() else 120)
    figures = list(reading(console, quick=quick))
    numbers = [10, 100] if quick else [10, 100, 1000]
    with console.status(f"Running checks of {', '.join(map(str, numbers))} accounts"):
        runs = measures.runs(numbers)
    figures += of_runs(runs)
    with console.status("Importing"):
        start = measures.start_time(3 if quick else 11)
    figures.append(of_start(start))
    figures.append(of_package(measures.package_bytes()))
    months: list[cost.Month] = []
    try:
        with console.status("Counting units on DynamoDB Local"):
            units = measures.units()
    except NotInstalledError as missing:
        console.print(f"[yellow]Units and costs are left out: {missing}")
    else:
        figures += of_units(units)
        months = [cost.month(run, units, every, start.handler) for run in runs for every in (5, 60)]
        total = next(it.total for it in months if (it.accounts, it.minutes) == (100, 5))
        figures.append(
            Figure(
                "a month of 100 accounts every 5 minutes",
                "",
                f"${COST_BUDGET:.2f}",
                f"${total:.2f}",
                total <= COST_BUDGET,
            )
        )
    console.print(budgets(figures))
    if months:
        console.print(costs(months))
        console.print(
            f"history: after {cost.HISTORY_DAYS} days, {units.reading_bytes:.0f} bytes a reading;"
            " key: the topic's; prices and assumptions: tests/benchmarks/cost.py"
        )
    return 0 if all(it.kept for it in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
