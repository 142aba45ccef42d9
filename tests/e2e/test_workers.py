"""A deployed stack with workers, in the emulator that tests/e2e/test_deploy.py describes.

The emulator's own event source mapping takes the batches from the queue and invokes the workers, as
the role of `CheckAccounts`.
"""

import json
import time
from decimal import Decimal

import pytest

from local.providers import ProviderAccount
from tests.support.canaries import key
from tests.support.deployments import WORKERS, Deployment, Project
from tests.support.ministack import Account
from tests.support.watched import PREFIX, Watched

pytestmark = pytest.mark.e2e

NAMES = [f"account-{number}" for number in range(5)]
LOW = NAMES[1:4]
SECONDS = 60.0


def show(watched: Watched, *low: str) -> None:
    """Has the provider show five balances, of which these are low."""
    for name in NAMES:
        balance = Decimal("10" if name in low else "90")
        watched.provider.accounts[key(name)] = ProviderAccount(balance=balance)


def put_accounts(watched: Watched, account: Account) -> None:
    """Stores the five accounts in two secrets."""
    entries = [
        {
            "name": name,
            "provider": "you",
            "credentials": {"api_key": key(name)},
            "base_url": watched.provider.url,
            "alert_below": "50",
        }
        for name in NAMES
    ]
    secrets = account.client("secretsmanager")
    for name, content in {
        "accounts/one": {"accounts": entries[:3]},
        "accounts/two": {"accounts": entries[3:]},
        "slack": {"webhooks": watched.slack.webhooks},
    }.items():
        secrets.create_secret(Name=PREFIX + name, SecretString=json.dumps(content))


def make_batches_small(stack: Deployment) -> None:
    """Has the deployed planner split what is more than two accounts."""
    function, name = stack.account.client("lambda"), stack.outputs["FunctionName"]
    variables = function.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    small = {"Variables": {**variables, "ACCOUNTS_PER_BATCH": "2"}}
    function.update_function_configuration(FunctionName=name, Environment=small)


def messages(watched: Watched, number: int) -> list[str]:
    """Returns all messages, once there are as many as that."""
    deadline = time.monotonic() + SECONDS
    while len(watched.slack_texts()) < number and time.monotonic() < deadline:
        time.sleep(0.1)
    return watched.slack_texts()


def test_deployed_workers_check_every_batch_and_the_last_one_sends_one_grouped_message(
    project: Project, account: Account, watched: Watched
) -> None:
    stack = Deployment(project, account)
    stack.deploy(TrustedHosts=watched.trusted_hosts, WorkerConcurrency=str(WORKERS))
    put_accounts(watched, account)
    make_batches_small(stack)
    show(watched, *LOW)

    planned = stack.check(0)

    assert (planned["accounts"], planned["batches"], planned["read"]) == (5, 3, 0)
    (fired,) = messages(watched, 1)
    assert [name for name in NAMES if name in fired] == LOW
    status = json.loads(stack.command("status", "--json"))
    assert {it["account"]: it["balance"] for it in status} == {
        name: "10" if name in LOW else "90" for name in NAMES
    }

    show(watched)
    assert stack.check(1)["batches"] == 3

    (_, resolved) = messages(watched, 2)
    assert [name for name in NAMES if name in resolved] == LOW
    assert watched.slack.rejected == []
    dead = stack.outputs["DeadBatchesUrl"]
    sqs = account.client("sqs")
    left = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])
    assert left["Attributes"]["ApproximateNumberOfMessages"] == "0"
