"""The packs and events that a report needs of an account: one call reads both."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from balance_watch.domain.event import Event
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store
from balance_watch.store.events import event_to_item
from balance_watch.store.readings import reading_to_item
from balance_watch.store.table import serialize
from tests.support.examples import TICK, low_balance, reading, state

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from balance_watch.store.items import Item

DAY = timedelta(days=1)
NAME = "search-prod"


@pytest.fixture
def queries(client: "DynamoDBClient") -> Iterator[list[object]]:
    """Returns a list to which each call of Query is added."""
    seen: list[object] = []

    def count(params: object, **_: object) -> None:
        seen.append(params)

    client.meta.events.register("before-call.dynamodb.Query", count)
    yield seen
    client.meta.events.unregister("before-call.dynamodb.Query", count)


@pytest.fixture
def _stored(client: "DynamoDBClient", table: str) -> None:
    """Stores a reading and an event of each of twenty days, the costs, and the state."""
    items: list[Item] = [
        {"pk": f"ACCOUNT#{NAME}", "sk": "COSTS"},
        {"pk": f"ACCOUNT#{NAME}", "sk": "STATE"},
    ]
    for number in range(20):
        at = TICK - number * DAY
        items.append(reading_to_item(NAME, reading(at=at), 400))
        items.append(event_to_item(Event(low_balance(NAME, at), ("sns",)), 400))
    for item in items:
        client.put_item(TableName=table, Item=serialize(item))


def found(
    store: Store, since: int, until: int, events_since: int, checked: AccountState
) -> tuple[list[int], list[int]]:
    """Returns the ages of the packs and of the events in days, for times in days before now."""
    packs, events = store.packs_and_events(
        checked, TICK - since * DAY, TICK - until * DAY, TICK - events_since * DAY
    )
    keys = {reading_to_item(NAME, reading(at=TICK - it * DAY), 400)["sk"]: it for it in range(20)}
    return (
        [keys[it["sk"]["S"]] for it in packs],
        [(TICK - it.notification.said_at) // DAY for it in events],
    )


@pytest.mark.usefixtures("_stored")
def test_packs_and_events_each_begin_at_a_time_of_their_own(store: Store) -> None:
    assert found(store, 3, 0, 5, state(NAME)) == ([3, 2, 1, 0], [5, 4, 3, 2, 1, 0])


@pytest.mark.usefixtures("_stored")
def test_one_call_reads_both(store: Store, queries: list[object]) -> None:
    found(store, 3, 0, 5, state(NAME))
    assert len(queries) == 1


@pytest.mark.usefixtures("_stored")
def test_of_a_time_that_is_past_nothing_later_is_read(store: Store, queries: list[object]) -> None:
    assert found(store, 9, 7, 8, replace(state(NAME), checked_at=TICK)) == ([9, 8, 7], [8, 7])
    assert len(queries) == 2


def test_a_new_account_has_neither(store: Store) -> None:
    assert found(store, 3, 0, 5, AccountState(NAME)) == ([], [])


@pytest.mark.usefixtures("_stored")
def test_a_malformed_event_hides_no_other(
    store: Store, client: "DynamoDBClient", table: str
) -> None:
    damaged = event_to_item(Event(low_balance(NAME, TICK - DAY), ("sns",)), 400)
    client.put_item(TableName=table, Item=serialize(damaged | {"notification": "{"}))
    assert found(store, 0, 0, 2, state(NAME)) == ([0], [2, 0])
