"""`make run`: shows three simulated days live, or checks your own accounts once."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from aws_lambda_powertools.utilities.typing import LambdaContext
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from balance_watch.cli.account_row import rows_of
from balance_watch.cli.accounts_table import accounts_table
from balance_watch.cli.check import check
from balance_watch.cli.grid import Grid
from balance_watch.cli.terminal import err, out, sanitize
from balance_watch.config.settings import CheckSettings
from balance_watch.domain.account import Account
from balance_watch.errors import BalanceWatchError, CommandError
from balance_watch.handlers.check_balances import handler
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from local.scenario import ACCOUNTS, states_at, ticks
from local.slack_inbox import SlackInbox
from local.world import World

ROOT = Path(__file__).parent.parent
EVENT = ROOT / "events" / "scheduled_check.json"
LOG = ROOT / ".local" / "run.log"

POLICY = """\
# The demo's policy. The built-in rules and each account's alert_below apply as well.
[[rules]]
name = "search budget"
match = { account = "search-prod" }
below = "6900"
severity = "info"

[[rules]]
name = "two days left"
match = { "labels.team" = "sms" }
metric = "runway"
below = "2d"

[[routes]]
match = { severity = "critical" }
channels = ["sns", "slack:default", "slack:oncall"]
"""


class _LambdaContext(LambdaContext):
    """The context that Lambda passes beside the event; the time that is left never shrinks."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Returns the function's whole timeout."""
        return 120_000


def three_days() -> int:
    """Simulates three days in which accounts drain, go low, are topped up and cannot be read."""
    err.print("Starting the embedded stack: the template's table and topic, providers, Slack …")
    with World() as world, _environment(world.environment):
        world.aws.put_policy(POLICY)
        with _log_file():
            return _simulate(world)


def _simulate(world: World) -> int:
    event = json.loads(EVENT.read_text(encoding="utf-8"))
    wiring = Wiring(CheckSettings.from_environment())
    clock = Progress(
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), console=out
    )
    times = ticks()
    task = clock.add_task("", total=len(times))
    published, failures = 0, 0
    shown: dict[str, int] = {}
    with Live(console=out, refresh_per_second=8, vertical_overflow="visible") as live:
        for tick in times:
            world.show(states_at(tick), tick)
            try:
                handler({**event, "scheduled_time": tick.isoformat()}, _LambdaContext())
            except BalanceWatchError as error:
                failures += 1
                out.print(sanitize(str(error), "red"))
            for line in _new_alerts(world.slack, shown, tick):
                out.print(line)
            published += len(world.aws.published())
            clock.update(task, advance=1, description=f"{tick:%d %b %H:%M} UTC")
            live.update(Group(Text(), _table(wiring, tick), Text(), clock))
    messages = sum(shown.values())
    out.print(
        f"\n{len(times)} checks of {len(ACCOUNTS)} accounts: {messages} messages to Slack,"
        f" {published} to SNS, {failures} runs incomplete."
    )
    out.print(f"The function's own log: {LOG.relative_to(ROOT)}", style="dim")
    return 1 if failures or world.slack.rejected else 0


def _table(wiring: Wiring, now: datetime) -> Grid:
    accounts = [Account(account.name, account.provider) for account in ACCOUNTS]
    states = wiring.store.accounts.states([account.name for account in accounts])
    return accounts_table(rows_of(accounts, states), now)


def _new_alerts(slack: SlackInbox, shown: dict[str, int], at: datetime) -> Iterator[Table]:
    """Yields a line for each alert that Slack accepted since the last call, with its webhooks.

    Args:
        slack: the inbox.
        shown: the number of messages already shown, by webhook; updated here.
        at: the time at the start of each line.
    """
    webhooks_of: dict[str, list[str]] = {}
    for name in slack.webhooks:
        new = slack.messages[name][shown.get(name, 0) :]
        shown[name] = shown.get(name, 0) + len(new)
        blocks = (block for message in new for block in message["blocks"])
        for block in (block for block in blocks if block["type"] == "section"):
            title = block["text"]["text"].partition("\n")[0].replace("*", "")
            webhooks_of.setdefault(title, []).append(f"#{name}")
    for title, names in webhooks_of.items():
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(ratio=1, overflow="fold")
        line.add_row(sanitize(f"{at:%d %b %H:%M}  {' '.join(names):<16}", "dim"), sanitize(title))
        yield line


def own_accounts(file: Path, policy: Path | None = None) -> int:
    """Checks the accounts in a file once, at their real providers, on the embedded stack.

    Args:
        file: JSON in the form of the accounts secret.
        policy: the policy in TOML; without it, the built-in policy holds.

    Returns:
        0 if every account was read and the configuration has no fault.

    Raises:
        CommandError: the file is not JSON.
    """
    try:
        content = file.read_text(encoding="utf-8")
        json.loads(content)
    except ValueError:
        raise CommandError(
            f"{file} is not JSON. It must have the form of the accounts secret."
        ) from None
    with ExitStack() as stack:
        aws = stack.enter_context(EmbeddedAws())
        slack = stack.enter_context(SlackInbox())
        trusted = ",".join(filter(None, (os.environ.get("TRUSTED_HOSTS", ""), slack.authority)))
        stack.enter_context(_environment({**aws.environment, "TRUSTED_HOSTS": trusted}))
        prefix = aws.environment["SECRETS_PREFIX"]
        aws.put_secret(f"{prefix}accounts", content)
        aws.put_secret(f"{prefix}slack", {"webhooks": slack.webhooks})
        if policy is not None:
            aws.put_policy(policy.read_text(encoding="utf-8"))
        stack.enter_context(_log_file())
        wiring = Wiring(CheckSettings.from_environment())
        summary = check(wiring)
        lines = list(_new_alerts(slack, {}, datetime.now(UTC)))
        if lines:
            out.print("Slack would get:")
        for line in lines:
            out.print(line)
        faults = wiring.load().faults
    return 0 if summary.complete and not summary.unreadable and not faults else 1


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Sets these variables and removes this machine's AWS profile, until the `with` ends."""
    before = dict(os.environ)
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        os.environ.pop(name, None)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _log_file() -> Iterator[None]:
    """Sends the function's log to a file, because on the terminal it would break the live table."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w", encoding="utf-8") as file:
        for log_handler in logging.getLogger("balance_watch").handlers:
            if isinstance(log_handler, logging.StreamHandler):
                log_handler.setStream(file)
        yield
