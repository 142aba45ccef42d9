"""The alarms, and the topic that they publish to."""

import json

import pytest

from tests.support.templates import OURS

PERIODS = OURS.sam["Mappings"]["Schedules"]

DAY = 86_400
WEEK = 7 * DAY


@pytest.mark.parametrize("minutes", PERIODS)
def test_the_no_run_alarm_covers_three_schedule_periods_and_five_minutes(
    minutes: str,
) -> None:
    alarm = OURS.properties("NoRun")
    (metric,) = [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    assert metric["Period"] == {
        "Fn::FindInMap": ["Schedules", {"Ref": "ScheduleMinutes"}, "Seconds"]
    }
    assert alarm["EvaluationPeriods"] == {
        "Fn::FindInMap": ["Schedules", {"Ref": "ScheduleMinutes"}, "Missed"]
    }
    seconds, missed = PERIODS[minutes]["Seconds"], PERIODS[minutes]["Missed"]
    assert seconds % 60 == 0
    # Lambda's metrics may be late by some minutes, and FILL makes a zero of what is not there yet.
    assert missed == max(3, -(-300 // seconds))
    assert seconds * missed <= (DAY if seconds < 3600 else WEEK), "CloudWatch's limits"


def test_missing_data_breaches_the_no_run_alarm() -> None:
    alarm = OURS.properties("NoRun")
    assert alarm["TreatMissingData"] == "breaching"
    assert "FILL(invocations, 0)" in [metric.get("Expression") for metric in alarm["Metrics"]]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


@pytest.mark.parametrize(
    ("alarm", "namespace", "metric"),
    [
        ("RunFailed", "AWS/Lambda", "Errors"),
        ("TickMissed", "AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ],
)
def test_one_failure_is_enough_for_an_alarm(alarm: str, namespace: str, metric: str) -> None:
    properties = OURS.properties(alarm)
    assert (properties["Namespace"], properties["MetricName"]) == (namespace, metric)
    assert properties["Threshold"] == 1
    assert properties["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert properties["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("alarm", OURS.of_type("AWS::CloudWatch::Alarm"))
def test_every_alarm_notifies_the_topic_when_it_begins_and_when_it_ends(alarm: str) -> None:
    properties = OURS.properties(alarm)
    assert properties["AlarmActions"] == properties["OKActions"] == [{"Ref": "Alerts"}]
    assert properties["AlarmName"]["Fn::Sub"].startswith("${AWS::StackName}-")


@pytest.mark.parametrize("alarm", OURS.of_type("AWS::CloudWatch::Alarm"))
def test_alarms_watch_aws_own_metrics_which_are_free(alarm: str) -> None:
    properties = OURS.properties(alarm)
    namespaces = {properties.get("Namespace")} | {
        metric["MetricStat"]["Metric"]["Namespace"]
        for metric in properties.get("Metrics", [])
        if "MetricStat" in metric
    }
    assert namespaces - {None} <= {"AWS/Lambda", "AWS/SQS"}


def test_the_topic_is_encrypted_with_a_key_that_alarms_may_use() -> None:
    assert OURS.properties("Alerts")["KmsMasterKeyId"] == {"Fn::GetAtt": ["AlertsKey", "Arn"]}
    grants = OURS.properties("AlertsKey")["KeyPolicy"]["Statement"]
    (grant,) = [
        grant for grant in grants if grant["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert set(grant["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert grant["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_besides_the_function_only_this_stacks_alarms_may_publish() -> None:
    (publish,) = OURS.properties("AlertsPolicy")["PolicyDocument"]["Statement"]
    assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    source = publish["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(":alarm:${AWS::StackName}-*")


def test_the_dashboard_shows_every_alarm_and_the_report() -> None:
    properties = OURS.properties("BalancesDashboard")
    address = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "1" * 12}
    text = properties["DashboardBody"]["Fn::Sub"]
    for name, value in {**address, "AWS::StackName": "bw", "ShowReport.Arn": "arn:report"}.items():
        text = text.replace(f"${{{name}}}", value)
    alarms, report = json.loads(text)["widgets"]
    named = {
        OURS.properties(name)["AlarmName"]["Fn::Sub"].replace("${AWS::StackName}", "bw")
        for name in OURS.of_type("AWS::CloudWatch::Alarm")
        if "Condition" not in OURS.resources[name]
    }
    assert {arn.rpartition(":")[2] for arn in alarms["properties"]["alarms"]} == named
    assert report["type"] == "custom"
    assert report["properties"]["endpoint"] == "arn:report"
    assert report["properties"]["updateOn"]["timeRange"] is True
