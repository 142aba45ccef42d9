"""`balance-watch demo`: three simulated days on an embedded stack, without any AWS account."""

import argparse
import sys
from pathlib import Path

from balance_watch.cli.terminal import Subparsers
from balance_watch.errors import CommandError

_CHECKOUT = Path(__file__).resolve().parents[3]
"""Where local/ is, if this package runs from its source."""


def add_commands(commands: Subparsers) -> None:
    """Adds `demo`."""
    command = commands.add_parser("demo", help="watch three simulated days, or your own accounts")
    command.add_argument(
        "--accounts",
        type=Path,
        metavar="FILE",
        help="check the accounts in this file (JSON, CSV or .env, as `accounts import` takes it)"
        " once, at their real providers, and store nothing",
    )
    command.add_argument("--policy", type=Path, metavar="FILE", help="use the policy in this file")
    command.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    if not (_CHECKOUT / "local" / "demo.py").is_file():
        raise CommandError(
            "The demo is not installed with the command. Get the source of balance-watch, and run"
            " `make run` there."
        )
    sys.path.append(str(_CHECKOUT))
    try:
        from local.demo import three_days  # never shipped
        from local.own_accounts import own_accounts
    except ModuleNotFoundError as error:
        raise CommandError(
            f"The demo needs {error.name}. Run `make run` in {_CHECKOUT}, which installs it."
        ) from None
    if arguments.accounts:
        return own_accounts(arguments.accounts, arguments.policy)
    return three_days(arguments.policy)
