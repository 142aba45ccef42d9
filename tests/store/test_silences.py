"""Silences in the table: an item each, read only while there may be one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from balance_watch.domain.run import Run
from balance_watch.domain.silences import Silence
from balance_watch.store.dynamodb import Store
from balance_watch.store.silences import SILENCES, silence_attribute, silence_to_item
from balance_watch.store.table import WRITE_BATCH, serialize
from tests.support.clock import Clock
from tests.support.dynamodb_clients import Wrapped, failing, recording, refusal
from tests.support.examples import NEXT, TICK

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOUR = timedelta(hours=1)
LEASE = 100
LONG = 3_600


class _OtherPages(Wrapped):
    """A client whose queries are answered by another paginator."""

    def __init__(self, client: Any, pages: Callable[[], Any]) -> None:  # noqa: ANN401
        super().__init__(client)
        self._pages = pages

    def get_paginator(self, _operation: str) -> Any:  # noqa: ANN401
        """Returns the other paginator."""
        return self._pages()


def silence(name: str = "s", hours: int = 1, **match: str) -> Silence:
    return Silence(name, match or {"account": "a"}, TICK + hours * HOUR, "migration", TICK)


def claimed(store: Store, tick: datetime = TICK) -> Run:
    run = store.runs.claim(tick, LEASE)
    assert run is not None
    store.runs.close(run, run.record, done=True)
    return run


def put_attribute(client: "DynamoDBClient", table: str, attribute: str, value: Any) -> None:  # noqa: ANN401
    client.update_item(
        TableName=table,
        Key=serialize({"pk": "RUN", "sk": "RUN"}),
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": attribute},
        ExpressionAttributeValues=serialize({":value": value}),
    )


def test_silences_are_found_the_first_to_end_first(store: Store) -> None:
    for found in (silence("b", 3), silence("a", 2), silence("over", 0)):
        store.silences.add(found)
    assert store.silences.at(TICK) == (silence("a", 2), silence("b", 3))
    assert claimed(store).silences == store.runs.latest(TICK).silences == store.silences.at(TICK)


def test_an_exact_silence_is_found_as_it_was_added(store: Store) -> None:
    exact = replace(silence(account="*"), exact=True)
    store.silences.add(exact)
    assert store.silences.at(TICK) == (exact,)


def test_a_silence_that_is_added_twice_is_one(store: Store) -> None:
    store.silences.add(silence())
    store.silences.add(silence())
    assert store.silences.at(TICK) == (silence(),)


def test_a_silence_ends_by_the_tables_own_time_to_live(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    store.silences.add(silence())
    key = serialize({"pk": SILENCES, "sk": "2026-11-22T11:05:00Z#s"})
    item = client.get_item(TableName=table, Key=key)["Item"]
    assert item["expires_at"] == {"N": str(int(silence().until.timestamp()))}


def test_a_silence_of_an_earlier_release_mutes_is_ended_and_is_removed_when_it_is_over(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    old = {name: silence(name, hours) for name, hours in (("first", 1), ("last", 9), ("end", 9))}
    for name, it in old.items():
        put_attribute(client, table, silence_attribute(name), silence_to_item(it))
    store.silences.add(silence("new", 2))
    assert [it.name for it in store.silences.at(TICK)] == ["first", "new", "last", "end"]
    store.silences.end(old["end"])
    assert [it.name for it in claimed(store, TICK + 3 * HOUR).silences] == ["last"]
    item = client.get_item(TableName=table, Key=serialize({"pk": "RUN", "sk": "RUN"}))["Item"]
    assert {it for it in item if it.startswith("silence:")} == {"silence:last"}


def test_without_a_silence_no_run_looks_for_one(
    store_over: Callable[[Any], Store], client: "DynamoDBClient"
) -> None:
    counted = recording(client, "get_item", "batch_get_item", "update_item")
    claimed(store_over(_OtherPages(counted, failing(AssertionError("there is no silence")))))
    assert [name for name, _ in counted.calls] == ["update_item", "update_item"]


def test_an_hour_after_the_last_silence_was_added_a_run_that_finds_none_looks_no_more(
    store: Store, store_over: Callable[[Any], Store], client: "DynamoDBClient", clock: Clock
) -> None:
    store.silences.add(silence())
    store.silences.end(silence())
    asked: list[str] = []

    def pages() -> Any:  # noqa: ANN401 (a paginator)
        asked.append("query")
        return client.get_paginator("query")

    other = store_over(_OtherPages(client, pages))

    def looks(tick: datetime) -> int:
        asked.clear()
        claimed(other, tick)
        return len(asked)

    assert looks(TICK) == 1, "whoever announced a silence may not have stored it yet"
    clock.forward(LONG)
    assert [looks(NEXT), looks(NEXT + HOUR)] == [1, 0]


def test_while_a_silence_lasts_every_run_finds_it(store: Store, clock: Clock) -> None:
    store.silences.add(silence(hours=9))
    clock.forward(LONG)
    assert [len(claimed(store, TICK + n * HOUR).silences) for n in range(3)] == [1, 1, 1]


def test_a_silence_that_is_added_while_a_run_finds_none_is_in_force(
    store: Store, store_over: Callable[[Any], Store], client: "DynamoDBClient", clock: Clock
) -> None:
    store.silences.add(silence(hours=0))
    clock.forward(LONG)

    class Pages:
        def paginate(self, **request: Any) -> list[Any]:  # noqa: ANN401
            pages = list(client.get_paginator("query").paginate(**request))
            store.silences.add(silence("late"))
            return pages

    late = store_over(_OtherPages(client, Pages))
    claimed(late)
    assert store.silences.at(NEXT) == (silence("late"),)


def test_a_tick_of_the_future_hides_no_silence(store: Store, clock: Clock) -> None:
    store.silences.add(silence())
    clock.now = TICK.timestamp() + 2 * LONG
    store.silences.add(silence())
    clock.forward(LONG)
    claimed(store, TICK + 900 * HOUR)
    assert store.silences.at(TICK) == (silence(),)


def test_silences_that_cannot_be_read_stop_no_run_and_are_found_by_the_next(
    store: Store, store_over: Callable[[Any], Store], client: "DynamoDBClient", clock: Clock
) -> None:
    store.silences.add(silence())
    clock.forward(LONG)
    error = refusal("ThrottlingException", "Query")
    broken = store_over(_OtherPages(client, failing(error)))
    assert claimed(broken).silences == ()
    assert claimed(store, NEXT).silences == (silence(),)


@pytest.mark.parametrize(
    "damage", [{"until": "never"}, {"match": {}}, {"match": {"account": 1}}, {"match": "a"}]
)
def test_a_damaged_silence_mutes_nothing_and_stops_nothing(
    store: Store, client: "DynamoDBClient", table: str, damage: dict[str, Any]
) -> None:
    item = {"pk": SILENCES, "sk": "2026-11-22T18:00:00Z#x", **silence_to_item(silence()), **damage}
    client.put_item(TableName=table, Item=serialize(item))
    store.silences.add(silence("fine"))
    assert claimed(store).silences == (silence("fine"),)


def test_a_damaged_announcement_is_forgotten_like_one_of_long_ago(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    put_attribute(client, table, "silenced_at", "yesterday")
    assert claimed(store).silences == ()
    item = client.get_item(TableName=table, Key=serialize({"pk": "RUN", "sk": "RUN"}))["Item"]
    assert "silenced_at" not in item


def test_thousands_of_silences_are_read_page_by_page(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    reason = "x" * 200
    many = [
        Silence(f"s{n:04}", {"account": f"account-{n:04}"}, TICK + HOUR, reason, TICK)
        for n in range(3_000)
    ]
    store.silences.add(many[0])
    for start in range(0, len(many), WRITE_BATCH):
        items = [
            {"pk": SILENCES, "sk": f"2026-11-22T11:05:00Z#{it.name}", **silence_to_item(it)}
            for it in many[start : start + WRITE_BATCH]
        ]
        puts = [{"PutRequest": {"Item": serialize(item)}} for item in items]
        client.batch_write_item(RequestItems={table: puts})  # type: ignore[dict-item]
    assert store.silences.at(TICK) == tuple(many)
