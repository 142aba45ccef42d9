"""`balance-watch policy check` and `policy put`: no policy that is not in order gets in."""

import argparse
import sys
from pathlib import Path
from typing import Any

from balance_watch.cli.terminal import err, out, sanitize, warn, wiring
from balance_watch.config.policy import PolicyFile, parse_policy
from balance_watch.errors import CommandError
from balance_watch.providers.registry import catalogue_clashes
from balance_watch.usecases.check import contradictions
from balance_watch.validation import Faults

_EMPTY = "# The built-in policy: a parameter cannot be empty.\n"
_MAX_BYTES = 8192
"""An advanced parameter's size; a standard one has 4,096 (AWS Systems Manager quotas)."""


def add_commands(commands: Any) -> None:  # noqa: ANN401 (argparse keeps the type to itself)
    """Adds `policy`."""
    policy = commands.add_parser("policy", help="check a policy, or put it in force")
    actions = policy.add_subparsers(title="actions", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="tell every fault of a policy file")
    check.add_argument("file", metavar="FILE", help="a TOML file, or - for standard input")
    check.set_defaults(run=_check)
    put = actions.add_parser("put", help="check a policy file, then store it for the next run")
    put.add_argument("file", metavar="FILE", help="a TOML file, or - for standard input")
    put.set_defaults(run=_put)


def _check(arguments: argparse.Namespace) -> int:
    given, _ = _read(arguments.file)
    out.print(f"In order: {_summary(given)}.")
    return 0


def _put(arguments: argparse.Namespace) -> int:
    given, text = _read(arguments.file)
    wired = wiring()
    name = wired.settings.policy_parameter
    if not name:
        raise CommandError("POLICY_PARAMETER is not set: it is the stack's output PolicyParameter.")
    if len(text.encode()) > _MAX_BYTES:
        raise CommandError(f"The policy is over {_MAX_BYTES} bytes, the most that SSM keeps.")
    wired.aws("ssm").put_parameter(
        Name=name,
        Value=text if text.strip() else _EMPTY,
        Type="String",
        # Standard, which is free, for as long as the text fits.
        Tier="Intelligent-Tiering",
        Overwrite=True,
    )
    out.print(f"In force from the next run on: {_summary(given)}.")
    warn(list(contradictions(given, wired.watched(given.providers))))
    return 0


def _read(file: str) -> tuple[PolicyFile, str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CommandError("The policy is not UTF-8 text.") from None
    faults = Faults()
    given = parse_policy(text, "policy", faults)
    faults += catalogue_clashes(given.providers) if given else []
    if given is None or faults:
        for fault in faults:
            err.print(sanitize(fault))
        raise CommandError(f"The policy has {_counted(len(faults), 'fault')}.")
    return given, text


def _summary(given: PolicyFile) -> str:
    policy = given.policy
    parts = [
        _counted(len(policy.rules), "rule"),
        _counted(len(policy.routes), "route"),
        _counted(len(policy.mute_times), "mute time"),
        *([_counted(len(given.providers), "provider")] if given.providers else []),
    ]
    return f"{', '.join(parts)}, besides what is built in"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
