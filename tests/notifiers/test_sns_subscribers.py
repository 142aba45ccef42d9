"""The number of confirmed subscribers, as SNS tells it; or the reason why it is not known."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from balance_watch.notifiers.subscribers import ConfirmedSubscribers, confirmed_subscribers
from local.aws import EmbeddedAws
from local.stack import REGION
from tests.support.canaries import CORE, key

TOPIC = f"arn:aws:sns:{REGION}:123456789012:alerts"


class FakeSns:
    """A client of SNS that answers with these attributes, or raises."""

    def __init__(self, response: dict[str, Any] | Exception) -> None:
        self.response, self.topics = response, list[str]()

    def get_topic_attributes(self, *, TopicArn: str) -> dict[str, Any]:  # noqa: N803 (boto3's)
        self.topics.append(TopicArn)
        if isinstance(self.response, Exception):
            raise self.response
        return {"Attributes": self.response}


def count(response: dict[str, Any] | Exception) -> ConfirmedSubscribers:
    client: Any = FakeSns(response)
    subscribers = confirmed_subscribers(client, TOPIC)
    assert client.topics == [TOPIC]
    return subscribers


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": key()}}, "GetTopicAttributes")


@pytest.mark.parametrize("number", [0, 1, 12])
def test_sns_tells_the_number(number: int) -> None:
    attributes = {"SubscriptionsConfirmed": f"{number}", "SubscriptionsPending": "7"}
    assert count(attributes) == ConfirmedSubscribers(number)


@pytest.mark.parametrize("code", ["NotFound", "NotFoundException"])
def test_a_topic_that_is_gone_has_no_subscribers(code: str) -> None:
    assert count(refusal(code)) == ConfirmedSubscribers(0)


@pytest.mark.parametrize("code", ["AuthorizationError", "AccessDenied", "AccessDeniedException"])
def test_without_the_right_the_number_is_not_known(code: str) -> None:
    assert count(refusal(code)) == ConfirmedSubscribers(
        None, f"SNS answers {code}.", is_denied=True
    )


@pytest.mark.parametrize(
    "response",
    [
        refusal("Throttling"),
        refusal("InternalError"),
        EndpointConnectionError(endpoint_url=f"https://{key()}"),
        {},
        {"SubscriptionsConfirmed": ""},
        {"SubscriptionsConfirmed": None},
    ],
    ids=["throttled", "internal", "unreachable", "no number", "empty", "null"],
)
def test_a_failure_is_a_reason_without_anything_secret(response: Any) -> None:  # noqa: ANN401 (whatever SNS answers)
    subscribers = count(response)
    assert (subscribers.number, subscribers.is_denied) == (None, False)
    assert subscribers.why
    assert CORE not in subscribers.why


def test_the_embedded_topic_has_one_subscriber() -> None:
    with EmbeddedAws() as aws:
        topic, sns = aws.environment["TOPIC_ARN"], aws.client("sns")
        assert confirmed_subscribers(sns, topic).number == 1
        aws.count_subscribers(0)
        assert confirmed_subscribers(sns, topic).number == 0
        assert confirmed_subscribers(sns, f"{topic}-gone").number == 0
