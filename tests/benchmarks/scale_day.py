"""Simulates a day of many accounts with workers, in which much goes wrong.

    python -m tests.benchmarks.scale_day [--accounts 100000] [--minutes 180]

Planner and workers do what they do on Lambda, on DynamoDB Local and moto, one after the other in
this process; the day's time is simulated, and so are the replies of providers. Two hosts fail for
nine hours each, Slack refuses everything for six, one worker in a hundred is killed, one message
in fifty comes twice, and messages come in any order. One account in fifty falls below its threshold
at some hour, and is topped up eight hours later. Exits with 1 if an alert is lost, told twice or
told without need, or an account is left out.
"""

import argparse
import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from random import Random
from typing import Any
from urllib.parse import urlsplit

import boto3
from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.settings import CheckSettings
from balance_watch.domain.account import Account
from balance_watch.domain.batches import BatchMessage
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.errors import RunUnderWayError
from balance_watch.providers.spec_types import Unit
from balance_watch.store.batch_queue import message_from_json, message_to_json
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.batch_check import CheckBatch
from balance_watch.usecases.planning import Planner
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from local.loopback import Reply, Request
from local.slack_inbox import ROLLUP_ERROR, SlackInbox
from tests.benchmarks.accounts import TICK
from tests.support.clock import Clock
from tests.support.dynamodb_local import DynamoDbLocal
from tests.support.tables import client_of, new_table

SIZE, WORKERS, SECONDS = 500, 10, 114.0
PER_SECRET = 250
HOSTS = 100
ALERTING = 50
"""One account in so many falls below its threshold."""

LASTS = 8
"""Hours until it is topped up."""

FAILING = {7: range(3, 12), 61: range(12, 21)}
"""The hours at which a host fails, by its number."""

SLACK_IS_DOWN = range(10, 16)
KILLED, TWICE = 100, 50
DAY = 24
RESOLVED, TOPPED_UP = "✅", "💰"
"""How headlines in Slack begin."""

CHANNELS = ("sns", "slack:default")
FAILURE = ReadFailure(FailureKind.PROVIDER_ERROR, "The provider answered HTTP 503.")


class KilledError(BaseException):
    """A worker was killed."""


class BrokenSlack(SlackInbox):
    """An inbox that refuses everything while it is down."""

    is_down = False

    def answer(self, request: Request) -> Reply:
        """Accepts or refuses a message."""
        if self.is_down:
            self.script("default", ROLLUP_ERROR)
        return super().answer(request)


def host_number(index: int) -> int:
    """Returns the host of an account; hosts that fail have none that alerts."""
    return index % HOSTS


def falls_at(index: int) -> int | None:
    """Returns the hour at which an account falls below its threshold; None: never."""
    if index % ALERTING or host_number(index) in FAILING:
        return None
    return 1 + index // ALERTING % (DAY - 1)


def name_of(index: int) -> str:
    """Returns the name of an account."""
    return f"search-production-{index:06}"


@dataclass
class Day:
    """The day: its accounts, its table and channels, and what was told."""

    accounts: int
    aws: EmbeddedAws
    slack: BrokenSlack
    wiring: Wiring
    store: Store
    clock: Clock
    random: Random = field(default_factory=lambda: Random(20261122))  # noqa: S311 (no secret)
    queue: list[str] = field(default_factory=list)
    hour: float = 0
    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often each channel was told of an account and a reason."""

    read_messages: int = 0
    killed: int = 0

    def send(self, messages: Sequence[BatchMessage], delay: float) -> None:
        """Puts messages into the queue; one in fifty is in it twice."""
        del delay
        texts = list(map(message_to_json, messages))
        self.queue += texts + self.random.sample(texts, ceil(len(texts) / TWICE))

    def read(
        self, accounts: Sequence[WatchedAccount], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        """Reads accounts as the day has it."""
        del deadline
        for account, _ in accounts:
            index = int(account.name[-6:])
            if int(self.hour) in FAILING.get(host_number(index), ()):
                yield account, FAILURE
                continue
            fall = falls_at(index)
            if fall is None or self.hour < fall:
                balance = "95"
            else:
                balance = "7.5" if self.hour < fall + LASTS else "120"
            yield account, Reading(now, Decimal(balance), Unit("USD"))

    def tick(self, now: datetime) -> Summary | None:
        """Checks a tick, and returns its counts; None if nobody finished it."""
        check = self.wiring.check()
        check = replace(
            check,
            planner=Planner(self.store, self, SIZE, WORKERS, self.clock.time),
            finish=self._worker(kill=False).finish,
            read=self.read,
            deliver=self.wiring.deliver,
            wall_clock=self.clock.time,
        )
        planned = check.run(now, seconds=SECONDS)
        finished = planned if planned.batches is None else None
        while self.queue:
            text = self.queue.pop(self.random.randrange(len(self.queue)))
            kill = self.random.randrange(KILLED) == 0
            try:
                summary = self._worker(kill=kill).run(message_from_json(text), seconds=SECONDS)
            except RunUnderWayError:
                self.queue.append(text)
                self.clock.forward(SECONDS)  # Its visibility timeout is longer than the lease.
            except KilledError:
                self.killed += 1
                self.queue.append(text)
            else:
                finished = finished or summary
        return finished

    def hear(self) -> None:
        """Counts what the channels were told.

        A message of Slack tells of a top-up in the lines of the alert that is over by it.
        """
        for published in self.aws.published():
            self.told["sns", published.content["account"], published.content["reason"]] += 1
        messages = self.slack.messages["default"]
        for message in messages[self.read_messages :]:
            for title in _titles(message):
                sign, *_ = title.split()
                if sign != TOPPED_UP:
                    reason = "resolved" if sign == RESOLVED else "fired"
                    self.told["slack:default", _account_in(title), reason] += 1
        self.read_messages = len(messages)

    def _worker(self, *, kill: bool) -> CheckBatch:
        worker = self.wiring.check_batch()

        def killed(*_: object, **__: object) -> Any:  # noqa: ANN401 (it returns nothing)
            raise KilledError

        return replace(
            worker,
            store=self.store,
            read=lambda _: killed if kill else self.read,
            finish=replace(worker.finish, store=self.store, deliver=self.wiring.deliver),
        )


def _titles(message: Mapping[str, Any]) -> Iterator[str]:
    """Yields the first line of each section of a message."""
    for block in message["blocks"]:
        if block["type"] == "section":
            yield block["text"]["text"].partition("\n")[0]


def _account_in(title: str) -> str:
    """Returns the account that a headline is about."""
    found = re.search(r"search-production-\d{6}|you at host-\d{2}\.example", title)
    return found[0] if found else "configuration"


def expected(accounts: int, hours: Sequence[float]) -> Counter[tuple[str, str, str]]:
    """Returns what each channel must be told, once each, by the hours of the ticks."""
    wanted: Counter[tuple[str, str, str]] = Counter()
    outages = [f"you at host-{number:02}.example" for number in FAILING]
    for channel in CHANNELS:
        # The configuration has a fault while Slack refuses everything.
        for account in (*outages, "configuration"):
            wanted.update({(channel, account, "fired"), (channel, account, "resolved")})
    for index in range(accounts):
        fall = falls_at(index)
        low = [hour for hour in hours if fall is not None and fall <= hour < fall + LASTS]
        if not low:
            continue
        is_over = low[-1] != hours[-1]
        for channel in CHANNELS:
            reasons = {"fired", "resolved"} if is_over else {"fired"}
            if channel == "sns":
                reasons |= {"topped_up"} if is_over else set()
            elif is_over and all(int(hour) in SLACK_IS_DOWN for hour in low):
                # It is over by the time that Slack accepts something: Slack gets what still holds.
                reasons = set()
            wanted.update((channel, name_of(index), it) for it in reasons)
    return wanted


def _entry(index: int) -> Mapping[str, object]:
    return {
        "name": name_of(index),
        "provider": "you",
        "credentials": {"api_key": f"ydc-sk-{index:032}"},
        "alert_below": "20",
        "base_url": f"https://host-{host_number(index):02}.example",
    }


def _day(accounts: int, aws: EmbeddedAws, slack: BrokenSlack, dynamodb: str) -> Day:
    for start in range(0, accounts, PER_SECRET):
        entries = [_entry(index) for index in range(start, min(accounts, start + PER_SECRET))]
        aws.put_secret(f"balance-watch/accounts/{start:06}", {"accounts": entries})
    aws.put_secret("balance-watch/slack", {"webhooks": {"default": slack.webhook("default")}})
    aws.put_policy('[defaults]\nruns_dry = "never"\nreminder = "never"\n')
    aws.count_subscribers(1)
    settings = replace(
        CheckSettings.from_environment(aws.environment),
        table_name=new_table(client_of(dynamodb)),
        trusted_hosts=frozenset({urlsplit(slack.url).netloc}),
    )
    session = boto3.Session(
        aws_access_key_id=aws.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws.environment["AWS_SECRET_ACCESS_KEY"],
        region_name=aws.environment["AWS_REGION"],
    )
    clients: dict[str, Any] = {"dynamodb": client_of(dynamodb)}
    for service in ("secretsmanager", "ssm", "sns"):
        clients[service] = session.client(
            service,
            endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
        )
    clock = Clock(TICK.timestamp())
    store = Store(clients["dynamodb"], settings.table_name, clock=clock.time)
    wiring = Wiring(settings, make_client=clients.__getitem__, make_store=lambda _: store)
    return Day(accounts, aws, slack, wiring, store, clock)


def main() -> int:
    """Simulates the day, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale_day")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--minutes", type=int, default=180, help="between two ticks")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    problems = []
    with DynamoDbLocal() as dynamodb, EmbeddedAws() as aws, BrokenSlack() as slack:
        day = _day(given.accounts, aws, slack, dynamodb)
        hours = [number * given.minutes / 60 for number in range(DAY * 60 // given.minutes)]
        for day.hour in hours:
            now = TICK + timedelta(hours=day.hour)
            day.clock.now = max(day.clock.now, now.timestamp())
            slack.is_down = int(day.hour) in SLACK_IS_DOWN
            begun, cpu = time.perf_counter(), time.process_time()
            summary = day.tick(now)
            day.hear()
            if summary is None:
                problems.append(f"{now}: nobody finished the tick")
                continue
            counts = {k: v for k, v in summary.counts.items() if v}
            _print(
                {
                    "tick": f"{now:%H:%M}",
                    **counts,
                    "s": round(time.perf_counter() - begun),
                    "cpu": round(time.process_time() - cpu),
                    "killed": day.killed,
                }
            )
            if summary.read + summary.unreadable != given.accounts:
                problems.append(f"{now}: {summary.read + summary.unreadable} were checked")
        left = len(day.store.outbox.pending().entries)
    problems += _compared(day.told, expected(given.accounts, hours))
    problems += [f"{left} entries are still pending"] if left else []
    told = day.told.total()
    _print({"accounts": given.accounts, "told": told, "killed": day.killed, "problems": problems})
    return 1 if problems else 0


def _compared(
    told: Counter[tuple[str, str, str]], wanted: Counter[tuple[str, str, str]]
) -> list[str]:
    wrong = {
        "lost": wanted.keys() - told.keys(),
        "told twice": {it for it, number in told.items() if number > 1},
        "told without need": told.keys() - wanted.keys(),
    }
    return [f"{len(them)} {what}, such as {min(them)}" for what, them in wrong.items() if them]


def _print(content: object) -> None:
    sys.stdout.write(json.dumps(content, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
