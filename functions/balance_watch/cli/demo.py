"""`balance-watch demo`: three simulated days on an embedded stack, without any AWS account."""

import argparse
from pathlib import Path

from balance_watch.cli.terminal import Subparsers
from balance_watch.errors import CommandError


def add_commands(commands: Subparsers) -> None:
    """Adds `demo`."""
    command = commands.add_parser("demo", help="watch three simulated days, or your own accounts")
    command.add_argument(
        "--accounts",
        type=Path,
        metavar="FILE",
        help="check the accounts in this file once, at their real providers, and store nothing",
    )
    command.add_argument(
        "--policy", type=Path, metavar="FILE", help="with --accounts: use the policy in this file"
    )
    command.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    try:
        from local.demo import three_days  # noqa: PLC0415 (never shipped)
        from local.own_accounts import own_accounts  # noqa: PLC0415 (as above)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("local", "moto", "slack_sdk"):
            raise
        raise CommandError(
            "The demo needs a checkout of balance-watch with its [local] extra: `make run` there."
        ) from None
    if arguments.accounts:
        return own_accounts(arguments.accounts, arguments.policy)
    return three_days()
