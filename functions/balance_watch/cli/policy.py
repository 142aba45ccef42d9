"""`balance-watch policy show`, `check`, `try` and `put`: an invalid policy is never stored."""

import argparse
import sys
from functools import cache, partial

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.aws_errors import explained
from balance_watch.cli.connection import session_of, wiring
from balance_watch.cli.history import days
from balance_watch.cli.matching import secrets_if_allowed, unmatched_lines, untold_lines
from balance_watch.cli.policy_changes import PolicyText, changes
from balance_watch.cli.policy_file import read_policy
from balance_watch.cli.policy_lines import located
from balance_watch.cli.policy_trial import show_trial, trial_as_json, tried
from balance_watch.cli.questions import can_ask, confirm
from balance_watch.cli.terminal import (
    Subparsers,
    err,
    out,
    print_faults,
    print_json,
    print_wrapped,
    sanitize,
)
from balance_watch.config.loading import Configuration
from balance_watch.config.policy import PolicyFile, policy_in_force
from balance_watch.config.sources import Secrets
from balance_watch.domain.formatting import counted
from balance_watch.errors import CommandError
from balance_watch.validation import Faults
from balance_watch.wiring import Wiring

_EMPTY = "# The built-in policy: a parameter cannot be empty.\n"
_DAYS, _SHOWN = 7, 20
_MOST_READINGS = 10_000
"""Readings that `policy put` replays, each through both policies: some ten seconds of work."""


def add_commands(commands: Subparsers) -> None:
    """Adds `policy`."""
    policy = commands.add_parser("policy", help="check a policy, or put it in force")
    actions = policy.add_subparsers(title="actions", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="print the policy that the next run uses")
    show.set_defaults(run=_show)
    check = actions.add_parser("check", help="list every fault of a policy file")
    check.add_argument("file", metavar="FILE", help="a TOML file, or - for standard input")
    check.set_defaults(run=_check)
    tried = actions.add_parser(
        "try",
        help="replay the stored history through a policy file",
        description="Replays the readings of the last days through the policy in force and through"
        " this one, and shows where they differ: + only this one says it, - only the one in force,"
        " ~ both, but with another severity or to other channels. The history has no failed reads,"
        " and no silence is replayed.",
    )
    tried.add_argument("file", metavar="FILE", help="a TOML file, or - for standard input")
    tried.add_argument("--days", type=days, default=_DAYS, help=f"default: {_DAYS}")
    tried.add_argument("--json", action="store_true", help="print every event as JSON")
    tried.set_defaults(run=_try)
    put = actions.add_parser("put", help="check a policy file, then store it for the next run")
    put.add_argument("file", metavar="FILE", help="a TOML file, or - for standard input")
    put.add_argument("--yes", action="store_true", help="do not ask")
    put.set_defaults(run=_put, wrong_use=put.error)


def _show(arguments: argparse.Namespace) -> int:
    """Prints the text in force as it is; what is to be said of it goes to standard error."""
    faults = Faults()
    in_force, is_built_in = _in_force(wiring(arguments), faults)
    for fault in faults:
        err.print(sanitize(fault, "yellow"), soft_wrap=True)
    if is_built_in:
        err.print("No policy was put: the built-in one is in force.")
        return 0
    text = in_force.text
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    err.print(sanitize(f"In force: {_summary(in_force.file)}.", "dim"))
    return 0


def _in_force(wired: Wiring, faults: Faults) -> tuple[PolicyText, bool]:
    """Returns the policy in force with its text, and whether it is the built-in one."""
    text, last_good = wired.policy(faults), cache(wired.store.policies.last_good)
    file, is_own = policy_in_force(text, last_good, faults)
    used = (text if is_own else last_good()) or ""
    return PolicyText(file, used), not used.strip()


def _check(arguments: argparse.Namespace) -> int:
    policy, text = read_policy(arguments.file)
    out.print(f"Valid: {_summary(policy)}.")
    try:
        wired = wiring(arguments)
        configuration = wired.load(text)
    except (CommandError, BotoCoreError, ClientError) as error:
        if arguments.stack is not None:
            raise
        # A file can be checked where no stack is in reach: then its accounts are unknown.
        why = (
            str(error)
            if isinstance(error, CommandError)
            else explained(error, partial(session_of, arguments))
        )
        err.print(sanitize(f"Not compared with your accounts: {why}", "yellow"), soft_wrap=True)
        return 0
    _warn(wired, configuration, text)
    return 0


def _warn(wired: Wiring, configuration: Configuration, text: str) -> None:
    """Prints what of a valid policy does not fit the accounts and channels that there are."""
    doubts = (
        *unmatched_lines(configuration.unmatched, len(configuration.facts)),
        *untold_lines(configuration, wired.store.accounts),
        *configuration.contradictions,
    )
    print_faults(located(Faults(doubts), text))
    _show_unwatched(configuration)


def _try(arguments: argparse.Namespace) -> int:
    file, text = read_policy(arguments.file)
    wired = wiring(arguments)
    secrets = wired.secrets()
    in_force, _ = _in_force(wired, Faults())
    new = wired.load(text, secrets=secrets)
    trial = tried(wired, new, in_force.text, secrets, arguments.days)
    if arguments.json:
        print_json(trial_as_json(trial))
        return 0
    _show_changes(in_force, PolicyText(file, text))
    show_trial(trial)
    return 0


def _show_changes(in_force: PolicyText, new: PolicyText) -> None:
    """Prints what the policy changes in the one in force, section by section."""
    lines = list(changes(in_force, new))
    out.print("Against the policy in force:" if lines else "It means what is in force already.")
    for line in lines:
        print_wrapped(sanitize(line), indent=2, hang=2)


def _show_difference(
    wired: Wiring, configuration: Configuration, in_force: PolicyText, secrets: Secrets
) -> None:
    """Shows what the policy would have said; nothing to whom the history is closed."""
    try:
        trial = tried(wired, configuration, in_force.text, secrets, _DAYS, _MOST_READINGS)
    except (BotoCoreError, ClientError):
        out.print("The history cannot be read, so the policy was not tried.", style="yellow")
        return
    if trial.readings:
        show_trial(trial, _SHOWN)
    if (rest := len(configuration.accounts) - trial.accounts) > 0:
        out.print(f"{counted(rest, 'account')} more: see `policy try`.", style="dim")


def _put(arguments: argparse.Namespace) -> int:
    policy, text = read_policy(arguments.file)
    if not arguments.yes and not can_ask():
        arguments.wrong_use("there is nobody to ask: scripts need --yes")
    wired = wiring(arguments)
    name = wired.settings.policy_parameter
    if not name:
        raise CommandError(
            "The environment is missing POLICY_PARAMETER: it is the stack's output PolicyParameter."
        )
    in_force, _ = _in_force(wired, Faults())
    _show_changes(in_force, PolicyText(policy, text))
    secrets = secrets_if_allowed(wired)
    if secrets is not None:
        configuration = wired.load(text, secrets=secrets)
        _show_difference(wired, configuration, in_force, secrets)
        _warn(wired, configuration, text)
    if not arguments.yes and not confirm("Put this policy in force?"):
        out.print("Nothing was changed.")
        return 1
    wired.client("ssm").put_parameter(
        Name=name,
        Value=text if text.strip() else _EMPTY,
        Type="String",
        # Standard, which is free, for as long as the text fits.
        Tier="Intelligent-Tiering",
        Overwrite=True,
    )
    out.print(f"In force from the next run on: {_summary(policy)}.")
    return 0


def _show_unwatched(configuration: Configuration) -> None:
    """Names the accounts that can run dry without an alert."""
    accounts = (account for account, _ in configuration.accounts)
    if names := configuration.policy.unwatched(accounts):
        text = f"No rule on an amount watches: {', '.join(names)}"
        out.print(sanitize(text, "yellow"), soft_wrap=True)


def _summary(file: PolicyFile) -> str:
    policy = file.policy
    parts = [
        counted(len(policy.rules), "rule"),
        counted(len(policy.routes), "route"),
        counted(len(policy.mute_times), "mute time"),
        *([counted(len(file.providers), "provider")] if file.providers else []),
        *(["a digest"] if policy.digest else []),
    ]
    return f"{', '.join(parts)}, besides what is built in"
