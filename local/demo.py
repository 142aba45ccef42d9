"""What `make run` shows: three simulated days, live, or your own accounts, once."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from balance_watch.cli.check import check
from balance_watch.cli.status import accounts_table
from balance_watch.cli.terminal import err, out, sanitize
from balance_watch.config.settings import Settings
from balance_watch.domain.state import AccountState
from balance_watch.errors import BalanceWatchError, CommandError
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from local.scenario import CAST, states_at, ticks
from local.slack_inbox import SlackInbox
from local.world import World

ROOT = Path(__file__).parent.parent
EVENT = ROOT / "events" / "scheduled_check.json"
LOG = ROOT / ".local" / "run.log"

POLICY = """\
# What the demo runs with, besides the built-in rules and each account's alert_below.
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


class _LambdaContext:
    """What Lambda passes beside the event: here, all the time there is."""

    function_name = "CheckBalances"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:CheckBalances"
    aws_request_id = "demo"

    def get_remaining_time_in_millis(self) -> int:
        """Returns the time left, in milliseconds."""
        return 120_000


def three_days() -> int:
    """Passes three days in which accounts drain, go low, are topped up, cannot be read."""
    err.print("Starting the embedded stack: the template's table and topic, providers, Slack …")
    with World() as world, _environment(world.environment):
        world.aws.put_policy(POLICY)
        from balance_watch.handlers.check_balances import handler, logger  # noqa: PLC0415 (takes
        # its settings from the environment that was just made)

        with _log_file(logger):
            return _pass_time(world, handler)


def _pass_time(world: World, handler: Any) -> int:  # noqa: ANN401 (Powertools' context type)
    event = json.loads(EVENT.read_text(encoding="utf-8"))
    wired = Wiring(Settings.from_environment())
    clock = Progress(
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), console=out
    )
    times = ticks()
    passing = clock.add_task("", total=len(times))
    published, failures = 0, 0
    posted: dict[str, int] = {}
    with Live(console=out, refresh_per_second=8, vertical_overflow="visible") as live:
        for tick in times:
            world.show(states_at(tick), tick)
            try:
                handler({**event, "scheduled_time": tick.isoformat()}, _LambdaContext())
            except BalanceWatchError as error:
                failures += 1
                out.print(sanitize(str(error), "red"))
            for line in _said(world.slack, posted, tick):
                out.print(line)
            published += len(world.aws.published())
            clock.update(passing, advance=1, description=f"{tick:%d %b %H:%M} UTC")
            live.update(Group(Text(), _table(wired), Text(), clock))
    messages = sum(posted.values())
    out.print(
        f"\n{len(times)} checks of {len(CAST)} accounts: {messages} messages to Slack,"
        f" {published} to SNS, {failures} runs incomplete."
    )
    out.print(f"The function's own log: {LOG.relative_to(ROOT)}", style="dim")
    return 1 if failures or world.slack.refused else 0


def _table(wired: Wiring) -> Any:  # noqa: ANN401 (whatever rich draws)
    states = wired.store.accounts.states([member.name for member in CAST])
    return accounts_table(
        [(states.get(each.name, AccountState(each.name)), each.provider) for each in CAST]
    )


def _said(slack: SlackInbox, posted: dict[str, int], at: datetime) -> Iterator[Table]:
    """Yields what Slack was told since the last time, a line an alert, as it was sent."""
    told: dict[str, list[str]] = {}
    for name in slack.webhooks:
        new = slack.messages[name][posted.get(name, 0) :]
        posted[name] = posted.get(name, 0) + len(new)
        for block in (block for message in new for block in message["blocks"]):
            title = block["text"]["text"].partition("\n")[0].replace("*", "")
            told.setdefault(title, []).append(f"#{name}")
    for title, names in told.items():
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(ratio=1, overflow="fold")
        line.add_row(sanitize(f"{at:%d %b %H:%M}  {' '.join(names):<16}", "dim"), sanitize(title))
        yield line


def own_accounts(file: Path, policy: Path | None = None) -> int:
    """Checks the accounts in a file once, at their real providers, on the embedded stack.

    By the policy of another file, if one is given.

    Raises:
        CommandError: the file is no JSON of the accounts secret's form.
    """
    try:
        content = file.read_text(encoding="utf-8")
        json.loads(content)
    except ValueError:
        raise CommandError(f"{file} is not JSON: it has the form of the accounts secret.") from None
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
        stack.enter_context(_log_file(logging.getLogger("balance_watch")))
        wired = Wiring(Settings.from_environment())
        summary = check(wired)
        now = datetime.now(UTC)
        lines = list(_said(slack, {}, now))
        if lines:
            out.print("You would be told:")
        for line in lines:
            out.print(line)
        faults = wired.load().faults
    return 0 if summary.complete and not summary.unreadable and not faults else 1


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Has the process see this environment, and no other AWS profile."""
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
def _log_file(logger: Any) -> Iterator[None]:  # noqa: ANN401 (Powertools' Logger or logging's)
    """Sends the function's log, which would run through the picture, to a file."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w", encoding="utf-8") as file:
        handlers = [each for each in logger.handlers if isinstance(each, logging.StreamHandler)]
        if not handlers:
            handlers = [logging.StreamHandler(file)]
            logger.addHandler(handlers[0])
        for each in handlers:
            each.setStream(file)
        yield
