"""The embedded AWS holds the stack of template.yaml, and returns the published messages."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws import EmbeddedAws, Published

JsonObject = dict[str, Any]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


def publish(aws: EmbeddedAws, *entries: JsonObject) -> JsonObject:
    reply: JsonObject = aws.client("sns").publish_batch(
        TopicArn=aws.environment["TOPIC_ARN"], PublishBatchRequestEntries=list(entries)
    )
    return reply


def test_the_stack_has_the_table_of_the_template(aws: EmbeddedAws) -> None:
    table = aws.client("dynamodb").describe_table(TableName=aws.environment["TABLE_NAME"])
    assert table["Table"]["TableName"] == aws.physical_id("History")
    assert table["Table"]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_the_stack_has_the_topic_of_the_template(aws: EmbeddedAws) -> None:
    arn = aws.environment["TOPIC_ARN"]
    assert arn == aws.physical_id("Alerts")
    assert aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["TopicArn"] == arn


def test_the_stack_has_the_policy_parameter_of_the_template(aws: EmbeddedAws) -> None:
    aws.put_policy('[defaults]\nreminder = "12h"\n')
    reply = aws.client("ssm").get_parameter(Name=aws.environment["POLICY_PARAMETER"])
    assert reply["Parameter"]["Value"] == '[defaults]\nreminder = "12h"\n'


def test_the_environment_is_that_of_the_template_with_this_endpoint(aws: EmbeddedAws) -> None:
    assert aws.environment["SECRETS_PREFIX"] == "balance-watch/"
    assert aws.environment["AWS_ENDPOINT_URL"] == aws.url
    assert all(isinstance(value, str) for value in aws.environment.values())


def test_a_secret_can_be_replaced(aws: EmbeddedAws) -> None:
    aws.put_secret("balance-watch/accounts", {"accounts": []})
    aws.put_secret("balance-watch/accounts", {"accounts": [{"name": "sms"}]})
    reply = aws.client("secretsmanager").get_secret_value(SecretId="balance-watch/accounts")
    assert json.loads(reply["SecretString"]) == {"accounts": [{"name": "sms"}]}


def test_the_subscriber_gets_the_version_for_sqs_with_attributes(aws: EmbeddedAws) -> None:
    message = json.dumps({"default": "low", "sqs": '{"value": "4.068"}'})
    attributes = {"account": {"DataType": "String", "StringValue": "sms"}}
    entry = {"Message": message, "MessageStructure": "json", "MessageAttributes": attributes}
    publish(aws, {"Id": "0", **entry})
    (published,) = aws.published()
    assert published == Published('{"value": "4.068"}', {"account": "sms"})
    assert published.content == {"value": "4.068"}


def test_published_messages_are_returned_once_and_in_order(aws: EmbeddedAws) -> None:
    publish(aws, *({"Id": str(number), "Message": str(number)} for number in range(10)))
    publish(aws, {"Id": "10", "Message": "10"})
    assert [message.body for message in aws.published()] == [str(number) for number in range(11)]
    assert aws.published() == []
