"""EventBridge: an event for each alert; a call that succeeds may have refused its event."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from balance_watch.domain.notification import SendResult
from balance_watch.notifiers.channels import KINDS, Connections, fallback_channels
from balance_watch.notifiers.eventbridge import EventsChannel, entry
from balance_watch.notifiers.exact_json import for_machines
from balance_watch.transport import Transport
from tests.support.notifications import NOW, low

Logs = Any
"""A client of CloudWatch Logs."""

GROUP = "/aws/events/alerts"


class FakeClient:
    """Answers each call to PutEvents with the next answer, and keeps the entries."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers, self.entries = list(answers), list[dict[str, Any]]()

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (boto3's own name)
        self.entries += Entries
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


ACCEPTED = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


def failed(code: str) -> dict[str, Any]:
    return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutEvents")


def send(client: FakeClient, *accounts: str, left: float = 30) -> list[SendResult]:
    channel = EventsChannel(client, "default", clock=lambda: 0.0)
    return list(channel.send([low(account=name) for name in accounts], deadline=left))


def test_each_alert_is_a_call_of_its_own() -> None:
    client = FakeClient(ACCEPTED, ACCEPTED)
    results = send(client, "a", "b")
    assert [it.account for result in results for it in result.accepted] == ["a", "b"]
    assert client.entries == [entry(low(account=name), "default") for name in "ab"]


def test_an_event_has_source_type_time_and_the_json_of_the_contract() -> None:
    it = entry(low(), "default")
    assert (it["Source"], it["DetailType"]) == ("balance-watch", "balance-watch alert")
    assert (it["EventBusName"], it["Time"]) == ("default", NOW)
    assert json.loads(it["Detail"]) == for_machines(low())


@pytest.mark.parametrize("answer", [failed("InternalFailure"), failed("ThrottlingException")])
def test_an_event_that_is_refused_in_a_call_that_succeeds_is_tried_again(
    answer: dict[str, Any],
) -> None:
    first, second = send(FakeClient(answer, ACCEPTED), "a", "b")
    assert (len(first.rejected), first.permanent) == (1, False)
    assert first.why == f"EventBridge answers {answer['Entries'][0]['ErrorCode']}."
    assert second.accepted


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
@pytest.mark.parametrize("answer", [failed, refused])
def test_a_missing_right_or_bus_lasts(
    code: str, answer: Callable[[str], dict[str, Any] | Exception]
) -> None:
    (result,) = send(FakeClient(answer(code)), "a")
    assert (result.why, result.permanent) == (f"EventBridge answers {code}.", True)


@pytest.mark.parametrize("answer", [{}, {"FailedEntryCount": 0, "Entries": []}])
def test_an_answer_that_names_no_event_is_no_acceptance(answer: dict[str, Any]) -> None:
    (result,) = send(FakeClient(answer), "a")
    assert (result.why, result.permanent) == ("EventBridge answers nothing.", False)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (refused("ThrottlingException"), "EventBridge answers ThrottlingException."),
        (
            EndpointConnectionError(endpoint_url="x"),
            "EventBridge cannot be reached (EndpointConnectionError).",
        ),
    ],
)
def test_an_error_of_the_call_is_tried_again(error: Exception, why: str) -> None:
    (result,) = send(FakeClient(error), "a")
    assert (result.why, result.permanent) == (why, False)


def test_without_time_left_nothing_is_sent() -> None:
    client = FakeClient()
    (result,) = send(client, "a", left=0)
    assert (result.why, client.entries) == ("There was no time left to send.", [])


def test_nobody_is_known_to_read_events_so_they_replace_no_other_channel() -> None:
    assert "events" not in fallback_channels(KINDS)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Logs]:
    """Sends what balance-watch puts on the default bus of an emulated AWS to a group of logs."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        logs, events = boto3.client("logs"), boto3.client("events")
        logs.create_log_group(logGroupName=GROUP)
        pattern = {"source": ["balance-watch"], "detail": {"severity": ["critical"]}}
        events.put_rule(Name="alerts", EventPattern=json.dumps(pattern))
        arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
        events.put_targets(Rule="alerts", Targets=[{"Id": "1", "Arn": arn}])
        yield logs


def test_a_rule_of_the_default_bus_gets_the_alerts_that_match(logged: Logs) -> None:
    connections = Connections(Transport(), lambda _: boto3.client("events"))
    channel = KINDS["events"].connect("default", connections)
    results = list(channel.send([low(), low(account="b", severity="info")], deadline=10**9))
    assert all(result.accepted for result in results)
    (seen,) = logged.filter_log_events(logGroupName=GROUP)["events"]
    event = json.loads(seen["message"])
    assert (event["source"], event["detail-type"]) == ("balance-watch", "balance-watch alert")
    assert event["detail"] == for_machines(low())
