"""A real `sam build` and `sam deploy`, and the deployed function, in an emulator of AWS.

ministack (https://github.com/ministackorg/ministack) creates the stack as CloudFormation does, runs
the deployed package as the function's role, and enforces IAM. Where it falls short of AWS, the
template that it gets differs from ours (`emulatable` in tests/support/deployments.py):

- It has no alarm on an expression of metrics: NoRun becomes an alarm on the metric itself.
- It asks for `sns:PublishBatch` and `sqs:SendMessageBatch`, which IAM does not know: a batch needs
  `sns:Publish` or `sqs:SendMessage` (service authorization reference, Amazon SNS and SQS). The
  functions' roles get both.
- It takes the number of workers for text, and then delivers no batch, where CloudFormation makes a
  number of it. The event source mapping gets the number itself.

What it lacks besides, so that nothing here tests it:

- It sends `<aws.scheduler.scheduled-time>` to the function as it stands. The tests invoke the
  function with times of their own.
- It runs the function with this host's Python and its libraries, on this host's processor, whatever
  the runtime and the architecture are.
- It names what a stack makes by the stack's name alone; in AWS a random part follows. So a stack
  that is made again under its name is told of the table that the first one has left.
- It asks neither for the rights on the topic's key nor for the rights of the schedule's role.
- It does not know which keys of a table a request names: a condition on `dynamodb:LeadingKeys`
  holds for every request. tests/usecases/test_rights_of_presses.py compares it with what presses
  name.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.stack import Template
from tests.support.deployed_buttons import DeployedButtons
from tests.support.deployments import Deployment, Project
from tests.support.holdings import holdings
from tests.support.ministack import Account
from tests.support.slack_presses import BOB
from tests.support.watched import Subscriber, Watched

pytestmark = pytest.mark.e2e

SECONDS = 60.0
"""The most that a check takes that nobody waits for."""

POLICY = """[[rules]]
name = "lower than we like"
metric = "balance"
below = "95"
"""


def rebuilt(folder: Path, change: Callable[[Template], None]) -> Project:
    """Returns a built copy of this project with another template."""
    project = Project(folder)
    project.edit(change)
    project.build()
    return project


def reword(template: Template) -> None:
    """Changes every description in a template, or in a part of it."""
    for name, value in template.items():
        if name == "Description" and isinstance(value, str):
            template[name] = f"Reworded: {value}"
        elif isinstance(value, dict):
            reword(value)


def own_the_policy(template: Template) -> None:
    """Makes the policy's parameter a resource of the stack, as release 0.1.0 did."""
    template["Resources"]["Policy"] = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {
            "Name": {"Fn::Sub": "/balance-watch/${AWS::StackName}/policy"},
            "Description": "When an account's balance is an alert and who is told (TOML).",
            "Type": "String",
            "Tier": "Intelligent-Tiering",
            "Value": "# Empty: the built-in policy.\n",
        },
    }


def break_the_last_resource(template: Template) -> None:
    """Adds a resource that cannot be created, once all others are."""
    template["Resources"]["Broken"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"MessageRetentionPeriod": 1},  # the least is 60 seconds
        "DependsOn": list(template["Resources"]),
    }


def test_the_deployed_functions_alert_and_do_what_is_pressed_until_the_account_is_refilled(
    project: Project, account: Account, watched: Watched
) -> None:
    stack = Deployment(project, account)
    stack.deploy(TrustedHosts=watched.trusted_hosts, SlackActions="true")
    queue = Subscriber(account, stack.outputs["TopicArn"])
    watched.put_secrets(account)

    result = stack.check(0)
    assert (result["accounts"], result["read"], result["fired"]) == (1, 1, 0)

    watched.balance = "49"
    assert stack.check(1)["fired"] == 1
    (alert,) = queue.received()
    assert (alert["account"], alert["rule"], alert["reason"]) == ("search", "alert_below", "fired")
    assert (alert["value"], alert["currency"]) == ("49", "USD")
    (message,) = watched.slack_texts()
    assert "below 50" in message

    press_the_buttons(stack, watched)

    assert stack.check(2)["fired"] == 0
    assert (queue.received(), len(watched.slack_texts())) == ([], 1)

    watched.balance = "200"
    assert stack.check(3)["resolved"] == 1
    assert "resolved" in [sent["reason"] for sent in queue.received()]
    assert len(watched.slack_texts()) == 2

    order_a_payment(stack, watched)
    assert watched.slack.rejected == []


def eventually(is_so: Callable[[], bool]) -> bool:
    """Waits for what a function that was begun and not waited for does."""
    deadline = time.monotonic() + SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_so()


def press_the_buttons(stack: Deployment, watched: Watched) -> None:
    """Acknowledges and silences the alert that is shown in Slack, and ends the silence again."""
    (message,) = watched.slack.messages["default"]
    buttons = DeployedButtons(stack, message, watched.slack.response_url("default"))

    assert buttons.press("acknowledge", secret="not what Slack signs with") == 401
    assert stack.command("silence", "list", "--json") == "[]\n"
    assert buttons.press("acknowledge") == 200
    assert buttons.press("silence:4h") == 200
    assert buttons.press("silence:1w", BOB) == 200

    updates = watched.slack.updates["default"]
    told = json.dumps(updates[-1])
    assert (len(updates), told.count("<@U0ANN>"), "<@U0BOB>" in told) == (3, 2, False)
    assert watched.slack.private == []
    (status,) = json.loads(stack.command("status", "--json"))
    assert [it["acknowledged_by"] for it in status["alerts"]] == ["ann"]
    (silence,) = json.loads(stack.command("silence", "list", "--json"))
    assert silence["match"] == {"account": "search", "metric": "balance"}
    stack.command("silence", "end", silence["silence"])


def order_a_payment(stack: Deployment, watched: Watched) -> None:
    """Orders a payment to an account that is low: the check that the press begins makes it."""
    watched.put_payable_account(stack.account)
    assert stack.check(4)["fired"] == 1
    message = watched.slack.messages["default"][-1]
    buttons = DeployedButtons(stack, message, watched.slack.response_url("payment"))

    assert buttons.press("top_up") == 200
    assert buttons.press("top_up", BOB) == 200

    assert eventually(lambda: "a top-up of sms was paid" in watched.slack_texts()[-1])
    assert watched.payments == 1
    assert "top-up ordered by <@U0ANN>" in json.dumps(watched.slack.updates["payment"][-1])


def test_a_deployment_that_rewords_and_tags_all_keeps_the_policy_and_the_history(
    project: Project, tmp_path: Path, account: Account, watched: Watched
) -> None:
    stack = Deployment(project, account)
    stack.deploy(TrustedHosts=watched.trusted_hosts)
    watched.put_secrets(account)
    stack.put_policy(POLICY)
    stack.check(0)

    updated = Deployment(rebuilt(tmp_path, reword), account)
    updated.deploy("--tags", "team=search")

    function = account.client("lambda").get_function(FunctionName=stack.outputs["FunctionName"])
    assert function["Configuration"]["Description"].startswith("Reworded: ")
    assert stack.policy == POLICY
    stack.check(1)
    history = json.loads(stack.command("history", "search", "--json"))
    assert [reading["balance"] for reading in history] == ["90", "90"]


def test_an_update_of_an_earlier_release_keeps_the_policy(
    project: Project, tmp_path: Path, account: Account
) -> None:
    earlier = Deployment(rebuilt(tmp_path, own_the_policy), account)
    earlier.deploy()
    earlier.put_policy(POLICY)

    updated = Deployment(project, account)
    updated.deploy()

    assert updated.policy == POLICY


def test_a_creation_that_fails_leaves_nothing_behind(tmp_path: Path, account: Account) -> None:
    project = rebuilt(tmp_path, break_the_last_resource)
    with pytest.raises(AssertionError, match="ROLLBACK_COMPLETE") as failure:
        Deployment(project, account).deploy()
    assert "History" in str(failure.value), "the creation has failed before it made anything"
    assert holdings(account) == {}


def test_a_stack_that_is_made_again_under_its_name_finds_its_policy(
    project: Project, account: Account
) -> None:
    stack = Deployment(project, account)
    stack.deploy()
    stack.put_policy(POLICY)
    table = stack.outputs["TableName"]
    stack.delete()

    stack.deploy(ExistingTableName=table)

    assert stack.policy == POLICY


def test_a_new_stack_goes_on_with_what_a_deleted_one_has_left(
    project: Project, account: Account, watched: Watched
) -> None:
    deleted = Deployment(project, account)
    deleted.deploy(TrustedHosts=watched.trusted_hosts)
    watched.put_secrets(account)
    deleted.put_policy(POLICY)
    assert deleted.check(0)["fired"] == 1
    left = deleted.outputs

    deleted.delete()

    assert holdings(account) == {
        "tables": [left["TableName"]],
        "logs": [left["LogGroupName"]],
        "parameters": [left["PolicyParameter"]],
    }

    adopting = Deployment(project, account, "adopting")
    adopting.deploy(
        TrustedHosts=watched.trusted_hosts,
        ExistingTableName=left["TableName"],
        ExistingPolicyParameter=left["PolicyParameter"],
    )

    assert adopting.check(1)["fired"] == 0, "the alert goes on, by the policy that has fired it"
    (status,) = json.loads(adopting.command("status", "--json"))
    assert [alert["rule"] for alert in status["alerts"]] == ["lower than we like"]
    history = json.loads(adopting.command("history", "search", "--json"))
    assert [reading["balance"] for reading in history] == ["90", "90"]
    assert [*holdings(account)["tables"], *holdings(account)["parameters"]] == [
        left["TableName"],
        left["PolicyParameter"],
    ]
