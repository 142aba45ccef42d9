"""Silences, as attributes of the run's item: the claim of a tick returns them, at no cost."""

from datetime import datetime
from typing import TYPE_CHECKING

from balance_watch.domain.silences import Silence
from balance_watch.store import items
from balance_watch.store.runs import silence_attribute, silence_to_item, silences_from_item
from balance_watch.store.table import deserialize, serialize

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Silences:
    """The silences in a table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def at(self, now: datetime) -> tuple[Silence, ...]:
        """Returns those that have not ended, the first to end first."""
        answer = self._client.get_item(
            TableName=self._table, Key=serialize(items.RUN), ConsistentRead=True
        )
        known = silences_from_item(deserialize(answer.get("Item", {})))
        return tuple(each for each in known if each.until > now)

    def add(self, silence: Silence) -> None:
        """Adds one; the next run keeps to it."""
        self._client.update_item(
            TableName=self._table,
            Key=serialize(items.RUN),
            UpdateExpression="SET #name = :silence",
            ExpressionAttributeNames={"#name": silence_attribute(silence.name)},
            ExpressionAttributeValues=serialize({":silence": silence_to_item(silence)}),
        )

    def end(self, name: str) -> None:
        """Ends one; it is no error if there is none."""
        self._client.update_item(
            TableName=self._table,
            Key=serialize(items.RUN),
            UpdateExpression="REMOVE #name",
            ExpressionAttributeNames={"#name": silence_attribute(name)},
        )
