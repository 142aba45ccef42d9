"""States and readings: a hundred to a read, 25 to a write, and none lost under throttling."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store
from tests.support.clock import Clock
from tests.support.dynamodb_clients import Wrapped, failing_once, processing, recording, refusal
from tests.support.examples import NEXT, TICK, quiet_state, reading, state

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

StoreOver = Callable[[Any], Store]
LARGEST, SMALLEST = Decimal("9.9999999999999999999999999999999999999E+125"), Decimal("1E-130")


def names(number: int) -> list[str]:
    return [f"account-{index:03}" for index in range(number)]


def quiet(number: int) -> list[tuple[AccountState, Reading | None]]:
    return [(state(name), reading()) for name in names(number)]


def test_a_new_account_has_no_state(store: Store) -> None:
    assert store.accounts.states(["search-prod"]) == {}


def test_no_account_needs_no_call(client: "DynamoDBClient", store_over: StoreOver) -> None:
    recorded = recording(client, "batch_get_item", "batch_write_item")
    store = store_over(recorded)
    assert store.accounts.states([]) == {}
    assert store.accounts.save([]) == set()
    assert recorded.calls == []


def test_a_state_is_read_as_it_was_written(store: Store) -> None:
    assert store.accounts.save([(quiet_state("a"), None)]) == set()
    assert store.accounts.states(["a", "b"]) == {"a": quiet_state("a")}


def test_the_states_of_250_accounts_are_read_a_hundred_at_a_time(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    recorded = recording(client, "batch_get_item")
    store = store_over(recorded)
    store.accounts.save(quiet(250))
    assert store.accounts.states(names(250)) == {name: state(name) for name in names(250)}
    sizes = [
        len(next(iter(request["RequestItems"].values()))["Keys"]) for _, request in recorded.calls
    ]
    assert sizes == [100, 100, 50]


def test_states_and_readings_are_written_25_to_a_call(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    recorded = recording(client, "batch_write_item")
    assert store_over(recorded).accounts.save(quiet(30)) == set()
    sizes = [len(next(iter(request["RequestItems"].values()))) for _, request in recorded.calls]
    assert sizes == [25, 25, 10]


def test_a_failed_read_writes_a_state_and_no_reading(store: Store) -> None:
    store.accounts.save([(state("a"), None)])
    assert store.accounts.history("a", TICK, TICK) == []


def test_items_that_were_left_unprocessed_are_written_by_another_attempt(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    store = store_over(processing(client, 10))
    assert store.accounts.save(quiet(20)) == set()
    assert len(store.accounts.states(names(20))) == 20
    assert all(store.accounts.history(name, TICK, TICK) for name in names(20))


def test_keys_that_were_left_unprocessed_are_read_by_another_attempt(
    client: "DynamoDBClient", store: Store, store_over: StoreOver
) -> None:
    store.accounts.save(quiet(120))
    assert len(store_over(processing(client, 40)).accounts.states(names(120))) == 120


def test_it_waits_between_two_attempts(
    client: "DynamoDBClient", store_over: StoreOver, clock: Clock
) -> None:
    store_over(processing(client, 10)).accounts.save(quiet(20))
    assert len(clock.slept) == 2 + 1  # 25 items in three attempts, 15 in two
    assert all(0 <= pause < 1 for pause in clock.slept)


def test_accounts_whose_items_are_never_processed_are_returned(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    assert store_over(processing(client, 0)).accounts.save(quiet(3)) == set(names(3))


def test_keys_that_are_never_processed_raise_an_error(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    with pytest.raises(TimeoutError, match="left keys unread"):
        store_over(processing(client, 0)).accounts.states(["a"])


@pytest.mark.parametrize(
    "error",
    [refusal("ThrottlingException"), EndpointConnectionError(endpoint_url="x")],
    ids=["throttled", "unreachable"],
)
def test_a_call_that_fails_loses_only_its_own_accounts(
    client: "DynamoDBClient", store_over: StoreOver, error: Exception
) -> None:
    fails_first = failing_once(client.batch_write_item, error)
    store = store_over(Wrapped(client, batch_write_item=fails_first))
    unsaved = store.accounts.save(quiet(30))
    assert unsaved == set(names(13))
    assert set(names(30)) - unsaved <= set(store.accounts.states(names(30)))


@pytest.mark.parametrize(
    "balance",
    [LARGEST, LARGEST.copy_negate(), SMALLEST, Decimal(200), Decimal("7189.245"), Decimal(0)],
    ids=str,
)
def test_an_amount_keeps_every_digit(store: Store, balance: Decimal) -> None:
    written = replace(reading(), balance=balance)
    store.accounts.save([(replace(state("a"), reading=written), written)])
    assert store.accounts.history("a", TICK, TICK) == [written]
    assert store.accounts.states(["a"])["a"].reading == written


def test_a_range_of_history_has_both_ends_and_nothing_outside(store: Store) -> None:
    readings = [reading(str(hour), TICK + timedelta(hours=hour)) for hour in range(5)]
    for written in readings:
        store.accounts.save([(state("a"), written)])
    since, until = TICK + timedelta(hours=1), TICK + timedelta(hours=3)
    assert store.accounts.history("a", since, until) == readings[1:4]


def test_history_is_oldest_first_in_whatever_order_it_was_written(store: Store) -> None:
    store.accounts.save([(state("a"), reading("2", NEXT)), (state("b"), None)])
    store.accounts.save([(state("a"), reading("1", TICK))])
    balances = [found.balance for found in store.accounts.history("a", TICK, NEXT)]
    assert balances == [Decimal(1), Decimal(2)]


def test_an_account_has_its_own_history(store: Store) -> None:
    store.accounts.save([(state("a"), reading("1")), (state("a#b"), reading("2"))])
    assert store.accounts.history("a", TICK, TICK) == [reading("1")]


def test_a_long_history_is_all_read(store: Store) -> None:
    # 150 of 8 KB each, far larger than any reading: more than the 1 MB that one Query returns.
    wide = replace(reading(), status="s" * 8192)
    ticks = [TICK + timedelta(minutes=5 * index) for index in range(150)]
    for at in ticks:
        store.accounts.save([(state("a"), replace(wide, observed_at=at))])
    found = store.accounts.history("a", TICK, ticks[-1])
    assert [each.observed_at for each in found] == ticks
