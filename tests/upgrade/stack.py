"""The stack after the upgrade, with the table, accounts and channels that the release left."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from balance_watch.cli.main import main
from balance_watch.handlers import check_balances, runtime
from local.aws import EmbeddedAws
from local.slack_inbox import WEBHOOK_PATH, SlackInbox
from tests.support.slack_texts import alert_texts
from tests.upgrade.accounts import ACCOUNTS, JsonObject, Providers

Item = dict[str, Any]
"""An item in DynamoDB's own JSON."""

PlainItem = Any
"""An item with plain values, or None if the table does not hold it."""

DUMP = Path(__file__).parent / "release_0_1_0"

LAST, NEXT, SOON, LATER = (
    "2026-11-24T10:10:00Z",
    "2026-11-24T10:15:00Z",
    "2026-11-24T11:15:00Z",
    "2026-11-24T16:15:00Z",
)
"""The last tick of the release, and three ticks after it."""

TOPIC, DEFAULT, ONCALL, ARCHIVED = "sns", "slack:default", "slack:oncall", "slack:archived"

DEAD_AUTHORITY = "127.0.0.1:24041"
"""The former host of the webhook `archived`, which answered 410: the table records that by address.
Nothing listens there, so a message to it would count as undelivered."""


class LambdaContext:
    """The part of Lambda's context that the handler uses."""

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


class Announcement(NamedTuple):
    """A notification, in the fields that the tests compare."""

    account: str
    rule: str
    reason: str


@dataclass(frozen=True, repr=False)
class Run:
    """The result of one run, what it sent, and the table after it."""

    result: JsonObject
    topic: tuple[JsonObject, ...]
    slack: Mapping[str, tuple[str, ...]]
    """The summary lines in each webhook, by channel."""
    blocks: tuple[str, ...]
    """The text of every block in any webhook."""
    items: tuple[Item, ...]
    payments: Counter[str]

    @cached_property
    def announced(self) -> Counter[Announcement]:
        """The notifications to the topic."""
        return Counter(map(announcement, self.topic))

    def channels_notified_of(self, account: str) -> dict[str, int]:
        """Returns how many notifications about an account each channel got, if any."""
        lines = {TOPIC: [message["account"] for message in self.topic], **self.slack}
        numbers = {
            channel: sum(account in line for line in channel_lines)
            for channel, channel_lines in lines.items()
        }
        return {channel: number for channel, number in numbers.items() if number}

    def item(self, partition: str, sort: str = "STATE") -> PlainItem:
        """Returns an item, by default an account's state."""
        return find(self.items, partition, sort)

    def state(self, account: str) -> PlainItem:
        """Returns an account's state."""
        return self.item(f"ACCOUNT#{account}")


def announcement(message: JsonObject) -> Announcement:
    """Returns the fields to compare of a message to the topic, or of a stored notification."""
    return Announcement(message["account"], message["rule"], message["reason"])


class Stack:
    """The embedded stack, with the accounts and the channels of the release."""

    def __init__(self, aws: EmbeddedAws, providers: Providers, slack: SlackInbox) -> None:
        self.aws, self.providers, self.slack = aws, providers, slack
        runtime.forget_starts()
        self.handler: Callable[..., JsonObject] = check_balances.handler
        self.table = aws.environment["TABLE_NAME"]

    def configure(self, *, archived: bool = True, without: Iterable[str] = ()) -> None:
        """Stores the secrets.

        Args:
            archived: whether the webhook `archived` still has its dead address.
            without: the accounts to leave out.
        """
        webhooks = dict(self.slack.webhooks)
        if archived:
            webhooks["archived"] = f"http://{DEAD_AUTHORITY}{WEBHOOK_PATH}archived"
        self.aws.put_secret("balance-watch/slack", {"webhooks": webhooks})
        entries = [
            self.providers.entry(account) for account in ACCOUNTS if account["name"] not in without
        ]
        self.aws.put_secret("balance-watch/accounts", {"accounts": entries})

    def load(self, items: Iterable[Item]) -> None:
        """Replaces the content of the table by these items."""
        keys = [{name: item[name] for name in ("pk", "sk")} for item in self.scan()]
        requests: list[JsonObject] = [{"DeleteRequest": {"Key": key}} for key in keys]
        requests += [{"PutRequest": {"Item": item}} for item in items]
        client = self.aws.client("dynamodb")
        for start in range(0, len(requests), 25):
            client.batch_write_item(RequestItems={self.table: requests[start : start + 25]})

    def scan(self) -> tuple[Item, ...]:
        """Returns every item of the table."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=self.table)
        return tuple(item for page in pages for item in page["Items"])

    def run(self, tick: str) -> Run:
        """Invokes the function for a tick, and returns what this run alone did."""
        for messages in self.slack.messages.values():
            messages.clear()
        self.aws.published()
        paid_before = self.providers.payments
        result = self.handler({"scheduled_time": tick}, LambdaContext())
        lines = {
            f"slack:{name}": tuple(
                line for message in messages for line in message["text"].split("\n")
            )
            for name, messages in self.slack.messages.items()
        }
        topic = tuple(published.content for published in self.aws.published())
        messages = [message for sent in self.slack.messages.values() for message in sent]
        blocks = tuple(text for message in messages for text in alert_texts(message))
        payments = self.providers.payments - paid_before
        return Run(result, topic, lines, blocks, self.scan(), payments)

    @staticmethod
    def command(*words: str) -> str:
        """Returns what a command prints."""
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
            assert main(words) == 0
        return out.getvalue()


@contextmanager
def started() -> Iterator[Stack]:
    """Starts the stack, with the environment of the function and of the commands."""
    with ExitStack() as exits:
        aws, providers = exits.enter_context(EmbeddedAws()), exits.enter_context(Providers())
        slack = exits.enter_context(SlackInbox(("default", "oncall", "archived")))
        patch = exits.enter_context(pytest.MonkeyPatch.context())
        patch.delenv("AWS_PROFILE", raising=False)
        trusted = f"{providers.authority},{slack.authority},{DEAD_AUTHORITY}"
        for name, value in {**aws.environment, "TRUSTED_HOSTS": trusted}.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield Stack(aws, providers, slack)


_deserializer = TypeDeserializer()


def plain(item: Item) -> JsonObject:
    """Returns an item with the values that Python has for them."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


def find(items: Iterable[Item], partition: str, sort: str) -> PlainItem:
    """Returns the item with this key."""
    for item in items:
        if (item["pk"]["S"], item["sk"]["S"]) == (partition, sort):
            return plain(item)
    return None


def pending_in(items: Iterable[Item]) -> list[tuple[str, JsonObject]]:
    """Returns the channel and the notification of every outbox entry."""
    entries = [plain(item) for item in items if item["pk"]["S"] == "OUTBOX"]
    return [(entry["channel"], json.loads(entry["notification"])) for entry in entries]
