"""A real `sam build` and `sam deploy`, and the deployed function, in an emulator of AWS.

ministack (https://github.com/ministackorg/ministack) creates the stack as CloudFormation does, runs
the deployed package as the function's role, and enforces IAM. Where it falls short of AWS, the
template that it gets differs from ours (`emulatable` in tests/support/deployments.py):

- It has no alarm on an expression of metrics: NoRun becomes an alarm on the metric itself.
- It asks for `sns:PublishBatch`, which IAM does not know: a batch needs `sns:Publish`
  (service authorization reference, Amazon SNS). The function's role gets both.

What it lacks besides, so that nothing here tests it:

- It sends `<aws.scheduler.scheduled-time>` to the function as it stands. The tests invoke the
  function with times of their own.
- It runs the function with this host's Python and its libraries, on this host's processor, whatever
  the runtime and the architecture are.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.deployments import STACK, Project
from tests.support.ministack import Account
from tests.support.watched import Subscriber, Watched

pytestmark = pytest.mark.e2e

FIRST = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""The time of the first check. A check of the future is refused."""


@pytest.fixture
def watched() -> Iterator[Watched]:
    with Watched(balance="90") as watched:
        yield watched


def check(aws: Account, number: int) -> dict[str, int]:
    """Has the deployed function check all balances, for the tick of that number."""
    tick = FIRST + number * timedelta(minutes=5)
    result: dict[str, int] = aws.invoke(
        aws.outputs(STACK)["FunctionName"], {"scheduled_time": tick.isoformat()}
    )
    return result


def test_the_deployed_function_alerts_slack_and_a_queue_until_the_account_is_refilled(
    project: Project, account: Account, watched: Watched
) -> None:
    project.deploy(account, TrustedHosts=watched.trusted_hosts)
    queue = Subscriber(account, account.outputs(STACK)["TopicArn"])
    watched.put_secrets(account)

    result = check(account, 0)
    assert (result["accounts"], result["read"], result["fired"]) == (1, 1, 0)

    watched.balance = "49"
    assert check(account, 1)["fired"] == 1
    (alert,) = queue.received()
    assert (alert["account"], alert["rule"], alert["reason"]) == ("search", "alert_below", "fired")
    assert (alert["value"], alert["currency"]) == ("49", "USD")
    (message,) = watched.slack_texts()
    assert "below 50" in message

    assert check(account, 2)["fired"] == 0
    assert (queue.received(), len(watched.slack_texts())) == ([], 1)

    watched.balance = "200"
    assert check(account, 3)["resolved"] == 1
    assert "resolved" in [sent["reason"] for sent in queue.received()]
    assert len(watched.slack_texts()) == 2
    assert watched.slack.rejected == []
    assert json.dumps(watched.slack.messages["oncall"]) == "[]"
