"""`balance-watch doctor`: looks at everything between the schedule and the ear."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError
from rich.text import Text

from balance_watch.cli.aws_errors import UNPARSABLE, explained, is_denied, is_not_implemented
from balance_watch.cli.connection import DEFAULT_STACK, session_of, wiring
from balance_watch.cli.doctor_looks import LOOKS, Look
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
    looks = _Looks(patient, lambda: session_of(arguments))
    lines = []
    for line in looks.lines():
        lines.append(line)
        if not arguments.json:
            _show(line)
    if arguments.json:
        print_json([line._asdict() for line in lines])
    return 0 if all(line.ok is not False for line in lines) else 1


@dataclass
class _Looks:
    """Looks at everything.

    One cause, such as a network that is down, hinders many looks: it is told once.
    """

    patient: Patient
    session: Callable[[], boto3.Session]
    hindered: dict[str, list[str]] = field(default_factory=dict)

    def lines(self) -> Iterator[Line]:
        """Yields what is found, and at last what could not be looked at for a cause told before."""
        for look in LOOKS:
            yield from self._found(look)
        for first, *others in self.hindered.values():
            if others:
                yield unchecked("not checked", f"{', '.join(others)}: as {first}, see above")

    def _found(self, look: Look) -> list[Line]:
        name = look.__name__.strip("_").replace("_", " ")
        try:
            return list(look(self.patient))
        except (BotoCoreError, ClientError) as error:
            return self._hindrance(name, error)
        except ResponseParserError:
            return [bad(name, UNPARSABLE)]
        except BalanceWatchError as error:
            return [bad(name, str(error))]
        except (LookupError, TypeError, ValueError):
            return [bad(name, "it is not as a stack of balance-watch has it", _AGAIN)]

    def _hindrance(self, name: str, error: BotoCoreError | ClientError) -> list[Line]:
        if isinstance(error, ClientError) and is_not_implemented(error):
            text = f"not checked: the emulator does not know {error.operation_name}"
            return [unchecked(name, text)]
        problem = explained(error, self.session)
        if isinstance(error, ClientError) and is_denied(error):
            return [bad(name, problem, _RIGHT)]
        cause = "network" if isinstance(error, HTTPClientError) else problem
        names = self.hindered.setdefault(cause, [])
        names.append(name)
        return [bad(name, problem)] if len(names) == 1 else []


_AGAIN = "Deploy again, or name another stack with --stack."
_RIGHT = "Ask for the right, or have somebody with it run this; docs/permissions.md"


def _show(line: Line) -> None:
    marks = {True: ("ok  ", "green"), False: ("!   ", "bold red"), None: ("-   ", "dim")}
    mark, style = marks[line.ok]
    text = sanitize(f"{line.check}: {line.detail}", style if line.ok is None else "")
    print_wrapped(Text.assemble((mark, style), text), hang=len(mark))
    if line.do:
        print_wrapped(sanitize(line.do, "yellow"), indent=len(mark))
