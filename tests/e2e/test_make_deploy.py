"""`make deploy` and `make undeploy`, in the emulator that tests/e2e/test_deploy.py describes."""

from pathlib import Path

import pytest

from tests.support.deployments import Deployment, Project
from tests.support.holdings import holdings
from tests.support.ministack import Account

pytestmark = pytest.mark.e2e

STACK = ("STACK=watch", "REGION=eu-central-1")


def test_make_deploys_without_a_question_keeps_what_it_is_not_told_and_undeploys(
    tmp_path: Path, account: Account
) -> None:
    project = Project(tmp_path)
    stack = Deployment(project, account, "watch")

    told = ("EMAIL=ops@example.com", "PARAMETERS=ScheduleMinutes=15 HistoryDays=90")
    project.run(account, "make", "deploy", *STACK, *told)

    assert stack.check(0)["accounts"] == 0
    assert subscribers(stack) == [("email", "ops@example.com")]
    assert how_often(account) == "rate(15 minutes)"

    project.run(account, "make", "deploy", *STACK, "PARAMETERS=HistoryDays=30")

    assert subscribers(stack) == [("email", "ops@example.com")]
    assert how_often(account) == "rate(15 minutes)"

    stack.put_policy("# Empty.\n")
    before = stack.outputs
    kept = [before[output] for output in ("TableName", "LogGroupName", "PolicyParameter")]
    shown = project.run(account, "make", "undeploy", *STACK)

    assert [name for name in kept if name not in shown] == []
    assert sorted(name for names in holdings(account).values() for name in names) == sorted(kept)


def subscribers(stack: Deployment) -> list[tuple[str, str]]:
    sns = stack.account.client("sns")
    listed = sns.list_subscriptions_by_topic(TopicArn=stack.outputs["TopicArn"])["Subscriptions"]
    return [(it["Protocol"], it["Endpoint"]) for it in listed]


def how_often(account: Account) -> str:
    scheduler = account.client("scheduler")
    (schedule,) = scheduler.list_schedules()["Schedules"]
    expression: str = scheduler.get_schedule(Name=schedule["Name"])["ScheduleExpression"]
    return expression
