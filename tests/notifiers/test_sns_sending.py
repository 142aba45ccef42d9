"""SNS: what it took is accepted, entry by entry; all else is refused, with its reason."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.notifiers.sns import SnsChannel, for_machines
from local.aws import CREDENTIALS
from local.loopback import LOOPBACK
from local.stack import REGION
from tests.support.notifications import low

if TYPE_CHECKING:
    from collections.abc import Callable

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alerts"
Json = dict[str, Any]


class Topic:
    """A stand-in for SNS: answers each call as it is told, or raises."""

    def __init__(self, *answers: Json | Exception) -> None:
        self.answers, self.calls = list(answers), list[Json]()

    def publish_batch(self, **call: Any) -> Json:  # noqa: ANN401 (as boto3's)
        self.calls.append(call)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def took(*ids: int) -> list[Json]:
    return [{"Id": str(number), "MessageId": "m"} for number in ids]


def send(count: int, *answers: Json | Exception) -> list[SendResult]:
    client: Any = Topic(*answers)
    return list(SnsChannel(client, TOPIC).send(many(count), deadline=0))


def many(count: int) -> list[Notification]:
    return [low(account=f"a{number:02}") for number in range(count)]


def accounts(its: tuple[Notification, ...]) -> list[str]:
    return [it.account for it in its]


def test_what_sns_took_is_accepted() -> None:
    (sent,) = send(2, {"Successful": took(0, 1)})
    assert sent == SendResult(accepted=tuple(many(2)))


def test_an_entry_that_failed_is_refused_and_the_others_are_accepted() -> None:
    failed = {"Id": "1", "Code": "InternalError", "SenderFault": False, "Message": "canary"}
    (sent,) = send(3, {"Successful": took(2, 0), "Failed": [failed]})
    assert accounts(sent.accepted) == ["a00", "a02"]
    assert accounts(sent.rejected) == ["a01"]
    assert sent.why == "SNS answers InternalError."


def test_an_entry_that_sns_says_nothing_of_is_refused() -> None:
    (sent,) = send(2, {"Successful": took(0)})
    assert (accounts(sent.rejected), sent.why) == (["a01"], "SNS answers nothing.")


def test_all_codes_of_a_call_are_told() -> None:
    failed = [{"Id": "0", "Code": "Throttled"}, {"Id": "1", "Code": "InternalError"}]
    (sent,) = send(2, {"Failed": failed})
    assert sent.why == "SNS answers InternalError, Throttled."


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ClientError({"Error": {"Code": "NotFound"}}, "PublishBatch"), "SNS answers NotFound."),
        (ClientError({}, "PublishBatch"), "SNS answers an error."),
        (
            EndpointConnectionError(endpoint_url="https://canary"),
            "SNS was not reached (EndpointConnectionError).",
        ),
        (
            ReadTimeoutError(endpoint_url="https://canary"),
            "SNS was not reached (ReadTimeoutError).",
        ),
    ],
)
def test_a_call_that_fails_refuses_its_ten_and_the_next_is_made(error: Exception, why: str) -> None:
    first, second = send(11, error, {"Successful": took(0)})
    assert (len(first.rejected), first.accepted, first.why) == (10, (), why)
    assert accounts(second.accepted) == ["a10"]


def test_a_call_names_the_topic_and_gives_each_entry_an_id() -> None:
    client: Any = Topic({"Successful": took(*range(10))})
    list(SnsChannel(client, TOPIC).send(many(10), deadline=0))
    (call,) = client.calls
    assert call["TopicArn"] == TOPIC
    assert len({entry["Id"] for entry in call["PublishBatchRequestEntries"]}) == 10


def test_the_gravest_go_first() -> None:
    client: Any = Topic({"Successful": took(*range(10))}, {"Successful": took(0)})
    infos = [low(account=f"a{number}", severity="info") for number in range(10)]
    sending = SnsChannel(client, TOPIC).send([*infos, low(account="grave")], deadline=0)
    assert next(sending).accepted[0].account == "grave"


def test_each_call_is_told_of_as_soon_as_it_is_made() -> None:
    client: Any = Topic({"Successful": took(*range(10))}, {"Successful": took(0)})
    sending = SnsChannel(client, TOPIC).send(many(11), deadline=0)
    assert len(next(sending).accepted) == 10
    assert len(client.calls) == 1


def test_nothing_to_say_is_not_sent() -> None:
    assert send(0) == []


@pytest.fixture(scope="module")
def client_of() -> Iterator["Callable[[str], Any]"]:
    server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
    server.start()

    def client(service: str) -> Any:  # noqa: ANN401 (boto3 makes clients at run time)
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
    client_of: "Callable[[str], Any]",
) -> None:
    sns, sqs = client_of("sns"), client_of("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"], Attributes=raw)
    said = [low(account=f"sms-é-{number:02}", detail="<&>\n🔴") for number in range(23)]

    sent = list(SnsChannel(sns, topic).send(said, deadline=0))

    assert [len(each.accepted) for each in sent] == [10, 10, 3]
    received: list[Json] = []
    while batch := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        received += batch
    assert [json.loads(each["Body"]) for each in received] == [for_machines(it) for it in said]
    attributes = received[0]["MessageAttributes"]
    assert attributes["account"]["StringValue"] == "sms-é-00"
    assert attributes["reason"]["StringValue"] == "fired"


def test_a_topic_that_is_gone_refuses_everything(client_of: "Callable[[str], Any]") -> None:
    gone = TOPIC.replace("alerts", "gone")
    (sent,) = SnsChannel(client_of("sns"), gone).send([low()], deadline=0)
    assert (sent.rejected, sent.why) == ((low(),), "SNS answers NotFound.")
