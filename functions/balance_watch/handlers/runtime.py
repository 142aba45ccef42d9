"""What the functions share: their log, the wiring, the heartbeat, and how a run ends."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from msgspec import Struct

from balance_watch import log_filters
from balance_watch.config.settings import FunctionSettings
from balance_watch.errors import RunIncompleteError, RunUnderWayError
from balance_watch.notifiers.heartbeat import ping
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring

_SAFETY_SECONDS = 6.0
"""A run ends this long before Lambda ends it."""

# Without a level of its own, Powertools takes LOG_LEVEL here, and an invalid one fails the import.
logger = Logger(service="balance_watch", level="INFO")


S = TypeVar("S", bound=FunctionSettings)
W = TypeVar("W")

_started: dict[object, Any] = {}
"""The wiring of each handler that has started in this process."""


def warm_start(settings_type: type[S], wire: Callable[[S], W]) -> W:
    """Returns the function's wiring: a cold start builds it, warm starts reuse it.

    Args:
        settings_type: the settings that the handler reads.
        wire: builds what the handler needs from its settings.

    Raises:
        SettingsError: the environment lacks a variable, or a variable is invalid.
    """
    if (settings_type, wire) not in _started:
        log_filters.install()
        settings = settings_type.from_environment()
        logger.setLevel(settings.log_level)
        _started[settings_type, wire] = wire(settings)
    wiring: W = _started[settings_type, wire]
    return wiring


def forget_starts() -> None:
    """Makes the next start a cold one. Tests call it."""
    _started.clear()


def seconds_left(context: LambdaContext) -> float:
    """Returns the seconds that a run can use before Lambda's timeout."""
    return context.get_remaining_time_in_millis() / 1000 - _SAFETY_SECONDS


def require_complete(summary: Summary) -> None:
    """Checks that nothing is left to do for a tick.

    Raises:
        RunIncompleteError: accounts were deferred, or notifications are still pending.
    """
    if not summary.complete:
        raise RunIncompleteError(
            f"The run is incomplete: {summary.left}. The next one continues from what is stored."
        )


class Heartbeat(Struct):
    """Whether a ping is due; the `with` block says if it is not."""

    is_due: bool = True


@contextmanager
def heartbeat(wired: Wiring) -> Iterator[Heartbeat]:
    """Pings the heartbeat address after the `with` block, or its `/fail` if the block raises.

    While another run is under way, nothing is pinged: that run does so when it ends.
    """
    beat, succeeded = Heartbeat(), False
    try:
        yield beat
        succeeded = True
    except RunUnderWayError:
        beat.is_due = False
        raise
    finally:
        if beat.is_due and wired.heartbeat_url:
            ping(wired.transport, wired.heartbeat_url, success=succeeded)


# Everything is imported. The collector passes over it from now on, and looks at what a run makes.
gc.freeze()
gc.enable()
