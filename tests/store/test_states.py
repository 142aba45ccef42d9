"""States and readings: a hundred to a read, twenty-five to a write, nothing lost under pressure."""

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
from tests.support.dynamodb_clients import Wrapped, failing_once, passed_on, processing, refusal
from tests.support.examples import NEXT, TICK, quiet_state, reading, state

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AStore = Callable[[Any], Store]
LARGEST, SMALLEST = Decimal("9.9999999999999999999999999999999999999E+125"), Decimal("1E-130")


def names(number: int) -> list[str]:
    return [f"account-{index:03}" for index in range(number)]


def quiet(number: int) -> list[tuple[AccountState, Reading | None]]:
    return [(state(name), reading()) for name in names(number)]


def test_a_new_account_has_no_state(store: Store) -> None:
    assert store.states(["search-prod"]) == {}


def test_no_account_needs_no_call(client: "DynamoDBClient", a_store: AStore) -> None:
    watched = passed_on(client, "batch_get_item", "batch_write_item")
    store = a_store(watched)
    assert store.states([]) == {}
    assert store.save([]) == set()
    assert watched.calls == []


def test_a_state_is_found_as_it_was_stored(store: Store) -> None:
    assert store.save([(quiet_state("a"), None)]) == set()
    assert store.states(["a", "b"]) == {"a": quiet_state("a")}


def test_the_states_of_250_accounts_are_read_a_hundred_at_a_time(
    client: "DynamoDBClient", a_store: AStore
) -> None:
    watched = passed_on(client, "batch_get_item")
    store = a_store(watched)
    store.save(quiet(250))
    assert store.states(names(250)) == {name: state(name) for name in names(250)}
    sizes = [len(next(iter(it["RequestItems"].values()))["Keys"]) for _, it in watched.calls]
    assert sizes == [100, 100, 50]


def test_states_and_readings_are_written_25_to_a_call(
    client: "DynamoDBClient", a_store: AStore
) -> None:
    watched = passed_on(client, "batch_write_item")
    assert a_store(watched).save(quiet(30)) == set()
    sizes = [len(next(iter(it["RequestItems"].values()))) for _, it in watched.calls]
    assert sizes == [25, 25, 10]


def test_a_failed_look_writes_a_state_and_no_reading(store: Store) -> None:
    store.save([(state("a"), None)])
    assert store.history("a", TICK, TICK) == []


def test_what_was_not_processed_is_written_again(client: "DynamoDBClient", a_store: AStore) -> None:
    store = a_store(processing(client, 10))
    assert store.save(quiet(20)) == set()
    assert len(store.states(names(20))) == 20
    assert all(store.history(name, TICK, TICK) for name in names(20))


def test_keys_that_were_not_processed_are_asked_for_again(
    client: "DynamoDBClient", store: Store, a_store: AStore
) -> None:
    store.save(quiet(120))
    assert len(a_store(processing(client, 40)).states(names(120))) == 120


def test_between_two_tries_it_waits(
    client: "DynamoDBClient", a_store: AStore, clock: Clock
) -> None:
    a_store(processing(client, 10)).save(quiet(20))
    assert len(clock.slept) == 2 + 1  # 25 items in three goes, 15 in two
    assert all(0 <= pause < 1 for pause in clock.slept)


def test_accounts_whose_items_are_never_processed_are_named(
    client: "DynamoDBClient", a_store: AStore
) -> None:
    assert a_store(processing(client, 0)).save(quiet(3)) == set(names(3))


def test_keys_that_are_never_processed_are_an_error(
    client: "DynamoDBClient", a_store: AStore
) -> None:
    with pytest.raises(TimeoutError, match="left keys unread"):
        a_store(processing(client, 0)).states(["a"])


@pytest.mark.parametrize(
    "error",
    [refusal("ThrottlingException"), EndpointConnectionError(endpoint_url="x")],
    ids=["throttled", "unreachable"],
)
def test_a_call_that_fails_costs_no_other_call_its_accounts(
    client: "DynamoDBClient", a_store: AStore, error: Exception
) -> None:
    fails_first = failing_once(client.batch_write_item, error)
    store = a_store(Wrapped(client, batch_write_item=fails_first))
    unsaved = store.save(quiet(30))
    assert unsaved == set(names(13))
    assert set(names(30)) - unsaved <= set(store.states(names(30)))


@pytest.mark.parametrize(
    "balance",
    [LARGEST, LARGEST.copy_negate(), SMALLEST, Decimal(200), Decimal("7189.245"), Decimal(0)],
    ids=str,
)
def test_an_amount_keeps_every_digit(store: Store, balance: Decimal) -> None:
    one = replace(reading(), balance=balance)
    store.save([(replace(state("a"), reading=one), one)])
    assert store.history("a", TICK, TICK) == [one]
    assert store.states(["a"])["a"].reading == one


def test_a_range_of_history_has_both_ends_and_nothing_else(store: Store) -> None:
    readings = [reading(str(hour), TICK + timedelta(hours=hour)) for hour in range(5)]
    for one in readings:
        store.save([(state("a"), one)])
    since, until = TICK + timedelta(hours=1), TICK + timedelta(hours=3)
    assert store.history("a", since, until) == readings[1:4]


def test_history_is_oldest_first_however_it_was_written(store: Store) -> None:
    store.save([(state("a"), reading("2", NEXT)), (state("b"), None)])
    store.save([(state("a"), reading("1", TICK))])
    balances = [one.balance for one in store.history("a", TICK, NEXT)]
    assert balances == [Decimal(1), Decimal(2)]


def test_an_account_has_its_own_history(store: Store) -> None:
    store.save([(state("a"), reading("1")), (state("a#b"), reading("2"))])
    assert store.history("a", TICK, TICK) == [reading("1")]


def test_a_long_history_is_read_to_its_end(store: Store) -> None:
    # Of 8 KB each, far more than a reading has, so that 150 are more than one Query returns: 1 MB.
    wide = replace(reading(), status="s" * 8192)
    ticks = [TICK + timedelta(minutes=5 * index) for index in range(150)]
    for at in ticks:
        store.save([(state("a"), replace(wide, observed_at=at))])
    found = store.history("a", TICK, ticks[-1])
    assert [one.observed_at for one in found] == ticks


def test_there_is_no_last_good_policy_at_first(store: Store) -> None:
    assert store.last_good_policy() is None


def test_the_last_good_policy_is_the_one_kept_last(store: Store) -> None:
    store.keep_policy("[defaults]\n")
    store.keep_policy('[defaults]\nreminder = "1h"\n')
    assert store.last_good_policy() == '[defaults]\nreminder = "1h"\n'


def test_an_empty_policy_is_kept_too(store: Store) -> None:
    store.keep_policy("")
    assert store.last_good_policy() == ""
