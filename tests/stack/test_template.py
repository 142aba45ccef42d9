"""What template.yaml promises to whoever deploys it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from tests.support.transformed import transformed

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"

SAM: dict[str, Any] = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
PARAMETERS: dict[str, dict[str, Any]] = SAM["Parameters"]
STACK = transformed(TEMPLATE)
RESOURCES: dict[str, dict[str, Any]] = STACK["Resources"]
FUNCTION = RESOURCES["CheckBalances"]["Properties"]
SCHEDULE = RESOURCES["CheckBalancesSchedule"]["Properties"]
ASYNC = RESOURCES["CheckBalancesEventInvokeConfig"]["Properties"]
PERIODS = SAM["Mappings"]["Schedules"]

ENVIRONMENT = {
    "TABLE_NAME",
    "TOPIC_ARN",
    "SECRETS_PREFIX",
    "POLICY_PARAMETER",
    "LOG_LEVEL",
    "HEARTBEAT_URL",
    "TRUSTED_HOSTS",
    "HISTORY_DAYS",
    "AWS_ENDPOINT_URL",
}

# Actions for which IAM knows no resource, with where AWS says so.
ANY_RESOURCE = {
    "secretsmanager:BatchGetSecretValue": "service authorization reference, Secrets Manager",
    "secretsmanager:ListSecrets": "service authorization reference, Secrets Manager",
}

DAY = 86_400
WEEK = 7 * DAY


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in RESOURCES.items()
        if resource["Type"] == kind
    }


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 (a template's value)
    return value if isinstance(value, list) else [value]


def statements(role: str) -> list[dict[str, Any]]:
    """Returns a role's statements, both branches of every !If."""
    found: list[dict[str, Any]] = []
    for policy in RESOURCES[role]["Properties"]["Policies"]:
        for one in policy["PolicyDocument"]["Statement"]:
            branches = one["Fn::If"][1:] if "Fn::If" in one else [one]
            found += [branch for branch in branches if "Sid" in branch]
    return found


ROLES = sorted(of_type("AWS::IAM::Role"))
STATEMENTS = [
    pytest.param(one, id=f"{role}.{one['Sid']}") for role in ROLES for one in statements(role)
]


def accepts(parameter: str, value: str) -> bool:
    """Tells whether CloudFormation takes the value; a pattern has to match all of it."""
    return re.fullmatch(PARAMETERS[parameter]["AllowedPattern"], value) is not None


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_described_has_a_default_and_takes_no_nonsense(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["Description"]
    assert "Default" in parameter
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
    if "AllowedPattern" in parameter:
        assert parameter["ConstraintDescription"]
        assert accepts(name, parameter["Default"])


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_asked_for_in_a_labelled_group(name: str) -> None:
    groups = SAM["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert name in [each for group in groups for each in group["Parameters"]]


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("SecretsPrefix", ["balance-watch/", "team_a/prod."], ["", "/", "*", "a b/", "prod*"]),
        ("AlertEmail", ["", "ops@example.com"], ["ops", "a@b", "a b@example.com"]),
        ("HeartbeatUrl", ["", "https://hc.example.com/x"], ["http://example.com", "https://a b"]),
        ("TrustedHosts", ["", "gateway:8080", "10.0.0.1:80,b:443"], ["gateway", "a:1, b:2", ","]),
        (
            "SecretsKeyArn",
            ["", "arn:aws:kms:eu-central-1:123456789012:key/1234-abcd"],
            ["*", "alias/mine", "arn:aws:kms:eu-central-1:123456789012:alias/mine"],
        ),
    ],
)
def test_patterns_take_the_good_and_refuse_the_bad(
    parameter: str, good: list[str], bad: list[str]
) -> None:
    assert [value for value in good if not accepts(parameter, value)] == []
    assert [value for value in bad if accepts(parameter, value)] == []


def test_the_heartbeat_url_is_never_shown() -> None:
    assert PARAMETERS["HeartbeatUrl"]["NoEcho"] is True
    assert "HeartbeatUrl" not in json.dumps(STACK["Outputs"])


def test_the_function_is_what_the_contract_says() -> None:
    assert FUNCTION["Runtime"] == "python3.13"
    assert FUNCTION["Handler"] == "balance_watch.handlers.check_balances.handler"
    assert PARAMETERS["Architecture"]["Default"] == "arm64"
    assert PARAMETERS["Architecture"]["AllowedValues"] == ["arm64", "x86_64"]


def test_the_package_is_built_for_the_functions_runtime() -> None:
    makefile = (ROOT / "functions" / "Makefile").read_text(encoding="utf-8")
    built_for = re.search(r"^PYTHON_VERSION \?= (\S+)$", makefile, re.MULTILINE)
    assert built_for is not None
    assert FUNCTION["Runtime"] == f"python{built_for[1]}"


def test_every_variable_of_the_contract_is_declared() -> None:
    assert set(FUNCTION["Environment"]["Variables"]) >= ENVIRONMENT


def test_the_endpoint_is_aws_itself_unless_overridden() -> None:
    assert FUNCTION["Environment"]["Variables"]["AWS_ENDPOINT_URL"] == ""


def test_variables_come_from_the_stacks_own_resources_and_parameters() -> None:
    variables = FUNCTION["Environment"]["Variables"]
    referenced = {name: value["Ref"] for name, value in variables.items() if "Ref" in value}
    assert referenced == {
        "TABLE_NAME": "History",
        "TOPIC_ARN": "Alerts",
        "POLICY_PARAMETER": "Policy",
        "SECRETS_PREFIX": "SecretsPrefix",
        "HISTORY_DAYS": "HistoryDays",
        "LOG_LEVEL": "LogLevel",
        "HEARTBEAT_URL": "HeartbeatUrl",
        "TRUSTED_HOSTS": "TrustedHosts",
    }


def test_no_concurrency_is_reserved_since_a_new_accounts_quota_refuses_it() -> None:
    assert "ReservedConcurrentExecutions" not in FUNCTION


def test_a_run_takes_less_than_half_the_shortest_schedule_period() -> None:
    shortest = min(period["Seconds"] for period in PERIODS.values())
    assert FUNCTION["Timeout"] < shortest / 2


def test_the_schedule_passes_its_own_time() -> None:
    assert json.loads(SCHEDULE["Target"]["Input"]) == {
        "scheduled_time": "<aws.scheduler.scheduled-time>"
    }


def test_the_event_files_are_what_the_function_takes() -> None:
    scheduled = json.loads((ROOT / "events" / "scheduled_check.json").read_text())
    rule = json.loads((ROOT / "events" / "eventbridge_rule.json").read_text())
    assert set(scheduled) == set(json.loads(SCHEDULE["Target"]["Input"]))
    assert (rule["source"], rule["detail-type"]) == ("aws.events", "Scheduled Event")
    assert rule["time"] == scheduled["scheduled_time"]


def test_an_undeliverable_tick_is_retried_and_then_kept() -> None:
    target = SCHEDULE["Target"]
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["MissedTicks", "Arn"]}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_two_stacks_can_be_in_one_account() -> None:
    names = ("Name", "TableName", "TopicName", "QueueName", "RoleName", "FunctionName", "AlarmName")
    fixed = {
        f"{resource}.{name}": properties[name]
        for resource, one in RESOURCES.items()
        for properties in [one["Properties"]]
        for name in names
        if name in properties and one["Type"] != "AWS::Lambda::EventInvokeConfig"
    }
    assert [name for name, value in fixed.items() if "AWS::StackName" not in str(value)] == []


def test_every_schedule_that_is_allowed_is_in_the_mapping_with_its_length() -> None:
    assert list(PERIODS) == PARAMETERS["ScheduleMinutes"]["AllowedValues"]
    assert {minutes: 60 * int(minutes) for minutes in PERIODS} == {
        minutes: period["Seconds"] for minutes, period in PERIODS.items()
    }


@pytest.mark.parametrize("minutes", PERIODS)
def test_a_tick_is_retried_no_longer_than_until_the_next_and_within_aws_limits(
    minutes: str,
) -> None:
    # 60 s to 6 h for Lambda's retries, to 24 h for the scheduler's; the stricter one.
    assert 60 <= PERIODS[minutes]["TickAge"] <= min(PERIODS[minutes]["Seconds"], 21_600)
    age = {"Fn::FindInMap": ["Schedules", {"Ref": "ScheduleMinutes"}, "TickAge"]}
    assert SCHEDULE["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == age
    # SAM has put the default in place of the reference here.
    default = PARAMETERS["ScheduleMinutes"]["Default"]
    assert ASYNC["MaximumEventAgeInSeconds"] == {"Fn::FindInMap": ["Schedules", default, "TickAge"]}


@pytest.mark.parametrize("minutes", PERIODS)
def test_the_no_run_alarm_covers_three_schedule_periods_within_cloudwatchs_limits(
    minutes: str,
) -> None:
    alarm = RESOURCES["NoRun"]["Properties"]
    (metric,) = [each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert metric["Period"] == {
        "Fn::FindInMap": ["Schedules", {"Ref": "ScheduleMinutes"}, "Seconds"]
    }
    assert alarm["EvaluationPeriods"] == 3
    seconds = PERIODS[minutes]["Seconds"]
    assert seconds % 60 == 0
    assert seconds * alarm["EvaluationPeriods"] <= (DAY if seconds < 3600 else WEEK)


def test_silence_breaches_the_no_run_alarm() -> None:
    alarm = RESOURCES["NoRun"]["Properties"]
    assert alarm["TreatMissingData"] == "breaching"
    assert "FILL(invocations, 0)" in [each.get("Expression") for each in alarm["Metrics"]]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


@pytest.mark.parametrize(
    ("alarm", "namespace", "metric"),
    [
        ("RunFailed", "AWS/Lambda", "Errors"),
        ("TickMissed", "AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ],
)
def test_one_failure_is_enough_for_an_alarm(alarm: str, namespace: str, metric: str) -> None:
    properties = RESOURCES[alarm]["Properties"]
    assert (properties["Namespace"], properties["MetricName"]) == (namespace, metric)
    assert properties["Threshold"] == 1
    assert properties["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert properties["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("alarm", of_type("AWS::CloudWatch::Alarm"))
def test_every_alarm_tells_the_topic_when_it_begins_and_when_it_ends(alarm: str) -> None:
    properties = RESOURCES[alarm]["Properties"]
    assert properties["AlarmActions"] == properties["OKActions"] == [{"Ref": "Alerts"}]
    assert properties["AlarmName"]["Fn::Sub"].startswith("${AWS::StackName}-")


@pytest.mark.parametrize("alarm", of_type("AWS::CloudWatch::Alarm"))
def test_alarms_watch_aws_own_metrics_which_are_free(alarm: str) -> None:
    properties = RESOURCES[alarm]["Properties"]
    namespaces = {properties.get("Namespace")} | {
        each["MetricStat"]["Metric"]["Namespace"]
        for each in properties.get("Metrics", [])
        if "MetricStat" in each
    }
    assert namespaces - {None} <= {"AWS/Lambda", "AWS/SQS"}


def test_history_is_kept_encrypted_and_outlives_the_stack() -> None:
    table = RESOURCES["History"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["TimeToLiveSpecification"] == {
        "AttributeName": "expires_at",
        "Enabled": True,
    }
    assert [key["AttributeName"] for key in properties["KeySchema"]] == ["pk", "sk"]


def test_the_initial_policy_is_a_comment_since_a_value_can_not_be_empty() -> None:
    lines = RESOURCES["Policy"]["Properties"]["Value"].splitlines()
    assert lines
    assert all(line.startswith("#") for line in lines)


def test_the_topic_is_encrypted_with_a_key_that_alarms_may_use() -> None:
    assert RESOURCES["Alerts"]["Properties"]["KmsMasterKeyId"] == {
        "Fn::GetAtt": ["AlertsKey", "Arn"]
    }
    grants = RESOURCES["AlertsKey"]["Properties"]["KeyPolicy"]["Statement"]
    (grant,) = [
        one for one in grants if one["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert set(grant["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert grant["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_only_this_stacks_alarms_may_publish_besides_the_function() -> None:
    (publish,) = RESOURCES["AlertsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    source = publish["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(":alarm:${AWS::StackName}-*")


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_permission_names_its_actions(statement: dict[str, Any]) -> None:
    assert [action for action in as_list(statement["Action"]) if "*" in action] == []


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_permission_is_for_its_resource_where_iam_knows_one(
    statement: dict[str, Any],
) -> None:
    if "*" in as_list(statement["Resource"]):
        assert set(as_list(statement["Action"])) <= set(ANY_RESOURCE)
    else:
        assert not set(as_list(statement["Action"])) & set(ANY_RESOURCE)


@pytest.mark.parametrize("role", ROLES)
def test_roles_have_no_managed_policies_which_are_for_every_resource(role: str) -> None:
    assert "ManagedPolicyArns" not in RESOURCES[role]["Properties"]


def test_secret_values_are_read_under_the_prefix_only() -> None:
    (read,) = [
        one
        for one in statements("CheckBalancesRole")
        if "secretsmanager:GetSecretValue" in as_list(one["Action"])
    ]
    assert read["Resource"]["Fn::Sub"].endswith(":secret:${SecretsPrefix}*")


def test_the_schedule_may_invoke_the_function_and_keep_what_it_could_not_deliver() -> None:
    assert {
        (as_list(one["Action"])[0], one["Resource"]["Fn::GetAtt"][0])
        for one in statements("SchedulerRole")
    } == {("lambda:InvokeFunction", "CheckBalances"), ("sqs:SendMessage", "MissedTicks")}


def test_every_suppressed_check_has_its_reason_beside_it() -> None:
    skips = [
        skip
        for resource in SAM["Resources"].values()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skips
    assert [skip["id"] for skip in skips if len(skip.get("comment", "")) < 40] == []


@pytest.mark.parametrize("output", STACK["Outputs"])
def test_every_output_says_what_it_is_for(output: str) -> None:
    assert STACK["Outputs"][output]["Description"]


def test_an_operator_finds_everything_in_the_outputs() -> None:
    assert set(STACK["Outputs"]) >= {
        "FunctionName",
        "TableName",
        "TopicArn",
        "PolicyParameter",
        "SecretsPrefix",
        "LogGroupName",
        "MissedTicksUrl",
    }
