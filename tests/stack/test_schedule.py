"""The schedule: its time, its event, and how long a tick is retried."""

import json

import pytest

from tests.support.templates import OURS, ROOT, as_list

FUNCTION = OURS.properties("CheckBalances")
SCHEDULE = OURS.properties("CheckBalancesSchedule")
ASYNC = OURS.properties("CheckBalancesEventInvokeConfig")
PERIODS = OURS.sam["Mappings"]["Schedules"]


def test_a_run_takes_less_than_half_the_shortest_schedule_period() -> None:
    shortest = min(period["Seconds"] for period in PERIODS.values())
    assert FUNCTION["Timeout"] < shortest / 2


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
