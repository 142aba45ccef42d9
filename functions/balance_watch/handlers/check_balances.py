"""CheckBalances: the scheduled check. docs/operations.md describes its event and its result."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from balance_watch.config.settings import CheckSettings
from balance_watch.errors import EventError
from balance_watch.handlers.runtime import (
    heartbeat,
    logger,
    require_complete,
    seconds_left,
    warm_start,
)
from balance_watch.wiring import Wiring

_MAX_AHEAD = timedelta(days=366)


def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Checks every balance once, for the tick that the event names.

    Args:
        event: EventBridge Scheduler's `{"scheduled_time": …}` or the event of an EventBridge rule.
            Any other object stands for a tick that is now.
        context: Lambda's.

    Returns:
        The counts of the run.

    Raises:
        EventError: the event is no object, or its time is invalid.
        RunUnderWayError: another run holds the lease.
        RunIncompleteError: accounts were deferred, or notifications are still pending.
    """
    wired = warm_start(CheckSettings, Wiring)
    with heartbeat(wired) as beat:
        summary = wired.check().run(tick(event), seconds=seconds_left(context))
        # A skipped tick tells nothing: of the run that did it, or did a later one, it knows no end.
        # Nor does a planner know the end of its tick, which is that of its last batch.
        is_planned = summary.batches is not None and summary.complete
        beat.is_due = not summary.skipped and not is_planned
        result = summary.as_json()
        logger.info("run", extra=result)
        require_complete(summary)
    return result


def tick(event: object) -> datetime:
    """Returns the time that an event stands for, to the second, in UTC.

    Raises:
        EventError: the event is no object, or its time is invalid.
    """
    if not isinstance(event, Mapping):
        raise EventError("The event must be an object, such as {} for a check now.")
    text = event.get("scheduled_time")
    if text is None and event.get("source") == "aws.events":
        text = event.get("time")
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        parsed = datetime.fromisoformat(text)
        aware = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed
        time = aware.astimezone(UTC).replace(microsecond=0)
    except (OverflowError, TypeError, ValueError):
        raise EventError(
            "scheduled_time must be an ISO 8601 time, such as 2026-11-22T10:05:00Z."
        ) from None
    if time > datetime.now(UTC) + _MAX_AHEAD:
        raise EventError("scheduled_time must be at most a year ahead.")
    return time
