"""Measures how checks grow with the number of accounts, from the planner to the last worker.

    python -m tests.benchmarks.scale [--steps 1000,10000] [--sample 100000:4] [--hosts 100]

Each step is two ticks: one at which a tenth of the accounts alert and one worker in a hundred is
killed, and a quiet one. Planner and workers are processes that call the real handlers; the
provider answers over TLS in 200 ms. Of a step with a sample, so many batches are checked, and
only the end of the others is stored. Exits with 1 if an alert is lost or announced twice, an
account is not checked, a function takes too much memory, or the cost of an account grows.
"""

import argparse
import sys
from itertools import pairwise
from math import ceil

from rich.console import Console
from rich.table import Table

from tests.benchmarks.cost import (
    CALL_SECONDS,
    GB_SECOND,
    INVOCATION,
    MEMORY_GB,
    MINUTES_A_MONTH,
    ONE_CPU_GB,
    READ_UNIT,
    SECRET,
    SECRET_CALL,
    WRITE_UNIT,
)
from tests.benchmarks.scale_step import LATENCY, SIZE, Step, Ticked, Total, step

MB = 1_000_000
TICKS_A_MONTH = MINUTES_A_MONTH / 5
SQS_REQUEST = 0.40e-6
"""https://aws.amazon.com/sqs/pricing/ (standard queue; the first million of a month is free)."""

POLLS_A_MONTH = MINUTES_A_MONTH * 15
"""Five pollers that wait 20 seconds each, while there is no message."""

MEMORY = {"planner": 512 * MB, "worker": 120 * MB, "finisher": 120 * MB}
GROWTH = 1.05


class Costs:
    """What a month of quiet ticks costs, every five minutes; dollars."""

    def __init__(self, result: Step, hosts: int) -> None:
        tick, accounts = result.quiet, result.accounts
        # A sample of the batches stands for all of them.
        share = accounts / tick.checked
        planner, worker, finisher = tick.roles
        self.write_units = planner.write_units + worker.write_units * share + finisher.write_units
        self.read_units = planner.read_units + worker.read_units * share + finisher.read_units
        self.calls = sum(
            part.calls.total() * (share if part is worker else 1) for part in tick.roles
        )
        self.cpu = planner.cpu + worker.cpu * share + finisher.cpu
        invocations = worker.invocations * share
        # Each worker has its share of the connections that a host takes, and waits for the replies.
        workers_at_a_host = min(tick.batches, 10)
        rounds = ceil(SIZE / hosts / max(1, 10 // workers_at_a_host))
        waits = invocations * rounds * LATENCY + self.calls * CALL_SECONDS
        self.seconds = self.cpu * ONE_CPU_GB / MEMORY_GB + waits
        secret_calls = sum(
            part.calls["secretsmanager.BatchGetSecretValue"] * (share if part is worker else 1)
            for part in tick.roles
        )
        self.of_secrets = result.secrets * SECRET + TICKS_A_MONTH * secret_calls * SECRET_CALL
        self.of_table = TICKS_A_MONTH * (
            self.write_units * WRITE_UNIT + self.read_units * READ_UNIT
        )
        self.of_functions = TICKS_A_MONTH * (
            self.seconds * MEMORY_GB * GB_SECOND + (1 + invocations) * INVOCATION
        )
        self.of_queue = (TICKS_A_MONTH * tick.sqs_requests + POLLS_A_MONTH) * SQS_REQUEST

    @property
    def total(self) -> float:
        """All of it."""
        return self.of_secrets + self.of_table + self.of_functions + self.of_queue


def of_roles(results: list[Step]) -> Table:
    """Returns what each role took."""
    table = Table(title="Each function, in a process of its own", title_justify="left")
    for column in ("accounts", "tick", "function", "invocations", "CPU s", "s", "AWS calls"):
        table.add_column(column, justify="right")
    for column in ("write units", "read units", "peak MB"):
        table.add_column(column, justify="right")
    for result in results:
        for name, tick in (("alerts", result.loud), ("quiet", result.quiet)):
            for role, total in zip(MEMORY, tick.roles, strict=True):
                table.add_row(f"{result.accounts:,}", name, role, *_cells(total))
    return table


def _cells(total: Total) -> tuple[str, ...]:
    return (
        f"{total.invocations}",
        f"{total.cpu:.1f}",
        f"{total.wall:.1f}",
        f"{total.calls.total()}",
        f"{total.write_units:,.0f}",
        f"{total.read_units:,.0f}",
        f"{total.peak / MB:.0f}",
    )


def of_ticks(results: list[Step]) -> Table:
    """Returns what was sent, and whether anything was lost."""
    table = Table(title="What was sent", title_justify="left")
    for column in ("accounts", "tick", "batches", "checked", "received", "SQS requests", "killed"):
        table.add_column(column, justify="right")
    for column in ("a worker's accounts/s", "alerts", "lost", "twice"):
        table.add_column(column, justify="right")
    for result in results:
        for name, tick in (("alerts", result.loud), ("quiet", result.quiet)):
            table.add_row(
                f"{result.accounts:,}",
                name,
                f"{tick.batches}",
                f"{tick.checked:,}",
                f"{tick.received}",
                f"{tick.sqs_requests}",
                f"{tick.killed}",
                f"{tick.checked / tick.worker.wall:.0f}",
                f"{len(tick.alerted):,}",
                f"{result.lost}",
                f"{result.twice}",
            )
    return table


def of_growth(results: list[Step], costs: list[Costs]) -> Table:
    """Returns what a quiet tick takes for each account, and how that grows from step to step."""
    table = Table(title="A quiet tick, for each account; a month of them", title_justify="left")
    for column in ("accounts", "write units", "read units", "AWS calls", "CPU ms"):
        table.add_column(column, justify="right")
    for column in ("table $", "functions $", "secrets $", "queue $", "total $", "growth"):
        table.add_column(column, justify="right")
    growths = ["", *(f"{it:.3f}" for it in growth(results, costs))]
    for result, cost, grown in zip(results, costs, growths, strict=True):
        number = result.accounts
        table.add_row(
            f"{number:,}",
            f"{cost.write_units / number:.3f}",
            f"{cost.read_units / number:.3f}",
            f"{cost.calls / number:.4f}",
            f"{cost.cpu / number * 1000:.2f}",
            *(f"{it:.2f}" for it in (cost.of_table, cost.of_functions, cost.of_secrets)),
            f"{cost.of_queue:.2f}",
            f"{cost.total:.2f}",
            grown,
        )
    return table


def growth(results: list[Step], costs: list[Costs]) -> list[float]:
    """Returns by which factor the cost of an account grows from each step to the next."""
    each = [cost.total / result.accounts for result, cost in zip(results, costs, strict=True)]
    return [later / earlier for earlier, later in pairwise(each)]


def missed(results: list[Step], costs: list[Costs]) -> list[str]:
    """Returns the goals that are missed."""
    found = []
    for result in results:
        counts = {"lost": result.lost, "told twice": result.twice, "unchecked": result.unchecked}
        found += [f"{result.accounts:,}: {it} {name}" for name, it in counts.items() if it]
        for tick in (result.loud, result.quiet):
            found += [f"{result.accounts:,}: {error}" for error in tick.failed]
            found += [
                f"{result.accounts:,}: {role} takes {total.peak / MB:.0f} MB"
                for (role, most), total in zip(MEMORY.items(), tick.roles, strict=True)
                if total.peak > most
            ]
    found += [f"cost of an account x {it:.3f}" for it in growth(results, costs) if it > GROWTH]
    return found


def show(results: list[Step], hosts: int) -> int:
    """Shows the results, and returns the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 130)
    costs = [Costs(result, hosts) for result in results]
    for table in (of_roles(results), of_ticks(results), of_growth(results, costs)):
        console.print(table)
    for result in results:
        if _is_sample(result.quiet):
            console.print(
                f"{result.accounts:,}: a sample of {result.quiet.checked:,} accounts was checked;"
                " planner and finisher are measured with all batches, and for the table of"
                " each account the sample's workers stand for all"
            )
    for text in (problems := missed(results, costs)):
        console.print(f"[bold red]missed: {text}")
    return 1 if problems else 0


def _is_sample(tick: Ticked) -> bool:
    return tick.checked < (tick.batches - 1) * SIZE


def main() -> int:
    """Measures and shows every step, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__)
    parser.add_argument("--steps", default="1000,10000", help="numbers of accounts")
    parser.add_argument("--sample", default="", help="ACCOUNTS:BATCHES, a step that is a sample")
    parser.add_argument("--hosts", type=int, default=100, help="the accounts' hosts")
    parser.add_argument("--processes", type=int, default=2, help="workers at once")
    given = parser.parse_args()
    steps: list[tuple[int, int | None]] = [(int(it), None) for it in given.steps.split(",") if it]
    if given.sample:
        accounts, batches = map(int, given.sample.split(":"))
        steps.append((accounts, batches))
    results = [step(number, given.hosts, given.processes, sample) for number, sample in steps]
    return show(results, given.hosts)


if __name__ == "__main__":
    sys.exit(main())
