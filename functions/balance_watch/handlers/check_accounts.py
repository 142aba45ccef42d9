"""CheckAccounts: a worker that checks the batches which CheckBalances puts into the queue."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from balance_watch.config.settings import WorkerSettings
from balance_watch.handlers.runtime import (
    heartbeat,
    logger,
    require_complete,
    seconds_left,
    warm_start,
)
from balance_watch.store.batch_queue import message_from_json
from balance_watch.wiring import Wiring


def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 (Powertools' own)
    """Checks the batches of an event of SQS.

    Args:
        event: the event, with a message for each batch.
        context: Lambda's.

    Returns:
        The messages that failed, which SQS delivers again.

    Raises:
        BatchProcessingError: all of them failed.
    """
    processor = BatchProcessor(event_type=EventType.SQS)
    return process_partial_response(event, _check, processor, context)


def _check(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Checks one batch, and finishes the tick if it was the last.

    Raises:
        EventError: the message is none of a planner.
        RunUnderWayError: another worker has the batch.
        RunIncompleteError: accounts were deferred, or notifications are still pending.
    """
    message = message_from_json(record.body)
    wired = warm_start(WorkerSettings, Wiring)
    with heartbeat(wired) as beat:
        # Only the end of a tick is a sign of life.
        beat.is_due = False
        summary = wired.check_batch().run(message, seconds=seconds_left(lambda_context))
        if summary is None:
            return
        beat.is_due = True
        result = summary.as_json()
        logger.info("run", extra=result)
        require_complete(summary)
