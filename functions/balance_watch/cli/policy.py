"""`balance-watch policy check` and `policy put`: an invalid policy is never stored."""

import argparse

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.matching import load_if_allowed, print_unmatched
from balance_watch.cli.terminal import (
    Subparsers,
    err,
    out,
    print_faults,
    read_text,
    sanitize,
    wiring,
)
from balance_watch.config.loading import Configuration
from balance_watch.config.policy import PolicyFile, parse_policy
from balance_watch.errors import CommandError, SettingsError
from balance_watch.providers.registry import catalogue_clashes
from balance_watch.validation import Faults

_EMPTY = "# The built-in policy: a parameter cannot be empty.\n"
_MAX_BYTES = 8192
"""An advanced parameter's size; a standard one has 4,096 (AWS Systems Manager quotas)."""


def add_commands(commands: Subparsers) -> None:
    """Adds `policy`."""
    policy = commands.add_parser("policy", help="check a policy, or put it in force")
    actions = policy.add_subparsers(title="actions", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="list every fault of a policy file")
    check.add_argument("file", metavar="FILE", help="a TOML file, or - for standard input")
    check.set_defaults(run=_check)
    put = actions.add_parser("put", help="check a policy file, then store it for the next run")
    put.add_argument("file", metavar="FILE", help="a TOML file, or - for standard input")
    put.set_defaults(run=_put)


def _check(arguments: argparse.Namespace) -> int:
    policy, text = _read(arguments.file)
    out.print(f"Valid: {_summary(policy)}.")
    try:
        configuration = wiring().load(text)
    except (SettingsError, BotoCoreError, ClientError):
        return 0  # A file can be checked where no stack is in reach: then its accounts are unknown.
    _show_unwatched(configuration)
    return 0


def _put(arguments: argparse.Namespace) -> int:
    policy, text = _read(arguments.file)
    wired = wiring()
    name = wired.settings.policy_parameter
    if not name:
        raise CommandError(
            "The environment is missing POLICY_PARAMETER: it is the stack's output PolicyParameter."
        )
    if len(text.encode()) > _MAX_BYTES:
        raise CommandError(f"The policy is larger than {_MAX_BYTES} bytes, the limit of SSM.")
    configuration = load_if_allowed(wired, text)
    if configuration is not None:
        print_unmatched(configuration.unmatched, configuration)
    wired.client("ssm").put_parameter(
        Name=name,
        Value=text if text.strip() else _EMPTY,
        Type="String",
        # Standard, which is free, for as long as the text fits.
        Tier="Intelligent-Tiering",
        Overwrite=True,
    )
    out.print(f"In force from the next run on: {_summary(policy)}.")
    if configuration is not None:
        print_faults(configuration.contradictions)
        _show_unwatched(configuration)
    return 0


def _show_unwatched(configuration: Configuration) -> None:
    """Names the accounts that can run dry without an alert."""
    accounts = (account for account, _ in configuration.accounts)
    if names := configuration.policy.unwatched(accounts):
        text = f"No rule on an amount watches: {', '.join(names)}"
        out.print(sanitize(text, "yellow"), soft_wrap=True)


def _read(file: str) -> tuple[PolicyFile, str]:
    """Returns the policy in a file, and its text."""
    text = read_text(file)
    faults = Faults()
    policy = parse_policy(text, "policy", faults)
    faults += catalogue_clashes(policy.providers) if policy else []
    if policy is None or faults:
        for fault in faults:
            err.print(sanitize(fault))
        raise CommandError(f"The policy has {_counted(len(faults), 'fault')}.")
    return policy, text


def _summary(file: PolicyFile) -> str:
    policy = file.policy
    parts = [
        _counted(len(policy.rules), "rule"),
        _counted(len(policy.routes), "route"),
        _counted(len(policy.mute_times), "mute time"),
        *([_counted(len(file.providers), "provider")] if file.providers else []),
    ]
    return f"{', '.join(parts)}, besides what is built in"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
