"""`make run`: shows three simulated days live."""

from datetime import datetime
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from balance_watch.cli.account_row import rows_of
from balance_watch.cli.accounts_table import accounts_table
from balance_watch.cli.grid import Grid
from balance_watch.cli.policy_file import read_policy
from balance_watch.cli.terminal import err, out, sanitize
from balance_watch.config.settings import CheckSettings
from balance_watch.domain.account import Account
from balance_watch.errors import BalanceWatchError
from balance_watch.wiring import Wiring
from local.arrivals import Arrivals
from local.function import LOG, ROOT, environment, invoke, log_file
from local.scenario import ACCOUNTS, POLICY, states_at, ticks
from local.world import World


def three_days(policy: Path | None = None) -> int:
    """Simulates three days in which accounts drain, go low, are topped up and cannot be read.

    Args:
        policy: a file with the policy in TOML, in place of the demo's own.

    Raises:
        CommandError: the policy has a fault.
    """
    text = POLICY if policy is None else read_policy(f"{policy}")[1]
    err.print("Starting the embedded stack: the template's table and topic, providers, Slack …")
    with World() as world, environment(world.environment), log_file(LOG):
        world.aws.put_policy(text)
        code = _simulate(world)
        out.print(f"The function's own log: {LOG.relative_to(ROOT)}", style="dim")
        return code


def _simulate(world: World) -> int:
    wiring = Wiring(CheckSettings.from_environment())
    clock = Progress(
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), console=out
    )
    times = ticks()
    task = clock.add_task("", total=len(times))
    arrivals = Arrivals(world.slack)
    published, failures = 0, 0
    with Live(console=out, refresh_per_second=8, vertical_overflow="visible") as live:
        for tick in times:
            world.show(states_at(tick), tick)
            try:
                invoke(tick)
            except BalanceWatchError as error:
                failures += 1
                out.print(sanitize(str(error), "red"))
            for line in arrivals.lines(f"{tick:%d %b %H:%M}"):
                out.print(line)
            published += len(world.aws.published())
            clock.update(task, advance=1, description=f"{tick:%d %b %H:%M} UTC")
            live.update(Group(Text(), _table(wiring, tick), Text(), clock))
    out.print(
        f"\n{len(times)} checks of {len(ACCOUNTS)} accounts: {arrivals.messages} messages to Slack,"
        f" {published} to SNS, {failures} runs incomplete."
    )
    return 1 if failures or world.slack.rejected else 0


def _table(wiring: Wiring, now: datetime) -> Grid:
    accounts = [Account(account.name, account.provider) for account in ACCOUNTS]
    states = wiring.store.accounts.states([account.name for account in accounts])
    return accounts_table(rows_of(accounts, states), now)
