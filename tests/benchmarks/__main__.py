"""Measures everything that has a budget, and shows each figure beside its budget.

    python -m tests.benchmarks [--quick]

Times depend on the machine and on its load: compare within one run. Exits with 1 if a budget is
exceeded.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.benchmarks import cost, measures
from tests.benchmarks.processes import measured
from tests.benchmarks.units import Units, units
from tests.support.dynamodb_local import NotInstalledError

MB = 1_000_000
COST_BUDGET = 3.30


@dataclass(frozen=True)
class Figure:
    """A measured figure, with its budget and the least that is possible."""

    title: str
    floor: str
    budget: str
    measured: str
    kept: bool


def reading(console: Console, *, quick: bool) -> Iterator[Figure]:
    """Yields the time to read accounts from providers that take 200 ms each."""
    for accounts, hosts in [(300, 1)] if quick else [(1000, 1), (1000, 4)]:
        with console.status(f"Reading {accounts} accounts from {hosts} hosts"):
            time = measures.reading_time(accounts, hosts, latency=0.2)
        ratio = time.seconds / time.floor
        where = "one host" if hosts == 1 else f"{hosts} hosts"
        yield Figure(
            f"reading {accounts:,} accounts at {where}, 200 ms each, over TLS",
            f"{time.floor:.1f} s",
            "1.04 x the floor",
            f"{time.seconds:.2f} s, {ratio:.3f} x",
            ratio <= 1.04,
        )


def of_runs(runs: list[measures.Run]) -> Iterator[Figure]:
    """Yields the AWS calls of each run, and the memory of the largest."""
    for run in runs:
        yield Figure(
            f"AWS calls of a quiet run, {run.accounts:,} accounts, {run.secrets} secret(s)",
            "",
            f"{run.calls_budget}",
            f"{run.calls}",
            run.calls <= run.calls_budget,
        )
    largest = runs[-1]
    yield Figure(
        f"peak memory, {largest.accounts:,} accounts",
        "",
        "120 MB",
        f"{largest.peak_bytes / MB:.0f} MB",
        largest.peak_bytes <= 120 * MB,
    )


def of_units(units: Units, minutes: int) -> Iterator[Figure]:
    """Yields the write and the read units of a quiet run at a schedule."""
    for kind, floor, budget, per_account, per_run in (
        ("write", 1.10, 1.15, units.write_per_account, units.write_per_run),
        ("read", 0.5, 1.0, units.read_per_account, units.read_per_run),
    ):
        whole = per_account + per_run / 100
        yield Figure(
            f"{kind} units of a quiet run every {minutes} min of 100 accounts, for each account",
            f"{floor:.2f}",
            f"{budget:.2f}",
            f"{whole:.3f} ({per_account:.3f}, and {per_run:.1f} for the run)",
            whole <= budget,
        )


def of_report(kind: str, figures: dict[str, float]) -> Figure:
    """Returns the CPU of the report of 200 accounts; report_command.py measures all of its time."""
    gathered, drawn, size = (figures[name] for name in ("gathered", "drawn", "bytes"))
    return Figure(
        f"the report of 200 {kind} accounts with 30 days of checks every 5 minutes, CPU for each",
        "",
        "page of 5 MB",
        f"{gathered * 1000:.1f} ms read, {drawn * 1000:.1f} ms drawn, {200 * size / MB:.2f} MB",
        200 * size <= 5 * MB,
    )


def of_start(start: measures.StartTime) -> Figure:
    """Returns the time to import the handler, against its libraries alone."""
    return Figure(
        "importing the handler, to boto3, requests and Logger, CPU",
        f"{start.bare * 1000:.0f} ms",
        "1.20 x the floor",
        f"{start.handler * 1000:.0f} ms, {start.ratio:.3f} x",
        start.ratio <= 1.2,
    )


def of_package(size: int | None) -> Figure:
    """Returns the size of the zip that is deployed."""
    if size is None:
        return Figure("package, zipped", "", "8 MB", "not built: make build", kept=False)
    return Figure("package, zipped", "", "8 MB", f"{size / MB:.1f} MB", size <= 8 * MB)


def budgets(figures: list[Figure]) -> Table:
    """Returns the table of figures."""
    table = Table(title=f"Budgets, Python {measures.python_version()}", title_justify="left")
    table.add_column("")
    for column in ("floor", "budget", "measured"):
        table.add_column(column, justify="right")
    table.add_column("kept")
    for figure in figures:
        kept = "[green]yes" if figure.kept else "[bold red]no"
        table.add_row(figure.title, figure.floor, figure.budget, figure.measured, kept)
    return table


def costs(months: list[cost.Month]) -> Table:
    """Returns the table of costs."""
    table = Table(title="A month at list prices, in US dollars", title_justify="left")
    parts = ["writes", "reads", "function", "secrets", "key", "alarms", "logs"]
    parts += ["before_history", "history", "total"]
    for column in ("accounts", "every", *parts):
        table.add_column(column.replace("_", " "), justify="right", no_wrap=True)
    for month in months:
        amounts = [f"{getattr(month, part):.2f}" for part in parts]
        table.add_row(f"{month.accounts:,}", f"{month.minutes} min", *amounts)
    return table


def of_cost(months: list[cost.Month]) -> Figure:
    """Returns the cost of a month of 100 accounts that are checked every 5 minutes."""
    total = next(month.total for month in months if (month.accounts, month.minutes) == (100, 5))
    return Figure(
        "a month of 100 accounts every 5 minutes",
        "",
        f"${COST_BUDGET:.2f}",
        f"${total:.2f}",
        total <= COST_BUDGET,
    )


def main() -> int:
    """Measures and shows everything, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer accounts and repetitions")
    quick = parser.parse_args().quick
    # Without a terminal, rich would wrap the tables at 80 columns.
    console = Console(width=None if sys.stdout.isatty() else 120)
    figures = list(reading(console, quick=quick))
    numbers = [10, 100] if quick else [10, 100, 1000]
    with console.status(f"Running checks of {', '.join(map(str, numbers))} accounts"):
        runs = measures.runs(numbers)
    figures += of_runs(runs)
    with console.status("Reporting"):
        for kind in ("ordinary", "harsh"):
            measured_report = measured(["-m", "tests.benchmarks.reports", "200", "--kind", kind])
            figures.append(of_report(kind, measured_report))
    with console.status("Importing"):
        start = measures.start_time(3 if quick else 11)
    figures += [of_start(start), of_package(measures.package_bytes())]
    try:
        with console.status("Counting units on DynamoDB Local"):
            every = {minutes: units(minutes) for minutes in (1, 2, 5, 60)}
    except NotInstalledError as missing:
        console.print(f"[yellow]Units and costs are left out: {missing}")
        console.print(budgets(figures))
    else:
        counted = every[5]
        months = [
            cost.month(run, of_schedule, minutes, start.handler)
            for run in runs
            for minutes, of_schedule in every.items()
        ]
        for minutes in (1, 2, 5):
            figures += of_units(every[minutes], minutes)
        figures.append(of_cost(months))
        console.print(budgets(figures))
        console.print(costs(months))
        console.print(
            f"history: after {cost.HISTORY_DAYS} days, {counted.reading_bytes:.0f} bytes a reading;"
            " key: the topic's; prices and assumptions: tests/benchmarks/cost.py"
        )
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
