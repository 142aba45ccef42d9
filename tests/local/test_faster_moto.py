"""With less copying, a transaction of moto is still written as a whole, or not at all."""

from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from local import faster_moto
from tests.support.tables import client_of, new_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

OLD, NEW = {"pk": {"S": "old"}, "sk": {"S": "s"}}, {"pk": {"S": "new"}, "sk": {"S": "s"}}
OTHER = {"pk": {"S": "other"}, "sk": {"S": "s"}}
BEFORE: list[Any] = [{**OLD, "n": {"L": [{"N": "1"}]}}, {**OTHER, "n": {"N": "7"}}]
FAILS = {"Key": NEW, "ConditionExpression": "attribute_exists(pk)"}
MISSING = {**FAILS, "Key": {**NEW, "sk": {"S": "another"}}}
WRITES: dict[str, dict[str, Any]] = {
    "Update": {
        "Key": OLD,
        "UpdateExpression": "SET n[0] = :two, m = :two",
        "ExpressionAttributeValues": {":two": {"N": "2"}},
    },
    "Put": {"Item": {**OLD, "n": {"N": "3"}}},
    "Delete": {"Key": OLD},
}
AFTER = {
    "Update": {**OLD, "n": {"L": [{"N": "2"}]}, "m": {"N": "2"}},
    "Put": WRITES["Put"]["Item"],
    "Delete": None,
}


@pytest.fixture
def client() -> "Iterator[DynamoDBClient]":
    faster_moto.install()
    with mock_aws():
        yield client_of("https://dynamodb.us-east-1.amazonaws.com")


@pytest.fixture
def table(client: "DynamoDBClient") -> str:
    name = new_table(client)
    for item in BEFORE:
        client.put_item(TableName=name, Item=item)
    return name


def items(client: "DynamoDBClient", table: str) -> list[Any]:
    return client.scan(TableName=table)["Items"]


def in_one(client: "DynamoDBClient", table: str, *writes: dict[str, Any]) -> None:
    named: Any = [
        {kind: {"TableName": table, **write} for kind, write in it.items()} for it in writes
    ]
    client.transact_write_items(TransactItems=named)


@pytest.mark.parametrize("kind", WRITES)
def test_a_transaction_that_fails_writes_nothing(
    client: "DynamoDBClient", table: str, kind: str
) -> None:
    before = items(client, table)
    with pytest.raises(client.exceptions.TransactionCanceledException):
        in_one(client, table, {kind: WRITES[kind]}, {"ConditionCheck": FAILS})
    assert items(client, table) == before


def test_an_item_that_a_failed_transaction_made_is_gone(
    client: "DynamoDBClient", table: str
) -> None:
    before = items(client, table)
    with pytest.raises(client.exceptions.TransactionCanceledException):
        in_one(client, table, {"Put": {"Item": NEW}}, {"ConditionCheck": MISSING})
    assert items(client, table) == before


@pytest.mark.parametrize("kind", WRITES)
def test_a_transaction_that_succeeds_is_written(
    client: "DynamoDBClient", table: str, kind: str
) -> None:
    in_one(client, table, {kind: WRITES[kind]}, {"Put": {"Item": NEW}})
    found = client.get_item(TableName=table, Key=OLD).get("Item")
    assert found == AFTER[kind]
    assert "Item" in client.get_item(TableName=table, Key=NEW)
