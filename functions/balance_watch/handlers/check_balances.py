"""CheckBalances: the scheduled check. See the event and the result in the README."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from balance_watch import log_filters
from balance_watch.config.settings import Settings
from balance_watch.errors import EventError, RunIncompleteError
from balance_watch.notifiers.heartbeat import ping
from balance_watch.wiring import Wiring

_SAFETY_SECONDS = 6.0
"""What is left of Lambda's time when a run has to have ended."""

_FURTHEST = timedelta(days=366)

logger = Logger(service="balance_watch")


@cache
def _wiring() -> Wiring:
    log_filters.install()
    settings = Settings.from_environment()
    logger.setLevel(settings.log_level)
    return Wiring(settings)


def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Checks every balance once, for the tick that the event names.

    Args:
        event: EventBridge Scheduler's `{"scheduled_time": …}`, an EventBridge rule's event, or
            nothing of both: then the tick is now.
        context: Lambda's.

    Returns:
        The counts of the run.

    Raises:
        EventError: the time in the event is none.
        RunUnderWayError: another run holds the table.
        RunIncompleteError: accounts were deferred, or notifications are owed still.
    """
    wiring = _wiring()
    heartbeat = wiring.settings.heartbeat_url
    well = False
    try:
        now = tick(event)
        seconds = context.get_remaining_time_in_millis() / 1000 - _SAFETY_SECONDS
        summary = wiring.check().run(now, seconds=seconds)
        well = summary.complete
    finally:
        if heartbeat:
            ping(wiring.transport, heartbeat, well=well)
    result = summary.as_json()
    logger.info("run", extra=result)
    if not well:
        raise RunIncompleteError(
            f"The run stored what it did, but is incomplete and will be gone on with: {result}"
        )
    return result


def tick(event: object) -> datetime:
    """Returns the time that an event stands for, to the second, in UTC.

    Raises:
        EventError: it names a time that is none.
    """
    if not isinstance(event, Mapping):
        raise EventError("the event must be an object, such as {} for now")
    named = event.get("scheduled_time")
    if named is None and event.get("source") == "aws.events":
        named = event.get("time")
    if named is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        parsed = datetime.fromisoformat(named)
        aware = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed
        at = aware.astimezone(UTC).replace(microsecond=0)
    except (OverflowError, TypeError, ValueError):
        raise EventError(
            "scheduled_time is no ISO 8601 time such as 2026-11-22T10:05:00Z"
        ) from None
    if at > datetime.now(UTC) + _FURTHEST:
        raise EventError("scheduled_time is more than a year ahead")
    return at
