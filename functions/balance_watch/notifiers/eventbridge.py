"""The channel `events`: an event on EventBridge's bus for each alert, one a call.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html: an entry has up to
256 KB (1 MiB by now, as https://shopify.dev/changelog/amazon-eventbridge-webhook-payload-size-limit-increased-to-1-mb
says; the smaller limit is kept), a call up to 10 entries; a call that succeeds may have refused its
entry, which `FailedEntryCount` tells. Which codes can be retried:
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.notification import NO_TIME, Notification, SendResult, in_order
from balance_watch.notifiers.exact_json import for_machines

SOURCE = "balance-watch"
DETAIL_TYPE = "balance-watch alert"
DIGEST_TYPE = "balance-watch digest"
_LASTING = frozenset(
    {
        "AccessDeniedException",
        "InvalidAccountIdException",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
        "ResourceNotFoundException",
    }
)
"""The role has no right to send, or there is no such bus: no retry can help."""


class Client(Protocol):
    """The part of boto3's client that sends events."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """Sends events; the answer tells which of them were refused."""
        ...


class EventsChannel:
    """A bus of EventBridge in the stack's account."""

    def __init__(
        self,
        client: Client,
        bus: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._bus, self._clock = client, bus, clock

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Sends an event for each, and yields after each call. Raises nothing.

        No call begins at or after `deadline` on the clock; the client limits the time and the
        attempts of each.
        """
        for notification in sorted(notifications, key=in_order):
            if self._clock() >= deadline:
                yield SendResult(rejected=(notification,), why=NO_TIME)
            else:
                yield self._put(notification)

    def _put(self, notification: Notification) -> SendResult:
        try:
            response = self._client.put_events(Entries=[entry(notification, self._bus)])
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "an error without a code"))
            return _refused(notification, code)
        except BotoCoreError as error:
            why = f"EventBridge cannot be reached ({type(error).__name__})."
            return SendResult(rejected=(notification,), why=why)
        failed = response.get("FailedEntryCount", 0)
        (result, *_) = response.get("Entries") or [{}]
        if failed or not result.get("EventId"):
            return _refused(notification, str(result.get("ErrorCode") or "nothing"))
        return SendResult(accepted=(notification,))


def _refused(notification: Notification, code: str) -> SendResult:
    why = f"EventBridge answers {code}."
    return SendResult(rejected=(notification,), why=why, permanent=code in _LASTING)


def entry(notification: Notification, bus: str) -> dict[str, Any]:
    """Returns the entry of PutEvents for a notification."""
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE if notification.digest is None else DIGEST_TYPE,
        "Detail": json.dumps(for_machines(notification), ensure_ascii=False),
        "EventBusName": bus,
        "Time": notification.said_at,
    }
