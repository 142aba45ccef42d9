"""The schedule: its time, its event, and how long a tick is retried."""

import json

import pytest

from balance_watch.usecases.outbox_step import STORING_SHARE
from tests.support.templates import OURS, ROOT, as_list

SCHEDULE = OURS.properties("CheckBalancesSchedule")
ASYNC = OURS.properties("CheckBalancesEventInvokeConfig")
PERIODS = OURS.sam["Mappings"]["Schedules"]


@pytest.mark.parametrize("minutes", PERIODS)
def test_a_run_ends_before_the_next_tick_and_has_time_for_a_slow_provider(minutes: str) -> None:
    period = PERIODS[minutes]
    # The scheduler invokes within the minute; of one minute, no half would be left to read in.
    assert period["Timeout"] < period["Seconds"] / (2 if int(minutes) > 1 else 1)
    assert period["Timeout"] - 6 > 20 / (1 - STORING_SHARE), "an account may take twenty seconds"


@pytest.mark.parametrize("minutes", PERIODS)
def test_a_batch_comes_back_once_its_worker_has_ended(minutes: str) -> None:
    assert PERIODS[minutes]["Hidden"] > PERIODS[minutes]["Timeout"]


@pytest.mark.parametrize("function", ["CheckBalances", "CheckAccounts"])
def test_a_check_and_a_worker_have_the_time_that_the_schedule_leaves(function: str) -> None:
    of_schedule = ["Schedules", {"Ref": "ScheduleMinutes"}]
    assert OURS.properties(function)["Timeout"] == {"Fn::FindInMap": [*of_schedule, "Timeout"]}
    hidden = OURS.properties("Batches")["VisibilityTimeout"]
    assert hidden == {"Fn::FindInMap": [*of_schedule, "Hidden"]}


def test_a_rate_of_one_is_singular() -> None:
    condition, one, several = SCHEDULE["ScheduleExpression"]["Fn::If"]
    assert OURS.sam["Conditions"][condition] == {"Fn::Equals": [{"Ref": "ScheduleMinutes"}, "1"]}
    assert (one, several["Fn::Sub"]) == ("rate(1 minute)", "rate(${ScheduleMinutes} minutes)")


def test_the_schedule_passes_its_own_time() -> None:
    assert json.loads(SCHEDULE["Target"]["Input"]) == {
        "scheduled_time": "<aws.scheduler.scheduled-time>"
    }


def test_the_event_files_have_the_form_of_real_events() -> None:
    scheduled = json.loads((ROOT / "events" / "scheduled_check.json").read_text())
    rule = json.loads((ROOT / "events" / "eventbridge_rule.json").read_text())
    assert set(scheduled) == set(json.loads(SCHEDULE["Target"]["Input"]))
    assert (rule["source"], rule["detail-type"]) == ("aws.events", "Scheduled Event")
    assert rule["time"] == scheduled["scheduled_time"]


def test_an_undeliverable_tick_is_retried_and_then_kept() -> None:
    target = SCHEDULE["Target"]
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["MissedTicks", "Arn"]}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_every_allowed_schedule_is_in_the_mapping_with_its_length() -> None:
    assert list(PERIODS) == OURS.sam["Parameters"]["ScheduleMinutes"]["AllowedValues"]
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
    assert ASYNC["MaximumEventAgeInSeconds"] == age


def test_the_schedule_may_invoke_the_check_and_keep_undelivered_ticks_alone() -> None:
    assert {
        (as_list(statement["Action"])[0], statement["Resource"]["Fn::GetAtt"][0])
        for statement in OURS.statements("SchedulerRole")
    } == {("lambda:InvokeFunction", "CheckBalances"), ("sqs:SendMessage", "MissedTicks")}
