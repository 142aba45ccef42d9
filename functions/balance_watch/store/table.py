"""One DynamoDB table: packing, batches, tries of what DynamoDB did not get to."""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.money import exact
from balance_watch.store.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

GET_BATCH, WRITE_BATCH, TRANSACTION = 100, 25, 100
"""Items in one BatchGetItem, BatchWriteItem and TransactWriteItems, at most (API reference)."""

_BACKOFF_SECONDS, _BACKOFFS = 0.05, 8

_log = logging.getLogger(__name__)


class Table:
    """A table by its name, over a low-level client."""

    def __init__(self, client: "DynamoDBClient", name: str, sleep: Callable[[float], None]) -> None:
        self._client, self.name, self._sleep = client, name, sleep

    def read(self, keys: Sequence[Item]) -> Iterator[Item]:
        """Yields those of the items that there are, consistent, a hundred to a call.

        Raises:
            TimeoutError: DynamoDB left keys unread however often it was asked.
        """
        for start in range(0, len(keys), GET_BATCH):
            left = [serialize(key) for key in keys[start : start + GET_BATCH]]
            for attempt in range(_BACKOFFS):
                answer = self._client.batch_get_item(
                    RequestItems={self.name: {"Keys": left, "ConsistentRead": True}}
                )
                yield from map(deserialize, answer["Responses"].get(self.name, []))
                unprocessed = answer.get("UnprocessedKeys", {}).get(self.name)
                if not unprocessed:
                    break
                left = list(unprocessed["Keys"])
                self._back_off(attempt)
            else:
                raise TimeoutError("DynamoDB left keys unread however often it was asked")

    def write(
        self,
        requests: Sequence[Any],
        clock: Callable[[], float] = time.time,
        until: float = inf,
    ) -> bool:
        """Writes up to 25 items, trying again those that DynamoDB did not get to, until a time."""
        left = list(requests)
        for attempt in range(_BACKOFFS):
            if clock() >= until:
                return False
            try:
                answer = self._client.batch_write_item(RequestItems={self.name: left})
            except (BotoCoreError, ClientError):
                return False
            left = list(answer.get("UnprocessedItems", {}).get(self.name, []))
            if not left:
                return True
            self._back_off(attempt)
        return False

    def transact(self, actions: list[Any]) -> bool:
        """Writes all of it or nothing; False: nothing."""
        try:
            # The token makes botocore's own tries one transaction, should a reply be lost.
            self._client.transact_write_items(
                TransactItems=actions, ClientRequestToken=str(uuid.uuid4())
            )
        except (BotoCoreError, ClientError) as error:
            _log.error("not stored", extra={"why": type(error).__name__})
            return False
        return True

    def query(self, partition: str, sorts: tuple[str, str] | None = None) -> Iterator[Item]:
        """Yields a partition's items in order, or those between two sort keys, consistent."""
        condition, values = "pk = :pk", {":pk": partition}
        if sorts is not None:
            condition += " AND sk BETWEEN :since AND :until"
            values |= {":since": sorts[0], ":until": sorts[1]}
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=serialize(values),
            ConsistentRead=True,
        )
        return (deserialize(item) for page in pages for item in page["Items"])

    def _back_off(self, attempt: int) -> None:
        self._sleep(_BACKOFF_SECONDS * 2**attempt * random.random())  # noqa: S311 (no secret)

    def puts(self, found: Iterable[Item]) -> list[Any]:
        """Returns the actions of a transaction that put these items."""
        return [{"Put": {"TableName": self.name, "Item": serialize(item)}} for item in found]


def grouped(
    actions: Sequence[tuple[str, list[Any]]], room: int
) -> Iterator[list[tuple[str, list[Any]]]]:
    """Groups accounts' actions by a transaction's room; an account's stay together."""
    group: list[tuple[str, list[Any]]] = []
    for each in actions:
        if group and sum(len(mine) for _, mine in (*group, each)) > room:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


class _ExactDeserializer(TypeDeserializer):
    """Takes every number that can be stored: boto3's own refuses more than 38 digits, zeros too.

    DynamoDB writes 1E+100 out in full, so one such balance would make the table unreadable.
    """

    def _deserialize_n(self, value: str) -> Decimal:
        return exact(value)


_serializer, _deserializer = TypeSerializer(), _ExactDeserializer()


def serialize(item: Mapping[str, Any]) -> Any:  # noqa: ANN401 (DynamoDB's own shape)
    """Returns an item as DynamoDB's API takes it."""
    return {name: _serializer.serialize(value) for name, value in item.items()}


def deserialize(item: Mapping[str, Any]) -> Item:
    """Returns an item in boto3's plain form, its numbers exact."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}
