"""`balance-watch policy show`, `check`, `try` and `put`: an invalid policy is never stored."""

import argparse
import sys
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from balance_watch.cli.aws_errors import explained
from balance_watch.cli.connection import session_of, wiring
from balance_watch.cli.events import event_as_json, event_line
from balance_watch.cli.history import days
from balance_watch.cli.matching import load_if_allowed, print_unmatched, print_untold
from balance_watch.cli.policy_lines import located
from balance_watch.cli.questions import can_ask, confirm
from balance_watch.cli.terminal import (
    Subparsers,
    err,
    out,
    print_faults,
    print_json,
    read_text,
    sanitize,
)
from balance_watch.config.loading import Configuration
from balance_watch.config.policy import PolicyFile, parse_policy, policy_in_force
from balance_watch.domain.formatting import counted, format_time
from balance_watch.errors import CommandError
from balance_watch.providers.registry import catalogue_clashes
from balance_watch.usecases.policy_trial import Trial, TriedEvent, try_policy
from balance_watch.validation import Faults
from balance_watch.wiring import Wiring

_EMPTY = "# The built-in policy: a parameter cannot be empty.\n"
_DAYS, _SHOWN = 7, 20
_MOST_READINGS = 20_000
"""Readings that `policy put` replays: some ten seconds of work."""

_MAX_BYTES = 8192
"""An advanced parameter's size; a standard one has 4,096 (AWS Systems Manager quotas)."""


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
        description="Shows what the policy would have said in the last days, beside what was said:"
        " + would be new, - would be missing. The history has no failed reads and no silences.",
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
    wired = wiring(arguments)
    faults = Faults()
    text, last_good = wired.policy(faults), cache(wired.store.policies.last_good)
    file, is_own = policy_in_force(text, last_good, faults)
    for fault in faults:
        err.print(sanitize(fault, "yellow"), soft_wrap=True)
    shown = text if is_own else last_good()
    if shown is None or not shown.strip():
        err.print("No policy was put: the built-in one is in force.")
        return 0
    sys.stdout.write(shown if shown.endswith("\n") else f"{shown}\n")
    err.print(sanitize(f"In force: {_summary(file)}.", "dim"))
    return 0


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
    print_unmatched(configuration.unmatched, len(configuration.facts))
    print_untold(configuration, wired.store.accounts)
    print_faults(configuration.contradictions)
    _show_unwatched(configuration)
    return 0


def _try(arguments: argparse.Namespace) -> int:
    _, text = read_policy(arguments.file)
    wired = wiring(arguments)
    trial = try_policy(wired.store, wired.load(text), arguments.days, datetime.now(UTC))
    if arguments.json:
        print_json([_tried_as_json(it) for it in trial.events])
        return 0
    _show_trial(trial)
    return 0


def _tried_as_json(tried: TriedEvent) -> dict[str, Any]:
    own = {"account": tried.event.notification.account, **event_as_json(tried.event)}
    return {**own, "was_said": tried.was_said, "would_be_said": tried.would_be_said}


def _show_trial(trial: Trial, most: int | None = None) -> None:
    """Prints the difference that a policy makes: each line that is new, missing or the same."""
    added = sum(not it.was_said for it in trial.events)
    missing = sum(not it.would_be_said for it in trial.events)
    span = f"{format_time(trial.since)} to {format_time(trial.until)}"
    out.print(f"From {span}, {counted(trial.readings, 'reading')}:", soft_wrap=True)
    changed = [it for it in trial.events if it.was_said is not it.would_be_said]
    shown = trial.events if most is None else changed[:most]
    for it in shown:
        sign = "=" if it.was_said and it.would_be_said else "+" if it.would_be_said else "-"
        out.print(Text(f"{sign} ", style="bold") + event_line(it.event), soft_wrap=True)
    if most is not None and len(changed) > most:
        out.print(f"… and {len(changed) - most} more: see `policy try`.", style="dim")
    same = len(trial.events) - added - missing
    out.print(f"{added} would be new, {missing} would be missing, {same} would be the same.")


def _is_wanted(wired: Wiring, configuration: Configuration | None, *, yes: bool) -> bool:
    """Shows what the policy would have said, and asks whether to store it."""
    if configuration is not None:
        try:
            now = datetime.now(UTC)
            trial = try_policy(wired.store, configuration, _DAYS, now, _MOST_READINGS)
            if trial.readings:
                _show_trial(trial, _SHOWN)
            if (rest := len(configuration.accounts) - trial.accounts) > 0:
                out.print(f"{counted(rest, 'account')} more: see `policy try`.", style="dim")
        except (BotoCoreError, ClientError):
            out.print("The history cannot be read, so the policy was not tried.", style="yellow")
    return yes or confirm("Put this policy in force?")


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
    configuration = load_if_allowed(wired, text)
    if configuration is not None:
        print_unmatched(configuration.unmatched, len(configuration.facts))
        print_untold(configuration, wired.store.accounts)
    if not _is_wanted(wired, configuration, yes=arguments.yes):
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


def read_policy(file: str) -> tuple[PolicyFile, str]:
    """Returns the policy in a file, and its text.

    Raises:
        CommandError: the policy has faults, all of which are printed, or it is too large.
    """
    text = read_text(file)
    faults = Faults()
    policy = parse_policy(text, "policy", faults)
    faults += catalogue_clashes(policy.providers) if policy else []
    if policy is None or faults:
        for fault in faults:
            err.print(sanitize(located(fault, text)), soft_wrap=True)
        raise CommandError(f"The policy in {file} has {counted(len(faults), 'fault')}.")
    if (size := len(text.encode())) > _MAX_BYTES:
        raise CommandError(
            f"The policy has {size:,} bytes, and a parameter of SSM holds {_MAX_BYTES:,}:"
            " shorten it."
        )
    return policy, text


def _summary(file: PolicyFile) -> str:
    policy = file.policy
    parts = [
        counted(len(policy.rules), "rule"),
        counted(len(policy.routes), "route"),
        counted(len(policy.mute_times), "mute time"),
        *([counted(len(file.providers), "provider")] if file.providers else []),
    ]
    return f"{', '.join(parts)}, besides what is built in"
