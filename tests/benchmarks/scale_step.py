"""Drives ticks through the planner, the queue and the workers, each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from random import Random
from typing import Any

import boto3

from balance_watch.domain.batches import BatchMessage, BatchResult, name_digest
from balance_watch.domain.formatting import iso_time
from balance_watch.store.batch_queue import message_from_json
from balance_watch.store.batches import NotClaimed
from balance_watch.store.dynamodb import Store
from local.aws import CREDENTIALS
from tests.benchmarks.accounts import TICK
from tests.benchmarks.processes import serving
from tests.benchmarks.scale_aws import account_names, alerting_names
from tests.support.dynamodb_local import DynamoDbLocal
from tests.support.tables import client_of

LATENCY = 0.2
SIZE = 500
SECONDS = 120.0
"""Lambda's timeout of both functions."""

KILLED_SECONDS = 30.0
"""The time that a worker is given which is killed, so that its lease ends soon."""

ONE_IN = 100
"""One worker in so many is killed, and at least one."""

LATEST_KILL = 25
"""A killed worker dies before one of its first calls of AWS: a batch takes some more."""

LAST_IS_TAKEN = object()

_PAGE = 10_000
"""So many states are looked at at once."""

RECEIVES = 3
"""How often a message is delivered before it is dead, as in template.yaml."""


class Process:
    """A module of this folder that answers lines of JSON."""

    def __init__(self, *arguments: str, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (modules of this folder)
            [sys.executable, "-m", *arguments],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def read(self) -> Any:  # noqa: ANN401 (it is JSON)
        """Returns the next line, or None if the process has died."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def ask(self, content: object) -> Any:  # noqa: ANN401 (it is JSON)
        """Returns the answer to a line; None if the process died of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(content) + "\n")
        self._process.stdin.flush()
        return self.read()

    def end(self) -> None:
        """Ends the process, if it has not died."""
        self._process.communicate()


@dataclass
class Total:
    """What the invocations of one role took in a tick."""

    invocations: int = 0
    cpu: float = 0.0
    wall: float = 0.0
    read_units: float = 0.0
    write_units: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    peak: int = 0

    def add(self, part: Mapping[str, Any], peak: int) -> None:
        """Adds an invocation, or a part of one."""
        self.invocations += 1
        self.cpu += part["cpu"]
        self.wall += part["wall"]
        self.read_units += part["read_units"]
        self.write_units += part["write_units"]
        self.calls.update(part["calls"])
        self.peak = max(self.peak, peak)


@dataclass
class Ticked:
    """A tick: what each role took, and what was sent and received."""

    batches: int
    planner: Total = field(default_factory=Total)
    worker: Total = field(default_factory=Total)
    finisher: Total = field(default_factory=Total)
    received: int = 0
    killed: int = 0
    checked: int = 0
    """The accounts of the batches that a worker checked: all of them, or a sample."""
    failed: list[str] = field(default_factory=list)
    alerted: list[str] = field(default_factory=list)
    wall: float = 0.0

    @property
    def roles(self) -> tuple[Total, Total, Total]:
        """The totals of planner, workers and finisher."""
        return self.planner, self.worker, self.finisher

    @property
    def sqs_requests(self) -> int:
        """The requests to SQS: of the planner, and of Lambda for each message, two."""
        return self.planner.calls["sqs.SendMessageBatch"] + self.received + self.batches


@dataclass
class Step:
    """Two ticks of so many accounts: one at which a tenth of them alert, and a quiet one."""

    accounts: int
    secrets: int
    loud: Ticked
    quiet: Ticked
    unchecked: int
    """The accounts of the batches that were checked whose state is not of the second tick."""

    lost: int
    """The alerts that nobody got."""

    @property
    def twice(self) -> int:
        """The alerts that somebody got twice."""
        every = [*self.loud.alerted, *self.quiet.alerted]
        return len(every) - len(set(every))


def step(accounts: int, hosts: int, processes: int, sample: int | None = None) -> Step:
    """Measures two ticks of so many accounts at so many hosts.

    With a sample, workers check so many batches; of the others, only their end is stored.
    """
    batches = ceil(accounts / SIZE)
    # The last batch is always checked: its worker finishes the tick.
    left_out = frozenset(range(batches - 1)[sample - 1 :]) if sample else frozenset[int]()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("tests.benchmarks.provider", folder, str(LATENCY), str(hosts)) as provider,
        DynamoDbLocal() as dynamodb,
        _aws(json.dumps(provider["ports"]), str(accounts), dynamodb) as (aws, environment),
    ):
        ticks, alerting = [], set[str]()
        store = Store(client_of(dynamodb), environment["TABLE_NAME"])
        for number in range(2):
            tick = TICK + number * timedelta(minutes=5)
            driver = _Driver(environment, provider["ca"], tick, batches, store, left_out)
            ticked = driver.run(processes, kills=number == 0)
            alerting |= {name for name in alerting_names(accounts) if driver.has(name)}
            ticked.alerted = aws.ask("published")
            ticks.append(ticked)
        secrets = boto3.client("secretsmanager", **_access(environment))
        pages = secrets.get_paginator("list_secrets").paginate()
        number = sum(len(page["SecretList"]) for page in pages)
        checked = [name for name in account_names(accounts) if driver.has(name)]
        unchecked = ticks[-1].checked - _checked_at(store, checked, tick)
        alerted = {name for ticked in ticks for name in ticked.alerted}
        return Step(accounts, number, ticks[0], ticks[1], unchecked, len(alerting - alerted))


@contextmanager
def _aws(*arguments: str) -> Iterator[tuple[Process, dict[str, str]]]:
    process = Process("tests.benchmarks.scale_aws", *arguments, environment={})
    try:
        yield process, process.read()
    finally:
        process.end()


def _access(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        "endpoint_url": environment["AWS_ENDPOINT_URL"],
        "region_name": environment["AWS_REGION"],
        "aws_access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    }


def _checked_at(store: Store, names: Sequence[str], tick: datetime) -> int:
    """Returns how many of these accounts have a state of a tick."""
    pages = (names[start : start + _PAGE] for start in range(0, len(names), _PAGE))
    return sum(
        state.checked_at == tick for page in pages for state in store.accounts.states(page).values()
    )


class _Driver:
    """What Lambda does for one tick: it invokes the planner, polls the queue, invokes workers.

    The message of the last batch is held back until all others are done, and goes to a process of
    its own: what it takes to finish the tick is measured there.
    """

    def __init__(
        self,
        environment: dict[str, str],
        ca: str,
        tick: datetime,
        batches: int,
        store: Store,
        left_out: AbstractSet[int],
    ) -> None:
        self._environment, self._ca, self._tick = environment, ca, tick
        self._sqs = boto3.client("sqs", **_access(environment))
        self._url = environment["BATCH_QUEUE_URL"]
        self._left = set(range(batches))
        self._ticked = Ticked(batches)
        self._lock = threading.Lock()
        self._store, self._left_out = store, left_out
        self._names = set[bytes]()
        self._kill_at: dict[int, int] = {}
        self._last: Any = None
        """The message of the last batch, until a worker gets it; then `LAST_IS_TAKEN`."""

    def has(self, account: str) -> bool:
        """Tells whether an account is in a batch that was checked."""
        return name_digest(account) in self._names

    def run(self, processes: int, *, kills: bool) -> Ticked:
        """Runs the tick, and kills one worker in a hundred."""
        ticked, begun = self._ticked, time.perf_counter()
        if kills:
            random = Random(ticked.batches)  # noqa: S311 (no secret)
            may_die = sorted(self._left - self._left_out - {ticked.batches - 1})
            for number in random.sample(
                may_die, ceil(min(ticked.batches, len(may_die) + 1) / ONE_IN)
            ):
                self._kill_at[number] = random.randrange(1, LATEST_KILL)
        planner = self._start("planner")
        answer = planner.ask(
            {"event": {"scheduled_time": iso_time(self._tick)}, "seconds": SECONDS}
        )
        planner.end()
        if answer["error"]:
            raise RuntimeError(answer["error"])
        ticked.planner.add(answer["own"], answer["peak"])
        threads = [threading.Thread(target=self._poll) for _ in range(processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ticked.wall = time.perf_counter() - begun
        return ticked

    def _start(self, role: str) -> Process:
        return Process(
            "tests.benchmarks.scale_function", role, self._ca, environment=self._environment
        )

    def _poll(self) -> None:
        """Is one worker after another, until no batch is left."""
        worker = self._start("worker")
        last = self._ticked.batches - 1
        while self._left:
            message = self._next(last)
            if message is LAST_IS_TAKEN:
                break
            if message is None:
                time.sleep(0.1)
                continue
            content = message_from_json(message["Body"])
            if content.tick != self._tick:  # A batch of the tick before that no worker could do.
                self._delete(message)
                continue
            number = content.number
            if number in self._left_out:
                self._leave_out(message, content)
                continue
            is_last = number == last
            process = self._start("worker") if is_last else worker
            answer = self._invoke(process, message, number)
            if is_last:
                process.end()
                self._last = None  # If it failed, its message comes again.
            elif answer is None:
                worker = self._start("worker")
        worker.end()

    def _next(self, last: int) -> Any:  # noqa: ANN401 (boto3's)
        """Returns a message, or None if there is none for now; holds back that of the last batch.

        Once that is all there is, one thread gets it, and the others `LAST_IS_TAKEN`.
        """
        with self._lock:
            if self._left == {last} and self._last is not None:
                message, self._last = self._last, LAST_IS_TAKEN
                return message
        messages = self._sqs.receive_message(
            QueueUrl=self._url, VisibilityTimeout=150, AttributeNames=["ApproximateReceiveCount"]
        ).get("Messages", [])
        if not messages:
            return None
        content = message_from_json(messages[0]["Body"])
        if content.number != last or content.tick != self._tick:
            return messages[0]
        with self._lock:
            # It comes again each time that its visibility timeout ends.
            if self._last is not LAST_IS_TAKEN:
                self._last = messages[0]
        return None

    def _leave_out(self, message: Any, content: BatchMessage) -> None:  # noqa: ANN401 (boto3's)
        """Stores the end of a batch that nobody checks, so that the tick can be finished."""
        batches, run = self._store.batches, self._store.batches.claim(content, SECONDS)
        assert not isinstance(run, NotClaimed)
        number = len(content.accounts)
        batches.end(run.run, content, BatchResult({"accounts": number, "read": number}))
        batches.take_off(content)
        self._delete(message)
        self._left.discard(content.number)

    def _delete(self, message: Any) -> None:  # noqa: ANN401 (boto3's)
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _invoke(self, process: Process, message: Any, number: int) -> Any:  # noqa: ANN401 (JSON)
        with self._lock:
            kill_at = self._kill_at.pop(number, None)
            self._ticked.received += 1
        seconds = SECONDS if kill_at is None else KILLED_SECONDS
        answer = process.ask({"event": _event(message), "seconds": seconds, "kill_at": kill_at})
        with self._lock:
            ticked = self._ticked
            if answer is None:
                ticked.killed += 1
            else:
                ticked.worker.add(answer["own"], answer["peak"])
                if number == ticked.batches - 1:
                    ticked.finisher.add(answer["finish"], answer["peak"])
            if answer is not None and not answer["error"]:
                self._delete(message)
                self._left.discard(number)
                accounts = message_from_json(message["Body"]).accounts
                self._names |= accounts
                ticked.checked += len(accounts)
                return answer
            if answer is not None:
                ticked.failed.append(answer["error"])
            if int(message["Attributes"]["ApproximateReceiveCount"]) >= RECEIVES:
                self._left.discard(number)
                self._delete(message)
                return answer
            # The rest of its visibility timeout is cut short: the lease is over by then.
            self._sqs.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=int(KILLED_SECONDS) if answer is None else 1,
            )
        return answer


def _event(message: Any) -> dict[str, Any]:  # noqa: ANN401 (boto3's)
    """Returns the event that Lambda makes of one message of SQS."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:batches",
                "awsRegion": "eu-central-1",
            }
        ]
    }
