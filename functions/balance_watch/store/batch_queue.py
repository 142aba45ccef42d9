"""The queue of batches: a message of SQS for each, without a key in it."""

import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from balance_watch.domain.batches import NAME_DIGEST, BatchMessage
from balance_watch.domain.digest_plan import DigestSpan
from balance_watch.errors import EventError, QueueError
from balance_watch.store.items import MALFORMED_ITEM, text_of, time_of, without_none

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_TO_A_CALL, _BYTES = 10, 250_000
"""SendMessageBatch takes ten messages of 256 KB in all (Amazon SQS API reference)."""

LONGEST_DELAY = 900
"""The longest delay of a message, in seconds (same reference, DelaySeconds)."""

_ATTEMPTS = 3

_log = logging.getLogger(__name__)


class BatchQueue:
    """The queue that workers get their batches from.

    Args:
        client: a client of SQS.
        url: the queue's address.
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client, self._url = client, url

    def send(self, messages: Sequence[BatchMessage], delay: float = 0) -> None:
        """Puts messages into the queue, ten to a call.

        Args:
            messages: the messages.
            delay: the seconds before a worker can get them, 900 at most.

        Raises:
            QueueError: SQS did not take all of them. Those that it took are in the queue.
        """
        for call in _calls([(it.number, message_to_json(it)) for it in messages]):
            left: Sequence[SendMessageBatchRequestEntryTypeDef] = [
                {
                    "Id": str(number),
                    "MessageBody": body,
                    "DelaySeconds": min(max(0, ceil(delay)), LONGEST_DELAY),
                }
                for number, body in call
            ]
            for _ in range(_ATTEMPTS):
                response = self._client.send_message_batch(QueueUrl=self._url, Entries=left)
                failed = {it["Id"] for it in response.get("Failed", ())}
                left = [entry for entry in left if entry["Id"] in failed]
                if not left:
                    break
            else:
                raise QueueError(f"The queue of batches refused {len(left)} messages.")


def _calls(messages: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yields the messages that go into each call."""
    call: list[tuple[int, str]] = []
    size = 0
    for number, body in messages:
        length = len(body.encode())
        if call and (len(call) == _TO_A_CALL or size + length > _BYTES):
            yield call
            call, size = [], 0
        call.append((number, body))
        size += length
    if call:
        yield call


def message_to_json(message: BatchMessage) -> str:
    """Returns the text of a message."""
    digest = message.digest
    content = {
        "tick": text_of(message.tick),
        "plan": message.plan,
        "batch": message.number,
        "secrets": list(message.secrets),
        "accounts": b64encode(b"".join(sorted(message.accounts))).decode(),
        "channels": list(message.channels),
        "unread_kinds": list(message.unread_kinds) or None,
        "hosts": dict(message.hosts) or None,
        "shared": sorted(message.shared) or None,
        "digest": None if digest is None else [text_of(digest.at), text_of(digest.since)],
    }
    return json.dumps(without_none(content), separators=(",", ":"))


def message_from_json(text: str) -> BatchMessage:
    """Returns the message of a text.

    Raises:
        EventError: it is no message of a planner.
    """
    try:
        content: Any = json.loads(text)
        names = b64decode(content["accounts"], validate=True)
        digest, number = content.get("digest"), int(content["batch"])
        if number < 0 or len(names) % NAME_DIGEST:
            raise ValueError("no batch of a planner")
        return BatchMessage(
            time_of(content["tick"]),
            str(content["plan"]),
            number,
            tuple(map(str, content["secrets"])),
            frozenset(
                names[start : start + NAME_DIGEST] for start in range(0, len(names), NAME_DIGEST)
            ),
            tuple(map(str, content["channels"])),
            tuple(map(str, content.get("unread_kinds", ()))),
            {str(host): int(share) for host, share in content.get("hosts", {}).items()},
            frozenset(map(str, content.get("shared", ()))),
            None if digest is None else DigestSpan(time_of(digest[0]), time_of(digest[1])),
        )
    except (*MALFORMED_ITEM, LookupError):
        raise EventError(
            "The message is not one that CheckBalances sends to its workers."
        ) from None
