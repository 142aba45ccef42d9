"""A digest of what workers checked says, word by word, what that of one function says."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.domain.account import Account
from balance_watch.domain.batches import BatchMessage
from balance_watch.domain.digest import Digest
from balance_watch.domain.policy import CONFIGURATION
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.notifiers.digest_text import text_of
from balance_watch.store.batch_queue import message_from_json, message_to_json
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.planning import Planner
from tests.support.canaries import key
from tests.support.check_bench import SECONDS, Bench, FakeDelivery
from tests.support.tables import new_table

FIRST = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
EVERY, DAY = timedelta(hours=6), timedelta(days=1)
DAYS = 6
SIZE = 2
TIMED_OUT = ReadFailure(FailureKind.TIMED_OUT, "No whole reply came in time.")
REJECTED = ReadFailure(FailureKind.KEY_REJECTED, "The provider answered HTTP 401.")

KEYS = {
    "euros": "euros",
    "dollars": "shared",
    "dollars again": "shared",
    "credits": "credits",
    "low": "low",
    "rejected": "rejected",
    "leaps": "leaps",
    "topped up": "topped-up",
}
"""The other accounts, each with the key of its purse."""

FAILING = [f"out-{number}" for number in range(4)]
"""The accounts behind a gateway, none of which can be read in the end."""

GATEWAY = "gateway.example"


def result_of(name: str, now: datetime) -> ReadResult:
    """Returns what an account shows: each does one thing that a digest tells of."""
    hours = (now - FIRST) // timedelta(hours=1)
    last = DAYS * 24 - 24
    if name in FAILING and hours > last + 6:
        return TIMED_OUT
    if name == "rejected" and hours > last - 24:
        return REJECTED
    spent = {
        "low": Decimal(4) * min(hours, last) / 7,
        "leaps": Decimal(hours) / 24 + max(0, hours - last) * 3,
        "topped up": Decimal(hours) / 4 - (400 if hours > last + 8 else 0),
    }.get(name, Decimal(hours) / 8)
    unit = {"euros": "EUR", "credits": "credits"}.get(name, "USD")
    return Reading(now, (Decimal(100) - spent).quantize(Decimal("0.01")), unit)


def read(
    accounts: Sequence[WatchedAccount], *, now: datetime, deadline: float
) -> Iterator[tuple[Account, ReadResult]]:
    """Reads accounts."""
    del deadline
    for account, _ in accounts:
        yield account, result_of(account.name, now)


@dataclass
class OneFunction:
    """One function checks all accounts."""

    bench: Bench

    def run(self, tick: datetime) -> None:
        """Checks a tick."""
        replace(self.bench.check(), read=read).run(tick, seconds=SECONDS)

    @property
    def digests(self) -> list[Digest]:
        """The digests that the topic got."""
        found = (it.notification.digest for it in self.bench.delivery.accepted)
        return [it for it in found if it is not None]


@dataclass
class Workers(OneFunction):
    """A planner and workers check them, two accounts to a batch; the last batch comes first."""

    texts: list[str] = field(default_factory=list)

    def send(self, messages: Sequence[BatchMessage], delay: float) -> None:
        """Puts messages into the queue."""
        del delay
        self.texts += map(message_to_json, messages)

    def run(self, tick: datetime) -> None:
        """Plans a tick, and has all batches checked."""
        store, clock = self.bench.store, self.bench.clock.time
        worker = self.bench.wiring.check_batch()
        finish = replace(worker.finish, store=store, deliver=self.bench.delivery)
        check = replace(
            self.bench.check(),
            planner=Planner(store, self, SIZE, 10, clock),
            finish=finish,
            wall_clock=clock,
        )
        assert check.run(tick, seconds=SECONDS).batches
        texts, self.texts = self.texts, []
        for text in reversed(texts):
            replace(worker, store=store, read=lambda _: read, finish=finish).run(
                message_from_json(text), seconds=SECONDS
            )


@pytest.fixture
def second_bench(bench: Bench, clients: dict[str, Any]) -> Bench:
    """A bench with the same configuration and another table."""
    table = new_table(clients["dynamodb"])
    settings = replace(bench.wiring.settings, table_name=table)
    clock = bench.clock
    store = Store(clients["dynamodb"], table, clock=clock.time, sleep=clock.sleep)
    wiring = replace(bench.wiring, settings=settings)
    return dataclasses.replace(bench, wiring=wiring, store=store, delivery=FakeDelivery(store))


def configure(bench: Bench) -> None:
    """Stores all accounts in two secrets, a policy with a digest, and a secret with a fault."""
    ours = [
        {"name": name, "provider": "you", "credentials": {"api_key": key(of)}, "alert_below": "20"}
        for name, of in KEYS.items()
    ]
    others = [
        {
            "name": name,
            "provider": "you",
            "credentials": {"api_key": key(name)},
            "base_url": f"https://{GATEWAY}",
        }
        for name in FAILING
    ]
    bench.put_secret("accounts/ours", {"accounts": ours})
    bench.put_secret("accounts/others", {"accounts": others})
    bench.put_secret("acounts", {"accounts": []})
    bench.aws.put_policy('[digest]\nat = "09:00"\n')


def test_the_digests_of_workers_are_those_of_one_function_word_by_word(
    bench: Bench, second_bench: Bench
) -> None:
    configure(bench)
    one, several = OneFunction(bench), Workers(second_bench)
    for number in range(DAYS * DAY // EVERY + 1):
        tick = FIRST + number * EVERY
        one.run(tick)
        several.run(tick)

    assert len(one.digests) == DAYS
    latest = one.digests[-1]
    told = (latest.spent, latest.left, latest.next, latest.firing)
    assert all(it.lines for it in (*told, latest.topped_up, latest.unreadable, latest.leaps))
    assert {it.currency for it in latest.next.lines} == {"EUR", "USD", "credits"}
    assert {"low", f"you at {GATEWAY}", CONFIGURATION} <= {it.account for it in latest.firing.lines}
    assert [text_of(it) for it in several.digests] == [text_of(it) for it in one.digests]
    assert several.digests == one.digests
