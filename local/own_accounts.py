"""`make run ACCOUNTS=FILE`: checks your own accounts once, at their real providers."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from balance_watch.cli.account_file import check_accounts, read_accounts
from balance_watch.cli.check import check
from balance_watch.cli.policy_file import read_policy
from balance_watch.cli.terminal import err, out, print_faults, sanitize
from balance_watch.config.policy import PolicyFile
from balance_watch.config.secret_text import as_text
from balance_watch.config.settings import CheckSettings
from balance_watch.errors import CommandError
from balance_watch.providers.spec import Spec
from balance_watch.validation import Faults
from balance_watch.wiring import Wiring
from local.arrivals import Arrivals
from local.aws import EmbeddedAws
from local.function import LOG, environment, log_file
from local.slack_inbox import SlackInbox


def own_accounts(file: Path, policy: Path | None = None) -> int:
    """Checks the accounts in a file once, at their real providers, on the embedded stack.

    Args:
        file: what `accounts import` takes: JSON in the form of the secret, CSV, or a .env file.
        policy: the policy in TOML; without it, the built-in policy holds.

    Returns:
        0 if every account was read and the configuration has no fault.

    Raises:
        CommandError: the file or the policy has faults, all of which are printed.
    """
    own, policy_text = (PolicyFile(), None) if policy is None else read_policy(f"{policy}")
    content = _secret_of(file, own.providers)
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


def _secret_of(file: Path, own: Mapping[str, Spec]) -> str:
    """Returns the text of a secret with the accounts of a file.

    Args:
        file: its name; - for standard input.
        own: the providers of the policy, by slug.

    Raises:
        CommandError: there are faults, each printed with its place.
    """
    faults = Faults()
    found = list(read_accounts(f"{file}", faults))
    check_accounts(own, found, faults)
    if faults:
        print_faults(faults)
        raise CommandError("Nothing was checked: mend the file, and run it again.")
    return as_text({"accounts": [entry for _, entry in found]})
