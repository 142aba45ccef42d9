"""One DynamoDB table: serialization, batches, and retries of what DynamoDB left unprocessed."""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.money import exact
from balance_watch.store.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

GET_BATCH, WRITE_BATCH, TRANSACTION = 100, 25, 100
"""Items in one BatchGetItem, BatchWriteItem and TransactWriteItems, at most (API reference)."""

Serialized = Any
"""An item, or values of an expression, as DynamoDB's API has it: `{"name": {"S": "value"}}`."""

Action = Any
"""One action of TransactWriteItems."""

Update = Any
"""An argument of UpdateItem."""

WriteRequest = Any
"""One request of BatchWriteItem."""

UNSERIALIZABLE = (ArithmeticError, TypeError, ValueError)
"""What `serialize` raises for a value that DynamoDB cannot hold."""

UNREADABLE = (BotoCoreError, ClientError, TimeoutError)
"""What `Table.read` raises if DynamoDB does not answer, or not in time."""

_BACKOFF_SECONDS, _ATTEMPTS = 0.05, 8

_CONFLICTS = 5
"""The attempts at a write that another one is in the way of; all of them take a second at most.

Of two writes to an item at once, one of which is a transaction, DynamoDB refuses one, and botocore
does not repeat it ("Amazon DynamoDB transactions: how it works", Transaction conflict handling).
"""
_OK = 200

_log = logging.getLogger(__name__)


class Table:
    """A table by its name, over a low-level client; safe to use from several threads.

    Args:
        client: a low-level DynamoDB client.
        name: the table's name.
        clock: seconds since the epoch.
        sleep: waits between two attempts.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client, self.name = client, name
        self._clock, self._sleep = clock, sleep
        client.meta.events.register(
            "before-parse.dynamodb.Query", _take_items, unique_id="balance-watch-items"
        )

    def get(self, key: Item) -> Item:
        """Returns the item under a key by a consistent read; an empty one if there is none."""
        response = self.client.get_item(
            TableName=self.name, Key=serialize(key), ConsistentRead=True
        )
        return deserialize(response.get("Item", {}))

    def read(self, keys: Sequence[Item]) -> Iterator[Item]:
        """Yields the items under these keys, by consistent reads of a hundred to a call.

        Raises:
            TimeoutError: DynamoDB left keys unread in every attempt.
        """
        for start in range(0, len(keys), GET_BATCH):
            remaining = [serialize(key) for key in keys[start : start + GET_BATCH]]
            for attempt in range(_ATTEMPTS):
                response = self.client.batch_get_item(
                    RequestItems={self.name: {"Keys": remaining, "ConsistentRead": True}}
                )
                yield from map(deserialize, response["Responses"].get(self.name, []))
                unprocessed = response.get("UnprocessedKeys", {}).get(self.name)
                if not unprocessed:
                    break
                remaining = list(unprocessed["Keys"])
                self._back_off(attempt)
            else:
                raise TimeoutError(f"DynamoDB left keys unread in {_ATTEMPTS} attempts")

    def query(
        self,
        partition: str,
        sorts: tuple[str, str] | None = None,
        *,
        newest_first: bool = False,
        having: tuple[str, str] | None = None,
    ) -> Iterator[Item]:
        """Yields a partition's items in order, page by page; reads consistently.

        Args: as `query_serialized` has them.
        """
        items = self.query_serialized(partition, sorts, newest_first=newest_first, having=having)
        return map(deserialize, items)

    def query_serialized(
        self,
        partition: str,
        sorts: tuple[str, str] | None = None,
        *,
        newest_first: bool = False,
        having: tuple[str, str] | None = None,
    ) -> Iterator[Serialized]:
        """Yields a partition's items as `query` does, each as DynamoDB's API has it.

        Args:
            partition: the partition key.
            sorts: the sort keys to begin and to end at; None: all of the partition.
            newest_first: yields the items in the opposite order.
            having: an attribute and its value: yields only the items that have it.
        """
        optional: Any = {}
        condition, values = "pk = :pk", {":pk": partition}
        if sorts is not None:
            condition += " AND sk BETWEEN :since AND :until"
            values |= {":since": sorts[0], ":until": sorts[1]}
        if having is not None:
            values[":having"] = having[1]
            optional = {
                "FilterExpression": "#having = :having",
                "ExpressionAttributeNames": {"#having": having[0]},
            }
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=serialize(values),
            ConsistentRead=True,
            ScanIndexForward=not newest_first,
            **optional,
        )
        return (item for page in pages for item in page["Items"])

    def write(self, requests: Sequence[WriteRequest], until: float = inf) -> bool:
        """Writes up to 25 items, repeating what DynamoDB left unprocessed; False if it failed.

        No attempt begins at or after `until`, a time on the clock.
        """
        remaining = list(requests)
        for attempt in range(_ATTEMPTS):
            if self._clock() >= until:
                return False
            try:
                response = self.client.batch_write_item(RequestItems={self.name: remaining})
            except (BotoCoreError, ClientError):
                return False
            remaining = list(response.get("UnprocessedItems", {}).get(self.name, []))
            if not remaining:
                return True
            self._back_off(attempt)
        return False

    def transact(self, actions: list[Action], until: float = inf) -> bool:
        """Does all of the actions and returns True, or does none of them and returns False.

        It is repeated if another write to one of the items is in its way. No attempt begins at or
        after `until`, a time on the clock.
        """
        for attempt in range(_CONFLICTS):
            if self._clock() >= until:
                _log.error("not stored", extra={"why": "There is no time left."})
                return False
            try:
                # The token makes botocore's own retries one transaction, if a reply is lost.
                self.client.transact_write_items(
                    TransactItems=actions, ClientRequestToken=str(uuid.uuid4())
                )
            except (BotoCoreError, ClientError) as error:
                if attempt + 1 < _CONFLICTS and _is_conflict(error):
                    self._back_off(attempt)
                    continue
                _log.error("not stored", extra={"why": type(error).__name__})
                return False
            return True
        return False

    def update(self, key: Item, **request: Update) -> None:
        """Updates one item; repeats it if a transaction on the item is in its way.

        Args:
            key: the key of the item.
            request: the other arguments of UpdateItem.

        Raises:
            ClientError: it is not updated.
        """
        for attempt in range(_CONFLICTS):
            try:
                self.client.update_item(TableName=self.name, Key=serialize(key), **request)
            except ClientError as error:
                if attempt + 1 == _CONFLICTS or not _is_conflict(error):
                    raise
                self._back_off(attempt)
            else:
                return

    def puts(self, items: Iterable[Item]) -> list[Action]:
        """Returns the actions of a transaction that put these items."""
        return [{"Put": {"TableName": self.name, "Item": serialize(item)}} for item in items]

    def _back_off(self, attempt: int) -> None:
        self._sleep(_BACKOFF_SECONDS * 2**attempt * random.random())  # noqa: S311 (no secret)


def _is_conflict(error: Exception) -> bool:
    """Tells whether a write was refused for no other reason than another one at the same time."""
    response: Any = error.response if isinstance(error, ClientError) else {}
    code = response.get("Error", {}).get("Code")
    if code == "TransactionCanceledException":
        reasons = {it.get("Code") for it in response.get("CancellationReasons", ())}
        return bool(reasons - {"None"} == {"TransactionConflict"})
    return bool(code == "TransactionConflictException")


def batches(requests: Sequence[WriteRequest]) -> Iterator[Sequence[WriteRequest]]:
    """Yields the requests in batches that fit into one BatchWriteItem."""
    for start in range(0, len(requests), WRITE_BATCH):
        yield requests[start : start + WRITE_BATCH]


def grouped(
    actions: Sequence[tuple[str, list[Action]]], room: int
) -> Iterator[list[tuple[str, list[Action]]]]:
    """Yields groups of accounts whose actions fit into one transaction; no account is split."""
    group: list[tuple[str, list[Action]]] = []
    for account, own in actions:
        if group and sum(len(others) for _, others in group) + len(own) > room:
            yield group
            group = []
        group.append((account, own))
    if group:
        yield group


def _take_items(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Takes the items out of a reply to Query, before botocore parses the rest.

    botocore walks through every attribute by the model of the API, which takes four times as long
    as to parse the JSON, and changes bytes alone: a reply that has any is left to it.
    """
    body = response_dict["body"]
    if response_dict["status_code"] != _OK or b'"B"' in body or b'"BS"' in body:
        return
    reply = msgspec.json.decode(body)
    customized_response_dict["Items"] = reply.pop("Items", [])
    response_dict["body"] = msgspec.json.encode(reply)


class _ExactDeserializer(TypeDeserializer):
    """Reads every number that DynamoDB can hold: boto3's own rejects more than 38 digits.

    DynamoDB returns 1E+100 written out, zeros and all: one such balance would make the table
    unreadable.
    """

    def _deserialize_n(self, value: str) -> Decimal:
        return exact(value)


_serializer, _deserializer = TypeSerializer(), _ExactDeserializer()


def serialize(item: Mapping[str, Any]) -> Serialized:
    """Returns an item as DynamoDB's API takes it; raises one of UNSERIALIZABLE."""
    return {name: _serializer.serialize(value) for name, value in item.items()}


def deserialize(item: Mapping[str, Any]) -> Item:
    """Returns an item in boto3's plain form, its numbers exact."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}
