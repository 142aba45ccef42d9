"""`balance-watch doctor`: looks at everything between the schedule and the ear."""

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from rich.text import Text

from balance_watch.cli.aws_errors import UNPARSABLE, explained, is_not_implemented
from balance_watch.cli.connection import DEFAULT_STACK, session_of, wiring
from balance_watch.cli.doctor_looks import LOOKS
from balance_watch.cli.doctor_patient import Line, Patient, bad, unchecked
from balance_watch.cli.terminal import Subparsers, print_json, print_wrapped, sanitize
from balance_watch.errors import BalanceWatchError


def add_commands(commands: Subparsers) -> None:
    """Adds `doctor`."""
    text = "look at everything between the schedule and the ear, and say what to do"
    command = commands.add_parser("doctor", help=text, description=f"{text.capitalize()}.")
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    patient = Patient(wiring(arguments), arguments.stack or DEFAULT_STACK, datetime.now(UTC))
    lines = []
    for look in LOOKS:
        try:
            found = list(look(patient))
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and is_not_implemented(error):
                text = f"not checked: the emulator does not know {error.operation_name}"
                found = [unchecked(_name(look), text)]
            else:
                problem = explained(error, lambda: session_of(arguments))
                found = [bad(_name(look), problem, _RIGHT)]
        except ResponseParserError:
            found = [bad(_name(look), UNPARSABLE)]
        except BalanceWatchError as error:
            found = [bad(_name(look), str(error))]
        except (LookupError, TypeError, ValueError):
            found = [bad(_name(look), "it is not as a stack of balance-watch has it", _AGAIN)]
        lines += found
        for line in found if not arguments.json else ():
            _show(line)
    if arguments.json:
        print_json([line._asdict() for line in lines])
    return 0 if all(line.ok is not False for line in lines) else 1


_AGAIN = "Deploy again, or name another stack with --stack."
_RIGHT = "Ask for the right, or have somebody with it run this; docs/permissions.md"


def _show(line: Line) -> None:
    marks = {True: ("ok  ", "green"), False: ("!   ", "bold red"), None: ("-   ", "dim")}
    mark, style = marks[line.ok]
    text = sanitize(f"{line.check}: {line.detail}", style if line.ok is None else "")
    print_wrapped(Text.assemble((mark, style), text), hang=len(mark))
    if line.do:
        print_wrapped(sanitize(line.do, "yellow"), indent=len(mark))


def _name(look: Callable[[Patient], Iterator[Line]]) -> str:
    return look.__name__.strip("_").replace("_", " ")
