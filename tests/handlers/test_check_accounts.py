"""CheckAccounts: the events of SQS, which messages fail, and when the switch is pinged."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from balance_watch.handlers import check_accounts, check_balances, runtime
from balance_watch.store.batch_queue import message_from_json
from balance_watch.store.dynamodb import Store
from local.slack_inbox import NOT_OK
from local.world import World
from tests.handlers.test_check_balances import AT_TICK, PING, Context, Switch
from tests.support.tables import new_table

Handler = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def switch() -> Iterator[Switch]:
    with Switch() as switch:
        yield switch


class Stage:
    """A planner and workers, as cold starts make them, over an empty table and a queue in moto."""

    def __init__(self, world: World, table: str, sqs: Any) -> None:  # noqa: ANN401 (a boto3 client)
        self.store = Store(world.aws.client("dynamodb"), table)
        self._sqs = sqs
        self.queue: str = sqs.create_queue(QueueName=table)["QueueUrl"]

    def plan(self) -> dict[str, Any]:
        return check_balances.handler(AT_TICK, Context())  # type: ignore[arg-type]

    def received(self) -> list[dict[str, Any]]:
        """Returns the messages of the queue as records of the event that Lambda gets of SQS."""
        found = self._sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [record(it["Body"], it["MessageId"]) for it in found.get("Messages", ())]


def record(body: str, message_id: str = "1") -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795342000000",
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1795342000001",
        },
        "messageAttributes": {},
        "md5OfBody": "0",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:batches",
        "awsRegion": "eu-central-1",
    }


def work(*records: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = check_accounts.handler({"Records": [*records]}, Context())  # type: ignore[arg-type]
    return answer


@pytest.fixture
def stage(world: World, switch: Switch, monkeypatch: pytest.MonkeyPatch) -> Stage:
    table = new_table(world.aws.client("dynamodb"))
    trusted = f"{world.environment['TRUSTED_HOSTS']},{switch.authority}"
    for name, value in {
        **world.environment,
        "TABLE_NAME": table,
        "TRUSTED_HOSTS": trusted,
        "HEARTBEAT_URL": f"{switch.url}{PING}",
        "ACCOUNTS_PER_BATCH": "5",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    made = Stage(world, table, boto3.client("sqs"))
    monkeypatch.setenv("BATCH_QUEUE_URL", made.queue)
    runtime.forget_starts()
    return made


def test_workers_check_all_batches_and_the_last_one_finishes_the_tick(stage: Stage) -> None:
    planned = stage.plan()
    assert (planned["accounts"], planned["batches"], planned["read"]) == (10, 2, 0)
    assert work(*stage.received()) == {"batchItemFailures": []}
    assert stage.store.runs.record().judged_at == check_balances.tick(AT_TICK)


def test_the_switch_is_pinged_only_at_the_end_of_the_tick(stage: Stage, switch: Switch) -> None:
    stage.plan()
    first, last = stage.received()
    assert switch.pings == []
    work(first)
    assert switch.pings == []
    work(last)
    assert switch.pings == [PING]


def test_an_incomplete_tick_pings_the_switchs_fail_and_its_message_comes_back(
    stage: Stage, switch: Switch, world: World
) -> None:
    world.slack.script("default", NOT_OK)
    stage.plan()
    first, last = stage.received()
    work(first)
    with pytest.raises(BatchProcessingError):
        work(last)
    assert switch.pings == [f"{PING}/fail"]
    work(last)
    assert switch.pings == [f"{PING}/fail", PING]


def test_a_planners_tick_again_pings_nothing(stage: Stage, switch: Switch) -> None:
    stage.plan()
    assert stage.plan()["skipped"]
    assert switch.pings == []


def test_a_message_of_somebody_else_fails_and_pings_nothing(stage: Stage, switch: Switch) -> None:
    del stage
    with pytest.raises(BatchProcessingError):
        work(record(json.dumps({"tick": "soon"})))
    assert switch.pings == []


def test_of_two_messages_only_the_one_that_fails_comes_back(stage: Stage) -> None:
    stage.plan()
    good, _ = stage.received()
    answer = work(good, record("garbage", "bad"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert sum(it.ended is not None for it in stage.store.batches.all()) == 1


def test_a_batch_that_another_worker_has_comes_back(stage: Stage, switch: Switch) -> None:
    stage.plan()
    first, _ = stage.received()
    message = message_from_json(first["body"])
    stage.store.batches.claim(message, 100)
    with pytest.raises(BatchProcessingError, match="another worker has batch"):
        work(first)
    assert switch.pings == []


def test_a_message_of_an_earlier_plan_is_dropped(stage: Stage) -> None:
    stage.plan()
    old = stage.received()
    run = stage.store.runs.claim(check_balances.tick(AT_TICK), 100)
    assert run is not None
    stage.store.batches.begin(stage.store.runs.fence(run), run.tick, range(2))
    assert work(*old) == {"batchItemFailures": []}
    assert stage.store.batches.all() == []
