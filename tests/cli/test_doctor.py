"""The doctor looks at every link from the schedule to the ear, and says what to do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from balance_watch.cli.doctor_looks import LOOKS, Line, Patient
from balance_watch.config.settings import CheckSettings
from balance_watch.wiring import Wiring
from local.trouble import KEY_REJECTED
from tests.support.canaries import CORE

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

NOW = datetime.now(UTC).replace(microsecond=0)
KINDS = {
    "CheckBalances": "AWS::Lambda::Function",
    "Schedule": "AWS::Scheduler::Schedule",
    "MissedTicks": "AWS::SQS::Queue",
    "RunFailed": "AWS::CloudWatch::Alarm",
}


class FakeAws:
    """Answers as the API references of the services that the embedded stack lacks."""

    def __init__(self, stage: "Stage", **changes: Any) -> None:  # noqa: ANN401 (any answer)
        self._stage = stage
        self.answers: dict[str, Any] = {
            "describe_stacks": {
                "Stacks": [
                    {
                        "StackStatus": "UPDATE_COMPLETE",
                        "Parameters": [{"ParameterKey": "ScheduleMinutes", "ParameterValue": "5"}],
                    }
                ]
            },
            "get_function_configuration": {"State": "Active", "LastUpdateStatus": "Successful"},
            "get_schedule": {"State": "ENABLED", "ScheduleExpression": "rate(5 minutes)"},
            "get_queue_attributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}},
            "describe_alarms": {
                "MetricAlarms": [
                    {"AlarmName": "run-failed", "StateValue": "OK", "ActionsEnabled": True}
                ]
            },
            **changes,
        }

    def client(self, service: str) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
        if service in ("dynamodb", "secretsmanager", "ssm", "sns"):
            return self._stage.aws.client(service)
        return self

    def get_paginator(self, _: str) -> Any:  # noqa: ANN401 (a paginator of boto3)
        summaries = [
            {"ResourceType": kind, "LogicalResourceId": name, "PhysicalResourceId": f"x-{name}"}
            for name, kind in KINDS.items()
        ]
        return _Pages([{"StackResourceSummaries": summaries}])

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        answer = self.answers[operation]

        def call(**_: object) -> Any:  # noqa: ANN401 (any answer)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class _Pages:
    def __init__(self, pages: list[Any]) -> None:
        self._pages = pages

    def paginate(self, **_: object) -> list[Any]:
        return self._pages


def lines(stage: "Stage", now: datetime = NOW, **changes: object) -> dict[str, Line]:
    """Returns what is found, by what was looked at; the last one of several."""
    fake = FakeAws(stage, **changes)
    wired = Wiring(CheckSettings.from_environment(), make_client=fake.client)
    patient = Patient(wired, "balance-watch", now)
    return {line.check: line for look in LOOKS for line in look(patient)}


def bad(stage: "Stage", **changes: Any) -> list[str]:  # noqa: ANN401 (any answer)
    return [name for name, line in lines(stage, **changes).items() if not line.ok]


@pytest.fixture
def checked(stage: "Stage", run: "Run") -> "Stage":
    assert run("check").code == 0
    return stage


def test_a_healthy_stack_has_nothing_but_ok(checked: "Stage") -> None:
    found = lines(checked)
    assert [line for line in found.values() if not line.ok] == []
    assert list(found) == [
        "stack",
        "function",
        "schedule",
        "last run",
        "missed ticks",
        "secret balance-watch/accounts",
        "secret balance-watch/slack",
        "policy",
        "accounts",
        "channel sns",
        "channel slack:default",
        "channel slack:oncall",
        "alarm run-failed",
    ]


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        (
            {"describe_stacks": {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_COMPLETE"}]}},
            "stack",
            "Deploy again",
        ),
        ({"get_function_configuration": {"State": "Failed"}}, "function", "Deploy again"),
        (
            {"get_schedule": {"State": "DISABLED", "ScheduleExpression": "rate(5 minutes)"}},
            "schedule",
            "Turn it on",
        ),
        (
            {"get_queue_attributes": {"Attributes": {"ApproximateNumberOfMessages": "3"}}},
            "missed ticks",
            "docs/operations.md",
        ),
        (
            {
                "describe_alarms": {
                    "MetricAlarms": [
                        {
                            "AlarmName": "run-failed",
                            "StateValue": "ALARM",
                            "ActionsEnabled": True,
                            "AlarmDescription": "A check failed.",
                        }
                    ]
                }
            },
            "alarm run-failed",
            "A check failed.",
        ),
    ],
)
def test_what_is_wrong_outside_the_table_says_what_to_do(
    checked: "Stage", changes: dict[str, Any], check: str, words: str
) -> None:
    found = lines(checked, **changes)
    assert [name for name, line in found.items() if not line.ok] == [check]
    assert words in found[check].do


def test_a_schedule_that_stopped_is_seen_by_the_latest_run(checked: "Stage") -> None:
    found = lines(checked, NOW + timedelta(hours=1))["last run"]
    assert (found.ok, "it is late" in found.detail) == (False, True)


def test_without_a_run_it_says_so(stage: "Stage") -> None:
    assert bad(stage) == ["last run", "accounts"]


def test_a_run_that_died_is_seen(checked: "Stage") -> None:
    client = checked.aws.client("dynamodb")
    client.update_item(
        TableName=checked.aws.environment["TABLE_NAME"],
        Key={"pk": {"S": "RUN"}, "sk": {"S": "RUN"}},
        UpdateExpression="SET lease = :x, lease_until = :y",
        ExpressionAttributeValues={":x": {"S": "dead"}, ":y": {"N": "1"}},
    )
    assert "ended before its time" in lines(checked)["last run"].detail


def test_an_account_that_cannot_be_read_is_named(stage: "Stage", run: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    run("check")
    assert lines(stage)["accounts"].detail == "cannot be read: search"


def test_a_fault_of_a_secret_is_told_at_the_secret(checked: "Stage") -> None:
    checked.aws.put_secret("balance-watch/accounts/more", "{")
    checked.aws.put_secret("balance-watch/accounts-eu", "{}")
    found = lines(checked)
    assert "is not JSON" in found["secret balance-watch/accounts/more"].detail
    assert "its name means nothing" in found["secret balance-watch/accounts-eu"].detail


def test_a_secret_that_is_nearly_full_is_told(checked: "Stage") -> None:
    entry = checked.entry("search", "you", labels={})
    checked.accounts(entry, *(replace_name(entry, number) for number in range(330)))
    found = lines(checked)["secret balance-watch/accounts"]
    assert (found.ok, "of 65,536 bytes" in found.detail) == (False, True)


def replace_name(entry: dict[str, Any], number: int) -> dict[str, Any]:
    return {**entry, "name": f"an account with quite a long name, number {number:05}"}


def test_a_fault_of_the_policy_is_told(checked: "Stage") -> None:
    checked.aws.put_policy("[[rules]]\nbelow = 1\n")
    assert "policy" in bad(checked)


def test_where_nobody_hears_it_says_so(checked: "Stage") -> None:
    checked.aws.count_subscribers(0)
    assert bad(checked) == []
    checked.aws.put_secret("balance-watch/slack", {"webhooks": {}})
    assert "channels" in bad(checked)


def test_what_may_not_be_looked_at_is_named_and_the_rest_is_looked_at(run: "Run") -> None:
    run("check")
    output = run("doctor", "--json")
    assert output.code == 1
    found = {row["check"]: row for row in output.json}
    assert found["schedule"]["do"] == "Deploy again.", "the embedded stack has none"
    assert found["policy"]["ok"] is True
    assert list(output.json[0]) == ["check", "ok", "detail", "do"]


def test_a_missing_right_is_a_line_of_its_own(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    run("check")
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "x"}}, "GetSchedule")
    fake = FakeAws(stage, get_schedule=denied)
    wired = replace(Wiring(CheckSettings.from_environment()), make_client=fake.client)
    monkeypatch.setattr("balance_watch.cli.doctor.wiring", lambda _: wired)
    output = run("doctor")
    assert output.code == 1
    assert "!   schedule: You may not do GetSchedule." in output.out
    assert "ok  channel slack:default" in output.out
    assert CORE not in output.out + output.err
