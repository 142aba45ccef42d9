"""`make run ACCOUNTS=FILE`: checks your own accounts once, at their real providers."""

import json
import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from balance_watch.cli.check import check
from balance_watch.cli.terminal import out
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
        stack.enter_context(environment({**aws.environment, "TRUSTED_HOSTS": trusted}))
        prefix = aws.environment["SECRETS_PREFIX"]
        aws.put_secret(f"{prefix}accounts", content)
        aws.put_secret(f"{prefix}slack", {"webhooks": slack.webhooks})
        if policy is not None:
            aws.put_policy(policy.read_text(encoding="utf-8"))
        stack.enter_context(log_file(LOG))
        wiring = Wiring(CheckSettings.from_environment())
        summary = check(wiring)
        lines = list(Arrivals(slack).lines(f"{datetime.now(UTC):%d %b %H:%M}"))
        if lines:
            out.print("Slack would get:")
        for line in lines:
            out.print(line)
        faults = wiring.load().faults
    return 0 if summary.complete and not summary.unreadable and not faults else 1
