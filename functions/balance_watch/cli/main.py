"""The balance-watch command: parses its arguments and runs one of its commands."""

import argparse
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from balance_watch import log_filters
from balance_watch.cli import (
    accounts,
    channels,
    check,
    demo,
    doctor,
    explain,
    history,
    metrics,
    policy,
    providers,
    report,
    silence,
    status,
    top_up,
)
from balance_watch.cli.aws_errors import UNPARSABLE, explained
from balance_watch.cli.connection import add_connection_options, session_of
from balance_watch.cli.terminal import open_missing_streams, replace_unencodable, sanitize
from balance_watch.domain.formatting import counted
from balance_watch.errors import BalanceWatchError

_COMMANDS = (
    check,
    status,
    accounts,
    channels,
    explain,
    history,
    report,
    metrics,
    providers,
    policy,
    silence,
    top_up,
    demo,
    doctor,
)
"""The modules of the commands, in the order in which help lists them."""

_FAILED, _INTERRUPTED = 1, 130


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, 1 if it failed, or 130 after Ctrl-C, as shells do.

    Wrong use ends the process with 2, as argparse does.
    """
    open_missing_streams()
    replace_unencodable()
    arguments = parser().parse_args(words)
    log_filters.install()
    # The log is for CloudWatch; at a terminal each command prints what matters.
    logging.getLogger("balance_watch").addHandler(logging.NullHandler())
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return _until_read(partial(run, arguments))
    except BalanceWatchError as error:
        return _fail(str(error))
    except (BotoCoreError, ClientError) as error:
        return _fail(explained(error, partial(session_of, arguments)))
    except ResponseParserError:
        return _fail(UNPARSABLE)
    except OSError as error:
        place = error.filename or "Standard input or output"
        return _fail(f"{place}: {error.strerror or type(error).__name__}.")
    except KeyboardInterrupt:
        print("\nbalance-watch: Stopped.", file=sys.stderr)
        return _INTERRUPTED


def _until_read(command: Callable[[], int]) -> int:
    """Runs a command, until whoever reads its output has seen enough, as `head` does."""
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the rest goes nowhere
        return 0
    return code


def _fail(text: str) -> int:
    shown = "\n".join(sanitize(line).plain for line in text.splitlines())
    print(f"balance-watch: {shown}", file=sys.stderr)
    return _FAILED


class _Parser(argparse.ArgumentParser):
    """A parser whose commands all take the options that say where the stack is."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 (those of argparse)
        super().__init__(**options)
        add_connection_options(self)

    def parse_args(  # type: ignore[override] # its namespace is always new here
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """Parses the words; what is left over is told without its values, which may be keys."""
        arguments, left = self.parse_known_args(args, namespace)
        if left:
            self.error(_without_values(left))
        return arguments

    def error(self, message: str) -> NoReturn:
        """Ends with wrong use; argparse repeats values in some of its sentences, and this not."""
        super().error(_WITH_VALUE.sub(_shortened, message))


_WITH_VALUE = re.compile(
    r"(?P<invalid>invalid \w+)(?: value)?: .+?(?P<choices> \(choose from .*\))?$"
    r"|(?P<ignored>ignored explicit argument) .+$"
    r"|(?P<ambiguous>ambiguous option: --?[\w-]+)(?:=.*?)?(?P<could> could match .*)$",
    re.DOTALL,
)
"""The sentences of argparse that repeat a value, which may be a key that was typed there."""

_OPTION = re.compile(r"--?[a-zA-Z][a-z-]{0,30}(?=$|=)")
"""What an option looks like; a key may begin with a hyphen as well."""


def _shortened(found: re.Match[str]) -> str:
    return "".join(filter(None, found.groups()))


def _without_values(words: Sequence[str]) -> str:
    """Says which words no command takes: options by their name, and all others by their number."""
    options = [found[0] for word in words if (found := _OPTION.match(word))]
    others = sum(_OPTION.match(word) is None for word in words)
    unknown = f"unknown option {', '.join(options)}" if options else ""
    more = f"{counted(others, 'word')} too many" if others and not options else ""
    return f"{unknown or more}: see --help"


def parser() -> argparse.ArgumentParser:
    """Returns the parser of every command."""
    top = _Parser(
        prog="balance-watch",
        description="Tells you before a prepaid API provider runs dry.",
        epilog="Variables of the function's environment that are set (TABLE_NAME, TOPIC_ARN, …) win"
        " over the stack's outputs. Exit: 0 fine, 1 the job failed, 2 wrong use, 3 an alert fires"
        " (of status --exit-code only), 130 stopped by Ctrl-C.",
    )
    top.set_defaults(stack=None, profile=None, region=None)
    top.add_argument("--version", action="version", version=f"%(prog)s {version('balance-watch')}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_commands(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
