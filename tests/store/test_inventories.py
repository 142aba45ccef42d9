"""The inventory: stored once for each change, read without a secret."""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.inventory import Inventory, public
from balance_watch.store.dynamodb import Store
from balance_watch.store.inventories import (
    digest_of,
    inventory_from_items,
    inventory_to_items,
)
from balance_watch.store.items import time_of
from balance_watch.store.table import deserialize, serialize
from tests.support.clock import Clock
from tests.support.examples import TICK

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CANARY = "never shown"
AT = time_of("2026-11-22T10:05:00Z")
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
accounts = st.builds(
    Account,
    words,
    words,
    alert_below=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    labels=st.dictionaries(words, words, max_size=3),
    currency=st.none() | words,
    runs_dry=st.none()
    | st.lists(st.integers(1, 10**7).map(lambda s: timedelta(seconds=s))).map(tuple),
    empty=st.none() | st.booleans(),
    expires_at=st.none() | st.just(AT),
)
inventories = st.builds(
    Inventory,
    st.lists(accounts, max_size=4).map(tuple),
    st.lists(accounts, max_size=2).map(tuple),
    st.lists(words, unique=True).map(lambda it: tuple(sorted(it))),
    st.lists(words, unique=True).map(lambda it: tuple(sorted(it))),
    st.booleans(),
)


@given(inventories)
def test_an_inventory_comes_back_as_it_was(inventory: Inventory) -> None:
    items = [deserialize(serialize(item)) for item in inventory_to_items(inventory)]
    assert inventory_from_items(items) == inventory


def test_a_table_has_no_inventory_before_the_first_run(store: Store) -> None:
    assert store.inventories.latest() is None


def test_the_inventory_is_the_one_stored_last(store: Store) -> None:
    run = store.runs.claim(TICK, 100)
    assert run is not None
    for name in ("one", "two"):
        assert store.save_inventory(run, Inventory((Account(name, "you"),)))
    assert store.inventories.latest() == Inventory((Account("two", "you"),))


def test_a_run_that_lost_its_lease_stores_no_inventory(store: Store, clock: Clock) -> None:
    run = store.runs.claim(TICK, 100)
    assert run is not None
    clock.now += 101
    assert store.runs.claim(TICK + timedelta(minutes=5), 100) is not None
    assert not store.save_inventory(run, Inventory((Account("late", "you"),)))
    assert store.inventories.latest() is None


def test_a_large_inventory_has_several_items_and_a_smaller_one_after_it_is_read_alone(
    store: Store,
) -> None:
    labels = ({"id": hashlib.sha256(str(it).encode()).hexdigest()} for it in range(12_000))
    large = Inventory(
        tuple(Account(f"account-{it}", "you", labels=of) for it, of in enumerate(labels))
    )
    assert len(inventory_to_items(large)) > 1
    run = store.runs.claim(TICK, 100)
    assert run is not None
    assert store.save_inventory(run, large)
    assert store.inventories.latest() == large
    small = Inventory((Account("only", "you"),))
    assert store.save_inventory(run, small)
    assert store.inventories.latest() == small


@pytest.mark.parametrize(
    "damage", [{"data": "x"}, {"data": "eJw="}, {"pages": "many"}, {"data": ""}]
)
def test_a_damaged_inventory_is_none(
    store: Store, client: "DynamoDBClient", table: str, damage: dict[str, object]
) -> None:
    run = store.runs.claim(TICK, 100)
    assert run is not None
    (item,) = inventory_to_items(Inventory((Account("one", "you"),)))
    client.put_item(TableName=table, Item=serialize({**item, **damage}))
    assert store.inventories.latest() is None


def test_an_inventory_has_nothing_that_people_may_not_see() -> None:
    account = Account(
        "sms",
        "vonage",
        credentials={"api_key": CANARY},
        base_url=f"https://gateway.example/{CANARY}",
        variables={"trx": CANARY},
        auth="query",
        purse=CANARY,
    )
    stored = inventory_from_items(inventory_to_items(Inventory(public([account]))))
    assert stored == Inventory((Account("sms", "vonage"),))


def test_two_inventories_have_one_digest_only_if_they_are_the_same() -> None:
    one, other = Inventory((Account("a", "you"),)), Inventory((Account("b", "you"),))
    assert digest_of(one) == digest_of(Inventory((Account("a", "you"),)))
    assert len({digest_of(it) for it in (one, other, replace(one, is_whole=False))}) == 3


def test_while_a_secret_cannot_be_read_its_accounts_stay() -> None:
    before = Inventory((Account("a", "you"), Account("b", "you")))
    partial = Inventory((Account("b", "vonage"), Account("c", "you")), is_whole=False)
    assert [it.name for it in partial.with_those_of(before).accounts] == ["b", "c", "a"]
    assert partial.with_those_of(None) == partial


def test_an_account_that_is_removed_is_gone() -> None:
    before, now = Inventory((Account("a", "you"),)), Inventory((Account("b", "you"),))
    assert now.with_those_of(before) == now
