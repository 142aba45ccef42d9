"""`make run ACCOUNTS=FILE`: checks your own accounts once, at their real providers."""

import json
import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from balance_watch.cli.check import check
from balance_watch.cli.policy_file import read_policy
from balance_watch.cli.terminal import err, out, sanitize
from balance_watch.config.settings import CheckSettings
from balance_watch.errors import CommandError
from balance_watch.wiring import Wiring
from local.arrivals import Arrivals
from local.aws import EmbeddedAws
from local.function import LOG, environment, log_file
from local.slack_inbox import SlackInbox


def own_accounts(file: Path, policy: Path | None = None) -> int:
    """Checks the accounts in a file once, at their real providers, on the embedded stack.

    Args:
        file: JSON in the form of the accounts secret.
        policy: the policy in TOML; without it, the built-in policy holds.

    Returns:
        0 if every account was read and the configuration has no fault.

    Raises:
        CommandError: the file is not JSON, or the policy has a fault.
    """
    content = _json_in(file)
    policy_text = None if policy is None else read_policy(f"{policy}")[1]
    with ExitStack() as stack:
        aws = stack.enter_context(EmbeddedAws())
        slack = stack.enter_context(SlackInbox())
        trusted = ",".join(filter(None, (os.environ.get("TRUSTED_HOSTS", ""), slack.authority)))
        stack.enter_context(environment({**aws.environment, "TRUSTED_HOSTS": trusted}))
        prefix = aws.environment["SECRETS_PREFIX"]
        aws.put_secret(f"{prefix}accounts", content)
        aws.put_secret(f"{prefix}slack", {"webhooks": slack.webhooks})
        if policy_text is not None:
            aws.put_policy(policy_text)
        stack.enter_context(log_file(LOG))
        wiring = Wiring(CheckSettings.from_environment())
        summary = check(wiring)
        lines = list(Arrivals(slack).lines(f"{datetime.now(UTC):%d %b %H:%M}"))
        if lines:
            out.print("Slack would get:")
        for line in lines:
            out.print(line)
        faults = wiring.load().faults
        if faults:
            err.print(sanitize(f"Here, the secret {prefix}accounts is {file}."), soft_wrap=True)
    return 0 if summary.complete and not summary.unreadable and not faults else 1


def _json_in(file: Path) -> str:
    """Returns the text of a file that is JSON; an error names the line and the column."""
    form = "It must have the form of the accounts secret: see docs/accounts.md."
    try:
        content = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not a text in UTF-8. {form}") from None
    try:
        json.loads(content)
    except json.JSONDecodeError as error:
        raise CommandError(
            f"{file}, line {error.lineno}, column {error.colno}: is not JSON"
            f" ({error.msg.lower()}). {form}"
        ) from None
    except (ValueError, RecursionError):
        raise CommandError(f"{file} is not JSON that can be read. {form}") from None
    return content
