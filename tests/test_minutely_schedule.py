"""A day at the shortest schedules: what is told, what is written, and what the history keeps."""

from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState, followed_by
from balance_watch.store.dynamodb import Store
from balance_watch.store.packs import readings_of_item
from balance_watch.store.sizes import WRITE_UNIT, size_of
from balance_watch.store.table import deserialize
from tests.benchmarks.accounts import TICK, ordinary_states
from tests.support.watchman import HOUR, Watchman, failure, watching

DAY = timedelta(days=1)
SHORT = [1, 2]
USUAL = 5
TABLE = "history"
ACCOUNTS = ("search-production", "images-production", "llm-legacy")
"""The accounts whose readings are the shortest, the most changing and the longest."""


class FakeDynamoDb:
    """Keeps items, and counts the write units that DynamoDB charges for them."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Any] = {}
        self.units = 0
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_, **__: None))

    def batch_write_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Puts items."""
        for put in request["RequestItems"][TABLE]:
            item = put["PutRequest"]["Item"]
            self.items[item["pk"]["S"], item["sk"]["S"]] = item
            content = deserialize(item)
            if "use" in content:  # a binary one, which counts by its bytes
                content["use"] = item["use"]["B"]
            self.units += ceil(size_of(content) / WRITE_UNIT)
        return {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Returns items by their keys."""
        keys = request["RequestItems"][TABLE]["Keys"]
        found = (self.items.get((key["pk"]["S"], key["sk"]["S"])) for key in keys)
        return {"Responses": {TABLE: [item for item in found if item]}}

    def packed(self, account: str) -> list[Reading]:
        """Returns the readings of the history, without those that are still in the state."""
        return [
            reading
            for (pk, sk), item in self.items.items()
            if pk == f"ACCOUNT#{account}" and sk.startswith("AT#")
            for reading in readings_of_item(deserialize(item))
        ]


class Told(NamedTuple):
    """A notification, without its numbers."""

    at: datetime
    account: str
    metric: str
    reason: str


class Life(NamedTuple):
    """What became of a day."""

    dynamodb: FakeDynamoDb
    states: dict[str, AccountState]
    told: list[Told]
    ticks: int


def live(minutes: int, time: timedelta = DAY, *, fails_for: timedelta = timedelta()) -> Life:
    """Checks ordinary accounts, of which each is alerted on after half a day.

    Args:
        minutes: how often.
        time: for how long.
        fails_for: for so long, from the first hour's end on, no account can be read.
    """
    every, dynamodb = timedelta(minutes=minutes), FakeDynamoDb()
    client: Any = dynamodb
    store = Store(client, TABLE)
    first = first_readings()
    ordinary = [it for it in ordinary_states(7) if it.account in first]
    store.accounts.save(replace(it, gaps=(every,) * 4) for it in ordinary)
    dynamodb.units, told = 0, list[Told]()
    ticks = [TICK + number * every for number in range(time // every)]
    for tick in ticks:
        states = store.accounts.states(list(first))
        after = []
        for name, reading in first.items():
            watchman = _watchman(name, reading, states[name], tick)
            if HOUR <= tick - TICK < HOUR + fails_for:
                entries = watchman.check(failure(), timedelta())
            else:
                entries = watchman.check(_at(reading, tick), timedelta())
            after.append(followed_by(states[name], watchman.state))
            told += {
                Told(tick, name, it.notification.metric.value, it.notification.reason.value)
                for it in entries
            }
        assert store.accounts.save(after) == set()
    return Life(dynamodb, store.accounts.states(list(first)), sorted(told), len(ticks))


def first_readings() -> dict[str, Reading]:
    """Returns what the accounts begin with, by name."""
    states = ordinary_states(7)
    return {it.account: it.reading for it in states if it.reading and it.account[:-4] in ACCOUNTS}


def _at(reading: Reading, tick: datetime) -> Reading:
    """Returns the reading of a tick: a tenth of it is used in a day, steadily."""
    used = reading.balance * Decimal((tick - TICK) // timedelta(minutes=1)) / Decimal(14_400)
    balance = (reading.balance - used).quantize(Decimal("0.000001"))
    return replace(reading, balance=balance, provider_time=reading.provider_time and tick)


def _watchman(name: str, reading: Reading, state: AccountState, tick: datetime) -> Watchman:
    watchman = watching()
    watchman.account = Account(name, "you", alert_below=reading.balance * Decimal("0.95"))
    watchman.now, watchman.state = tick, state
    return watchman


@pytest.fixture(scope="module")
def usual() -> Life:
    return live(USUAL)


@pytest.fixture(scope="module", params=SHORT)
def short(request: pytest.FixtureRequest) -> Life:
    return live(request.param)


def test_the_same_is_told_as_at_the_usual_schedule_and_no_later(short: Life, usual: Life) -> None:
    assert [it[1:] for it in short.told] == [it[1:] for it in usual.told]
    assert {it.account for it in short.told} == set(short.states)
    late = [a.at - b.at for a, b in zip(short.told, usual.told, strict=True)]
    assert all(-timedelta(minutes=USUAL) < it <= timedelta() for it in late)


def test_an_account_and_run_takes_no_more_than_its_write_units(short: Life) -> None:
    assert short.dynamodb.units / short.ticks / len(short.states) <= 1.15


def test_the_history_keeps_every_reading_exactly(short: Life) -> None:
    for name, state in short.states.items():
        readings = {it.observed_at: it for it in (*short.dynamodb.packed(name), *state.readings)}
        assert len([at for at in readings if at >= TICK]) == short.ticks
        first = first_readings()[name]
        assert all(readings[at].balance == _at(first, at).balance for at in readings if at >= TICK)


def test_the_forecast_is_that_of_the_usual_schedule(short: Life, usual: Life) -> None:
    for name, state in short.states.items():
        ours, theirs = state.runway, usual.states[name].runway
        assert ours is not None
        assert theirs is not None
        assert abs(ours / theirs - 1) < 0.02


def test_three_failed_reads_are_as_many_minutes() -> None:
    """`unreadable_after` counts reads: at one minute, a pause of five is told of."""
    pause = timedelta(minutes=5)
    reasons = {
        minutes: {
            it.reason for it in live(minutes, fails_for=pause).told if it.metric == "unreadable"
        }
        for minutes in (1, USUAL)
    }
    assert reasons == {1: {"fired", "resolved"}, USUAL: set()}
