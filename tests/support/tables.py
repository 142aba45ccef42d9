"""Tables with the schema of template.yaml, on any server that speaks DynamoDB's protocol."""

import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from local.aws import CREDENTIALS
from local.stack import REGION, embeddable, read

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SCHEMA_PROPERTIES = ("AttributeDefinitions", "KeySchema", "BillingMode")


def client_of(endpoint: str) -> "DynamoDBClient":
    """Returns a client of the DynamoDB at an endpoint."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def new_table(client: "DynamoDBClient") -> str:
    """Creates an empty table with the template's schema and returns its name."""
    name = f"history-{uuid.uuid4().hex}"
    client.create_table(TableName=name, **_schema())
    return name


@cache
def _schema() -> dict[str, Any]:
    history = embeddable(read())["Resources"]["History"]["Properties"]
    return {name: history[name] for name in _SCHEMA_PROPERTIES}
