"""Sending to SNS: each entry is accepted if SNS accepts it, or else rejected with a reason."""

import json
from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.notifiers.exact_json import for_machines
from balance_watch.notifiers.sns import SnsChannel
from local.aws import CREDENTIALS
from local.loopback import LOOPBACK
from local.stack import REGION
from tests.support.notifications import low

if TYPE_CHECKING:
    from collections.abc import Callable

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alerts"
Json = dict[str, Any]

Client = Any
"""A boto3 client: boto3 makes its classes at run time."""


class FakeSns:
    """A client of SNS that returns these responses, one for each call, or raises them."""

    def __init__(self, *responses: Json | Exception) -> None:
        self.responses, self.calls = list(responses), list[Json]()

    def publish_batch(self, **call: object) -> Json:
        self.calls.append(call)
        response = self.responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response


def successful(*ids: int) -> list[Json]:
    return [{"Id": str(number), "MessageId": "m"} for number in ids]


def send(count: int, *responses: Json | Exception) -> list[SendResult]:
    client: Any = FakeSns(*responses)
    return list(SnsChannel(client, TOPIC).send(many(count), deadline=inf))


def many(count: int) -> list[Notification]:
    return [low(account=f"a{number:02}") for number in range(count)]


def accounts(notifications: tuple[Notification, ...]) -> list[str]:
    return [notification.account for notification in notifications]


def test_entries_that_sns_accepts_are_accepted() -> None:
    (result,) = send(2, {"Successful": successful(0, 1)})
    assert result == SendResult(accepted=tuple(many(2)))


def test_a_failed_entry_is_rejected_and_the_others_are_accepted() -> None:
    failed = {"Id": "1", "Code": "InternalError", "SenderFault": False, "Message": "canary"}
    (result,) = send(3, {"Successful": successful(2, 0), "Failed": [failed]})
    assert accounts(result.accepted) == ["a00", "a02"]
    assert accounts(result.rejected) == ["a01"]
    assert result.why == "SNS answers InternalError."


def test_an_entry_that_sns_does_not_mention_is_rejected() -> None:
    (result,) = send(2, {"Successful": successful(0)})
    assert (accounts(result.rejected), result.why) == (["a01"], "SNS answers nothing.")


def test_all_error_codes_of_a_call_are_reported() -> None:
    failed = [{"Id": "0", "Code": "Throttled"}, {"Id": "1", "Code": "InternalError"}]
    (result,) = send(2, {"Failed": failed})
    assert result.why == "SNS answers InternalError, Throttled."


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ClientError({"Error": {"Code": "NotFound"}}, "PublishBatch"), "SNS answers NotFound."),
        (ClientError({}, "PublishBatch"), "SNS answers an error without a code."),
        (
            EndpointConnectionError(endpoint_url="https://canary"),
            "SNS cannot be reached (EndpointConnectionError).",
        ),
        (
            ReadTimeoutError(endpoint_url="https://canary"),
            "SNS cannot be reached (ReadTimeoutError).",
        ),
    ],
)
def test_a_failed_call_rejects_its_ten_and_the_next_is_made(error: Exception, why: str) -> None:
    first, second = send(11, error, {"Successful": successful(0)})
    assert (len(first.rejected), first.accepted, first.why) == (10, (), why)
    assert accounts(second.accepted) == ["a10"]


def test_a_call_names_the_topic_and_gives_each_entry_an_id() -> None:
    client: Any = FakeSns({"Successful": successful(*range(10))})
    list(SnsChannel(client, TOPIC).send(many(10), deadline=inf))
    (call,) = client.calls
    assert call["TopicArn"] == TOPIC
    assert len({entry["Id"] for entry in call["PublishBatchRequestEntries"]}) == 10


def test_the_gravest_notification_is_in_the_first_call() -> None:
    client: Any = FakeSns({"Successful": successful(*range(10))}, {"Successful": successful(0)})
    infos = [low(account=f"a{number}", severity="info") for number in range(10)]
    sending = SnsChannel(client, TOPIC).send([*infos, low(account="grave")], deadline=inf)
    assert next(sending).accepted[0].account == "grave"


def test_no_call_begins_after_the_deadline() -> None:
    client: Any = FakeSns({"Successful": successful(*range(10))})
    times = iter([0.0, 5.0, 5.0])
    channel = SnsChannel(client, TOPIC, clock=lambda: next(times))
    first, second, third = channel.send(many(21), deadline=5)
    assert (len(first.accepted), len(second.rejected), len(third.rejected)) == (10, 10, 1)
    assert second.why == third.why == "There was no time left to send."
    assert len(client.calls) == 1


def test_each_result_is_yielded_as_soon_as_its_call_is_made() -> None:
    client: Any = FakeSns({"Successful": successful(*range(10))}, {"Successful": successful(0)})
    sending = SnsChannel(client, TOPIC).send(many(11), deadline=inf)
    assert len(next(sending).accepted) == 10
    assert len(client.calls) == 1


def refused(index: int) -> Json:
    return {"Id": str(index), "Code": "InvalidParameter", "SenderFault": True}


def test_a_subject_that_sns_rejects_is_sent_once_more_in_ascii() -> None:
    client: Any = FakeSns(
        {"Successful": successful(0), "Failed": [refused(1)]}, {"Successful": successful(0)}
    )
    notifications = [low(account="a"), low(account="本番")]
    first, second = SnsChannel(client, TOPIC).send(notifications, deadline=inf)
    assert (accounts(first.accepted), first.rejected) == (["a"], ())
    assert (accounts(second.accepted), second.rejected) == (["本番"], ())
    (entry,) = client.calls[1]["PublishBatchRequestEntries"]
    assert entry["Subject"] == "[CRITICAL] ?? is at 8.20 EUR, below 20.00 EUR"
    assert "本番" in entry["Message"]


def test_a_notification_that_sns_rejects_for_good_is_sent_twice_and_then_rejected() -> None:
    client: Any = FakeSns({"Failed": [refused(0)]}, {"Failed": [refused(0)]})
    (result,) = SnsChannel(client, TOPIC).send([low()], deadline=inf)
    assert result == SendResult(rejected=(low(),), why="SNS rejects the content of a message.")
    assert len(client.calls) == 2


def test_without_notifications_nothing_is_sent() -> None:
    assert send(0) == []


@pytest.fixture(scope="module")
def client_of() -> Iterator["Callable[[str], Client]"]:
    server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
    server.start()

    def client(service: str) -> Client:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=f"http://{LOOPBACK}:{server.get_host_and_port()[1]}",
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    yield client
    server.stop()


def test_a_queue_gets_every_notification_of_a_real_topic(
    client_of: "Callable[[str], Client]",
) -> None:
    sns, sqs = client_of("sns"), client_of("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"], Attributes=raw)
    notifications = [low(account=f"sms-é-{number:02}", detail="<&>\n🔴") for number in range(23)]

    results = list(SnsChannel(sns, topic).send(notifications, deadline=inf))

    assert [len(result.accepted) for result in results] == [10, 10, 3]
    received: list[Json] = []
    while batch := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        received += batch
    bodies = [json.loads(message["Body"]) for message in received]
    assert bodies == [for_machines(notification) for notification in notifications]
    attributes = received[0]["MessageAttributes"]
    assert attributes["account"]["StringValue"] == "sms-é-00"
    assert attributes["reason"]["StringValue"] == "fired"


def test_a_topic_that_does_not_exist_rejects_everything(
    client_of: "Callable[[str], Client]",
) -> None:
    missing = TOPIC.replace("alerts", "missing")
    (result,) = SnsChannel(client_of("sns"), missing).send([low()], deadline=inf)
    assert (result.rejected, result.why) == ((low(),), "SNS answers NotFound.")
