"""The function in this process: its environment, its log, and its invocation for a tick."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from aws_lambda_powertools.utilities.typing import LambdaContext

from balance_watch.handlers.check_balances import handler
from local.loopback import LOOPBACK

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".local"
"""Where the embedded stack writes what it leaves: logs, and variables for other processes."""

LOG = FOLDER / "run.log"

_EVENT = ROOT / "events" / "scheduled_check.json"

NOT_OF_THIS_MACHINE = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)
"""The variables that would lead boto3 to this machine's own access."""

NO_PROXY = ("NO_PROXY", "no_proxy")


class _LambdaContext(LambdaContext):
    """The context that Lambda passes beside the event; the time that is left never shrinks."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Returns the function's whole timeout."""
        return 120_000


def invoke(tick: datetime) -> None:
    """Invokes CheckBalances for a tick, as the schedule does.

    Raises:
        BalanceWatchError: the run is incomplete, or another one is under way.
    """
    event = json.loads(_EVENT.read_text(encoding="utf-8"))
    handler({**event, "scheduled_time": tick.isoformat()}, _LambdaContext())


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Sets these variables and removes this machine's AWS profile, until the `with` ends.

    No proxy is used for the embedded stack, which is on loopback.
    """
    before = dict(os.environ)
    for name in NOT_OF_THIS_MACHINE:
        os.environ.pop(name, None)
    for name in NO_PROXY:
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Sends the function's log to a file, because on the terminal it would break a live table."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        handlers = [
            it
            for it in logging.getLogger("balance_watch").handlers
            if isinstance(it, logging.StreamHandler)
        ]
        before = [it.setStream(file) for it in handlers]
        try:
            yield
        finally:
            for log_handler, stream in zip(handlers, before, strict=True):
                log_handler.setStream(stream)
