"""The doctor looks at every link from the schedule to the ear, and says what to do."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from msgspec.structs import replace

from balance_watch.cli.doctor_looks import LOOKS
from balance_watch.cli.doctor_patient import Line, Patient
from balance_watch.config.settings import CheckSettings
from balance_watch.wiring import Wiring
from local.trouble import KEY_REJECTED
from tests.support.canaries import CORE
from tests.support.doctor_aws import ROLE, FakeAws, denied, stack

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

NOW = datetime.now(UTC).replace(microsecond=0)


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
        "rights",
        "schedule",
        "last run",
        "missed ticks",
        "log",
        "secret balance-watch/accounts",
        "secret balance-watch/slack",
        "policy",
        "accounts",
        "channel sns",
        "channel slack:default",
        "channel slack:oncall",
        "heartbeat",
        "alarm x-RunFailed",
    ]


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        (
            {"describe_stacks": stack("UPDATE_ROLLBACK_COMPLETE")},
            "stack",
            "Deploy again",
        ),
        (
            {"get_function_configuration": {"State": "Failed", "Role": ROLE}},
            "function",
            "Deploy again",
        ),
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
                            "AlarmName": "x-RunFailed",
                            "StateValue": "ALARM",
                            "ActionsEnabled": True,
                            "AlarmDescription": "A check failed.",
                        }
                    ]
                }
            },
            "alarm x-RunFailed",
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


def test_a_fault_is_told_at_its_own_secret_alone(checked: "Stage") -> None:
    checked.aws.put_secret("balance-watch/accounts/more", "{")
    assert bad(checked) == ["secret balance-watch/accounts/more"]


def test_each_part_is_asked_for_once_and_each_secret_is_read_once(checked: "Stage") -> None:
    fake = FakeAws(checked)
    reads = list[str]()

    def client(service: str) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
        made = fake.client(service)
        return Counted(made, reads) if service == "secretsmanager" else made

    wired = Wiring(CheckSettings.from_environment(), make_client=client)
    patient = Patient(wired, "balance-watch", NOW)
    assert [line for look in LOOKS for line in look(patient) if not line.ok] == []
    assert reads == ["batch_get_secret_value"]
    parts = [it for it in fake.calls if it != "simulate_principal_policy"]
    assert len(parts) == len(set(parts))


class Counted:
    """A client of Secrets Manager that notes the reads of values."""

    def __init__(self, client: Any, reads: list[str]) -> None:  # noqa: ANN401 (as above)
        self._client, self._reads = client, reads

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 (as above)
        if "value" in operation:
            self._reads.append(operation)
        return getattr(self._client, operation)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "not configured: nothing outside AWS notices"),
        ({"url": "https://hc-ping.com/x"}, "configured, with a valid address"),
        ({"uri": "https://hc-ping.com/x"}, "its secret is invalid"),
    ],
)
def test_the_heartbeat_is_looked_at(
    checked: "Stage", content: dict[str, Any] | None, words: str
) -> None:
    if content is not None:
        checked.aws.put_secret("balance-watch/heartbeat", content)
    found = lines(checked)["heartbeat"]
    assert (found.ok, words in found.detail) == ("invalid" not in words, True)
    assert "hc-ping" not in str(found)


def test_the_variable_of_the_function_wins_over_the_secret_of_the_heartbeat(
    checked: "Stage",
) -> None:
    function = {"Role": ROLE, "Environment": {"Variables": {"HEARTBEAT_URL": f"https://{CORE}"}}}
    found = lines(checked, get_function_configuration=function)["heartbeat"]
    assert (found.ok, "HEARTBEAT_URL" in found.detail, CORE in str(found)) == (True, True, False)


def written(**line: object) -> str:
    """Returns a line as the function's logger writes it."""
    return json.dumps({"level": "ERROR", "location": "_send:1", **line})


ERRORS = {
    written(
        message="not delivered", channel="slack:oncall", why="Slack answers HTTP 500."
    ): "not delivered (slack:oncall; Slack answers HTTP 500.)",
    written(message="deferred to the next run", accounts=["a", "b"]): (
        'deferred to the next run (["a", "b"])'
    ),
    "[ERROR] RunIncompleteError: The run is incomplete\nTraceback (most recent call last):\n": (
        "[ERROR] RunIncompleteError: The run is incomplete"
    ),
    "2026-11-28T00:00:00Z 8d7 Task timed out after 120.00 seconds\n\n": (
        "2026-11-28T00:00:00Z 8d7 Task timed out after 120.00 seconds"
    ),
}


def events(*messages: str) -> dict[str, Any]:
    at = int(NOW.timestamp() * 1000)
    return {
        "events": [
            {"timestamp": at - 60_000 * number, "message": it} for number, it in enumerate(messages)
        ]
    }


@pytest.mark.parametrize(("message", "text"), ERRORS.items())
def test_the_latest_error_of_the_log_is_told_with_its_number(
    checked: "Stage", message: str, text: str
) -> None:
    pages = [{"events": []}, events(message, written(message="older"))]
    found = lines(checked, filter_log_events=pages)["log"]
    assert not found.ok
    assert found.detail.startswith("2 errors in the last 3 h, the latest at ")
    assert found.detail.endswith(f": {text}")
    assert "aws logs tail x-CheckBalancesLog --since 3h" in found.do


def test_a_line_that_only_mentions_an_error_is_none(checked: "Stage") -> None:
    mentions = (
        json.dumps({"level": "INFO", "message": "run", "rule": "ERROR"}),
        "START RequestId: ERROR",
    )
    found = lines(checked, filter_log_events=events(*mentions))["log"]
    assert (found.ok, found.detail) == (True, "no error in the last 3 h")


def incomplete(stage: "Stage") -> None:
    stage.aws.client("dynamodb").update_item(
        TableName=stage.aws.environment["TABLE_NAME"],
        Key={"pk": {"S": "RUN"}, "sk": {"S": "RUN"}},
        UpdateExpression="SET done = :x",
        ExpressionAttributeValues={":x": {"BOOL": False}},
    )


def test_what_the_log_says_of_a_run_is_not_its_outcome_alone(checked: "Stage") -> None:
    incomplete(checked)
    (outcome,) = (it for it in ERRORS if "RunIncompleteError" in it)
    later = int((NOW + timedelta(hours=2)).timestamp() * 1000)
    found = lines(
        checked,
        filter_log_events={
            "events": [
                {"timestamp": later, "message": outcome},
                {"timestamp": later - 1, "message": written(message="not delivered")},
            ]
        },
    )
    assert found["last run"].do == "The log says: not delivered"


def test_an_error_from_before_a_run_is_not_its_reason(checked: "Stage") -> None:
    incomplete(checked)
    old = {"timestamp": 1000, "message": written(message="not delivered")}
    found = lines(checked, filter_log_events={"events": [old]})
    assert found["last run"].do == "See the log for the reason."


def test_a_log_that_may_not_be_read_leaves_the_last_run_as_it_is(checked: "Stage") -> None:
    incomplete(checked)
    fake = FakeAws(checked, filter_log_events=denied("FilterLogEvents"))
    wired = Wiring(CheckSettings.from_environment(), make_client=fake.client)
    (look,) = (it for it in LOOKS if it.__name__ == "_last_run")
    (line,) = look(Patient(wired, "balance-watch", NOW))
    assert line.do == "See the log for the reason."


def test_a_fault_of_a_secret_is_told_once_with_what_helps_its_kind(checked: "Stage") -> None:
    checked.aws.put_secret("balance-watch/accounts/more", "{")
    checked.aws.put_secret("balance-watch/discord", {"webhooks": {}, "colour": "red"})
    found = lines(checked)
    more, discord = (found[f"secret balance-watch/{it}"] for it in ("accounts/more", "discord"))
    assert more.detail.startswith("is not JSON")
    assert "another secret" in more.do
    assert discord.detail == 'must be a JSON object with the one field "webhooks"'
    assert "accounts" not in discord.do
    channel = found["channel discord:default"]
    assert (channel.ok, "balance-watch/discord" in channel.do) == (False, True)


def test_a_fault_of_the_policy_does_not_repeat_its_place(checked: "Stage") -> None:
    checked.aws.put_policy("[[rules]]\nname = 1\n")
    assert not lines(checked)["policy"].detail.startswith("policy")


def test_a_network_that_is_down_is_told_once_and_asks_for_no_right(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    def client(_: str) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
        return Unreachable()

    del stage
    wired = replace(Wiring(CheckSettings.from_environment()), make_client=client)
    monkeypatch.setattr("balance_watch.cli.doctor.wiring", lambda _: wired)
    found = run("doctor", "--json")
    assert found.code == 1
    (told,) = (it for it in found.json if it["ok"] is False)
    assert (told["check"], told["do"]) == ("stack", "")
    assert "AWS could not be reached" in told["detail"]
    (rest,) = (it for it in found.json if it["ok"] is None)
    assert rest["detail"].startswith("function, rights, schedule, last run")


class Unreachable:
    """A client whose every operation meets no server."""

    def __getattr__(self, _: str) -> Any:  # noqa: ANN401 (as above)
        def operation(*_: object, **__: object) -> None:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9/")

        return operation


def test_the_log_is_read_for_a_whole_period_of_the_schedule(checked: "Stage") -> None:
    asked = list[int]()

    def answer(**words: Any) -> dict[str, Any]:  # noqa: ANN401 (the words of boto3)
        asked.append(words["startTime"])
        return {"events": []}

    changes: dict[str, Any] = {
        "describe_stacks": stack(ScheduleMinutes="1440"),
        "filter_log_events": answer,
    }
    assert lines(checked, **changes)["log"].detail == "no error in the last 1 d"
    assert asked == [int((NOW - timedelta(days=1)).timestamp() * 1000)]


def test_a_log_with_very_many_errors_is_not_read_to_its_end(checked: "Stage") -> None:
    pages = [events(written(message="x"))] * 50
    assert lines(checked, filter_log_events=pages)["log"].detail.startswith("10 errors")


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


def test_the_embedded_stack_is_healthy_and_what_its_emulator_lacks_is_not_checked(
    run: "Run",
) -> None:
    run("check")
    output = run("doctor", "--json")
    found = {row["check"]: row for row in output.json}
    assert (output.code, [row for row in output.json if row["ok"] is False]) == (0, [])
    assert [name for name, row in found.items() if row["ok"] is None] == ["rights"]
    assert found["schedule"]["detail"] == "rate(5 minutes), ENABLED"
    assert sorted(name for name in found if name.startswith("alarm ")) == [
        "alarm balance-watch-no-run",
        "alarm balance-watch-run-failed",
        "alarm balance-watch-tick-missed",
    ]
    assert list(output.json[0]) == ["check", "ok", "detail", "do"]


def test_a_schedule_of_the_embedded_stack_that_is_disabled_is_a_failure(
    stage: "Stage", run: "Run"
) -> None:
    run("check")
    scheduler = stage.aws.client("scheduler")
    name = stage.aws.physical_id("CheckBalancesSchedule")
    found = scheduler.get_schedule(Name=name)
    kept = {key: found[key] for key in ("FlexibleTimeWindow", "ScheduleExpression", "Target")}
    scheduler.update_schedule(Name=name, State="DISABLED", **kept)
    output = run("doctor")
    assert output.code == 1
    assert "!   schedule: rate(5 minutes), DISABLED" in output.out


def test_a_schedule_of_the_embedded_stack_that_is_gone_is_a_failure(
    stage: "Stage", run: "Run"
) -> None:
    run("check")
    name = stage.aws.physical_id("CheckBalancesSchedule")
    stage.aws.client("scheduler").delete_schedule(Name=name)
    output = run("doctor")
    assert output.code == 1
    assert f"!   schedule: {name} is gone: nothing is checked" in output.out


def test_an_alarm_of_the_embedded_stack_that_is_gone_is_a_failure(
    stage: "Stage", run: "Run"
) -> None:
    run("check")
    name = stage.aws.physical_id("NoRun")
    stage.aws.client("cloudwatch").delete_alarms(AlarmNames=[name])
    output = run("doctor")
    assert output.code == 1
    assert f"!   alarm {name}: it is gone" in output.out


def test_what_an_emulator_does_not_know_is_not_checked_and_is_no_failure(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    run("check")
    reply: Any = {"ResponseMetadata": {"HTTPStatusCode": 501}}
    lacks = ClientError(reply, "GetSchedule")
    fake = FakeAws(stage, get_schedule=lacks)
    wired = replace(Wiring(CheckSettings.from_environment()), make_client=fake.client)
    monkeypatch.setattr("balance_watch.cli.doctor.wiring", lambda _: wired)
    output = run("doctor")
    assert output.code == 0
    assert "-   schedule: not checked: the emulator does not know GetSchedule" in output.out


def test_a_missing_right_is_a_line_of_its_own(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    run("check")
    fake = FakeAws(stage, get_schedule=denied("GetSchedule"))
    wired = replace(Wiring(CheckSettings.from_environment()), make_client=fake.client)
    monkeypatch.setattr("balance_watch.cli.doctor.wiring", lambda _: wired)
    output = run("doctor")
    assert output.code == 1
    assert "!   schedule: You may not do GetSchedule." in output.out
    assert "ok  channel slack:default" in output.out
    assert CORE not in output.out + output.err
