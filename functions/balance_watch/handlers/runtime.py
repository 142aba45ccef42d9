"""What the functions share: their log, the wiring that a warm start reuses, the heartbeat."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from balance_watch import log_filters
from balance_watch.config.settings import CheckSettings
from balance_watch.notifiers.heartbeat import ping
from balance_watch.wiring import Wiring

_SAFETY_SECONDS = 6.0
"""A run ends this long before Lambda ends it."""

# Without a level of its own, Powertools takes LOG_LEVEL here, and an invalid one fails the import.
logger = Logger(service="balance_watch", level="INFO")


@cache
def warm_start(settings_type: type[CheckSettings]) -> Wiring:
    """Returns the function's wiring: a cold start builds it, warm starts reuse it.

    Args:
        settings_type: the settings that the handler reads.

    Raises:
        SettingsError: the environment lacks a variable, or a variable is invalid.
    """
    log_filters.install()
    settings = settings_type.from_environment()
    logger.setLevel(settings.log_level)
    return Wiring(settings)


def seconds_left(context: LambdaContext) -> float:
    """Returns the seconds that a run can use before Lambda's timeout."""
    return context.get_remaining_time_in_millis() / 1000 - _SAFETY_SECONDS


@contextmanager
def heartbeat(wired: Wiring) -> Iterator[None]:
    """Pings the heartbeat address after the `with` block, or its `/fail` if the block raises."""
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        if wired.settings.heartbeat_url:
            ping(wired.transport, wired.settings.heartbeat_url, success=succeeded)
