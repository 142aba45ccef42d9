"""States and readings: a hundred to a read, 25 to a write, and none lost under throttling."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError
from msgspec.structs import replace

from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState, followed_by, observe
from balance_watch.store.dynamodb import Store
from balance_watch.store.packs import hour_of, pack_to_item, readings_of_item
from balance_watch.store.readings import reading_from_item, reading_to_item
from balance_watch.store.sizes import WRITE_UNIT, size_of
from balance_watch.store.states import state_to_item
from balance_watch.store.table import deserialize, serialize
from tests.support.clock import Clock
from tests.support.dynamodb_clients import (
    Wrapped,
    failing,
    failing_after_once,
    failing_once,
    processing,
    recording,
    refusal,
)
from tests.support.examples import TICK, quiet_state, reading, state

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

StoreOver = Callable[[Any], Store]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LARGEST, SMALLEST = Decimal("9.9999999999999999999999999999999999999E+125"), Decimal("1E-130")


def names(number: int) -> list[str]:
    return [f"account-{index:03}" for index in range(number)]


def quiet(number: int) -> list[AccountState]:
    return [state(name) for name in names(number)]


def read_in_turn(store: Store, readings: list[Reading], *accounts: str) -> None:
    """Stores what these readings make of the states of accounts ("a"), as a run for each does."""
    names = accounts or ("a",)
    for each in readings:
        states = store.accounts.states(names)
        before = [states.get(name, AccountState(name)) for name in names]
        changed = [
            replace(it, checked_at=each.observed_at, reading=each, recent=it.readings)
            for it in before
        ]
        assert store.accounts.save(changed) == set()


def test_a_new_account_has_no_state(store: Store) -> None:
    assert store.accounts.states(["search-prod"]) == {}


def test_no_account_needs_no_call(client: "DynamoDBClient", store_over: StoreOver) -> None:
    recorded = recording(client, "batch_get_item", "batch_write_item")
    store = store_over(recorded)
    assert store.accounts.states([]) == {}
    assert store.accounts.save([]) == set()
    assert recorded.calls == []


def test_a_state_is_read_as_it_was_written(store: Store) -> None:
    assert store.accounts.save([quiet_state("a")]) == set()
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


def test_states_are_written_25_to_a_call(client: "DynamoDBClient", store_over: StoreOver) -> None:
    recorded = recording(client, "batch_write_item")
    assert store_over(recorded).accounts.save(quiet(30)) == set()
    sizes = [len(next(iter(request["RequestItems"].values()))) for _, request in recorded.calls]
    assert sizes == [25, 5]


def test_a_state_without_a_reading_adds_none_to_the_history(store: Store) -> None:
    store.accounts.save([replace(state("a"), reading=None)])
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
    assert len(clock.slept) == 1  # 20 items in two attempts
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
    assert unsaved == set(names(25))
    assert set(names(30)) - unsaved <= set(store.accounts.states(names(30)))


@pytest.mark.parametrize(
    "balance",
    [LARGEST, LARGEST.copy_negate(), SMALLEST, Decimal(200), Decimal("7189.245"), Decimal(0)],
    ids=str,
)
def test_an_amount_keeps_every_digit(store: Store, balance: Decimal) -> None:
    written = replace(reading(), balance=balance)
    store.accounts.save([replace(state("a"), reading=written)])
    assert store.accounts.history("a", TICK, TICK) == [written]
    assert store.accounts.states(["a"])["a"].reading == written


def test_a_range_of_history_has_both_ends_and_nothing_outside(store: Store) -> None:
    readings = [reading(str(hour), TICK + timedelta(hours=hour)) for hour in range(5)]
    read_in_turn(store, readings)
    since, until = TICK + timedelta(hours=1), TICK + timedelta(hours=3)
    assert store.accounts.history("a", since, until) == readings[1:4]


def test_an_account_has_its_own_history(store: Store) -> None:
    read_in_turn(store, [reading("1")])
    read_in_turn(store, [reading("2")], "a#b")
    assert store.accounts.history("a", TICK, TICK) == [reading("1")]


def test_a_long_history_is_all_read(store: Store) -> None:
    # 150 of 8 KB each, far larger than any reading: more than the 1 MB that one Query returns.
    ticks = [TICK + timedelta(minutes=5 * index) for index in range(150)]
    read_in_turn(store, [replace(reading(at=at), status="s" * 8192) for at in ticks])
    found = store.accounts.history("a", TICK, ticks[-1])
    assert [each.observed_at for each in found] == ticks


def test_the_readings_of_an_hour_become_one_item(
    client: "DynamoDBClient", table: str, store: Store
) -> None:
    day = [reading(f"{index}.5", TICK + index * timedelta(minutes=5)) for index in range(24 * 12)]
    read_in_turn(store, day)
    kept = items_of(client, table)
    assert 23 <= len(kept) <= 24
    assert store.accounts.history("a", TICK, day[-1].observed_at) == day


def test_a_release_without_packs_reads_the_latest_reading_of_each(
    client: "DynamoDBClient", table: str, store: Store
) -> None:
    read_in_turn(store, [reading(f"{n}", TICK + n * timedelta(minutes=5)) for n in range(30)])
    for item in items_of(client, table):
        alone = reading_from_item(item)
        assert alone == reading(str(alone.balance), alone.observed_at)


def test_readings_that_have_no_room_in_the_state_become_items_before_the_hour_is_over(
    client: "DynamoDBClient", table: str, store: Store
) -> None:
    texts = [f"{index}" * 300 for index in range(6)]
    readings = [
        replace(reading(at=TICK + index * timedelta(minutes=5)), status=text)
        for index, text in enumerate(texts)
    ]
    read_in_turn(store, readings)
    assert len(items_of(client, table)) >= 2
    assert size_of(item_of_state(client, table)) <= WRITE_UNIT
    assert store.accounts.history("a", TICK, readings[-1].observed_at) == readings


def test_a_state_that_is_larger_anyway_keeps_its_readings_for_the_hour(
    client: "DynamoDBClient", table: str, store: Store
) -> None:
    text = "s" * 1500
    hour = [
        replace(reading(f"{n}", TICK - timedelta(minutes=5 * (11 - n))), status=text)
        for n in range(12)
    ]
    read_in_turn(store, hour)
    assert len(items_of(client, table)) <= 1


def test_the_packs_of_many_accounts_are_not_all_written_in_one_run(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    recorded = recording(client, "batch_write_item")
    store = store_over(recorded)
    for index in range(13):
        read_in_turn(store, [reading(f"{index}", TICK + index * timedelta(minutes=5))], *names(60))
        if index == 0:
            recorded.calls.clear()
    sizes = [len(next(iter(request["RequestItems"].values()))) for _, request in recorded.calls]
    assert sum(sizes) == 12 * 60 + 60
    # 60 states are three calls; no run has to write more packs than one further call takes.
    assert max(sizes) <= 25
    assert len(sizes) <= 12 * 4


def test_a_pack_that_cannot_be_stored_leaves_its_readings_in_the_state(
    client: "DynamoDBClient", store: Store, store_over: StoreOver
) -> None:
    hours = [reading("1"), reading("2", TICK + timedelta(hours=2))]
    read_in_turn(store, hours[:1])
    throttled = failing(refusal("ThrottlingException"))
    late = replace(state("a", hours[1].observed_at), reading=hours[1], recent=(hours[0],))
    assert store_over(Wrapped(client, batch_write_item=throttled)).accounts.save([late]) == {"a"}
    assert store.accounts.history("a", TICK, hours[1].observed_at) == hours[:1]


def test_a_run_that_dies_between_a_pack_and_its_state_loses_and_doubles_nothing(
    client: "DynamoDBClient", store: Store, store_over: StoreOver
) -> None:
    hours = [reading(f"{hour}", TICK + timedelta(hours=2 * hour)) for hour in range(3)]
    read_in_turn(store, hours[:1])
    dies = failing_after_once(client.batch_write_item, refusal("InternalServerError"))
    dying = Wrapped(client, batch_write_item=dies)
    late = replace(state("a", hours[1].observed_at), reading=hours[1], recent=(hours[0],))
    assert store_over(dying).accounts.save([late]) == {"a"}
    assert store.accounts.history("a", TICK, hours[2].observed_at) == hours[:1]
    read_in_turn(store, hours[2:])
    assert store.accounts.history("a", TICK, hours[2].observed_at) == [hours[0], hours[2]]


def test_readings_that_an_earlier_release_stored_one_by_one_are_read(
    client: "DynamoDBClient", table: str, store: Store
) -> None:
    before = [reading(f"{n}", TICK - timedelta(minutes=5 * (3 - n))) for n in range(3)]
    for each in before:
        item = serialize(reading_to_item("a", each, 400))
        client.put_item(TableName=table, Item=item)
    # Its state has the latest of them too.
    client.put_item(TableName=table, Item=serialize(state_to_item(state("a", balance="2"))))
    read_in_turn(store, [reading("9")])
    assert store.accounts.history("a", before[0].observed_at, TICK)[:2] == before[:2]
    times = [it.observed_at for it in store.accounts.history("a", before[0].observed_at, TICK)]
    assert times == sorted(set(times))


def test_a_tick_of_the_future_that_was_removed_hides_no_reading(store: Store) -> None:
    begin = next(at for at in minutes(TICK) if hour_of("a", at) != hour_of("a", at - MINUTE))
    check(store, [reading("1", begin), reading("3", begin + 50 * MINUTE)])
    check(store, [reading("2", begin + 5 * MINUTE), reading("4", begin + 70 * MINUTE)])
    late = store.accounts.history("a", begin + 40 * MINUTE, begin + 80 * MINUTE)
    assert [it.balance for it in late] == [3, 4]


def test_of_a_tick_that_comes_again_the_later_reading_counts(store: Store) -> None:
    early, late = TICK + 5 * MINUTE, TICK + 10 * MINUTE
    for again in ([reading("1", late), reading("2", early)], [reading("3", late)]):
        check(store, again)
    check(store, [reading("4", late + MINUTE)])
    balances = [it.balance for it in store.accounts.history("a", TICK, late + MINUTE)]
    assert balances == [2, 3, 4]


def test_a_pack_holds_one_hour_even_if_a_payment_put_earlier_readings_back(
    client: "DynamoDBClient", table: str, store: Store
) -> None:
    readings = tuple(reading(f"{n}", TICK + n * 40 * MINUTE) for n in range(4))
    store.accounts.save([replace(state("a"), reading=readings[-1], recent=readings[:-1])])
    for item in items_of(client, table):
        packed = list(readings_of_item(item))
        assert packed[-1].observed_at - packed[0].observed_at < HOUR
    assert store.accounts.history("a", TICK, readings[-1].observed_at) == list(readings)


@pytest.mark.parametrize(
    ("damage", "left"), [({"earlier": "5:x"}, ["2", "3"]), ({"bal": "x"}, ["3"])]
)
def test_malformed_readings_hide_no_others(
    client: "DynamoDBClient",
    table: str,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    damage: dict[str, Any],
    left: list[str],
) -> None:
    packed = [reading("1", TICK), reading("2", TICK + MINUTE)]
    item = pack_to_item("a", packed, 400) | damage
    client.put_item(TableName=table, Item=serialize(item))
    read_in_turn(store, [reading("3", TICK + 2 * HOUR)])
    found = store.accounts.history("a", TICK, TICK + 2 * HOUR)
    assert [str(it.balance) for it in found] == left
    assert "malformed readings are left out" in caplog.text


def check(store: Store, readings: list[Reading]) -> None:
    """Stores these readings of an account ("a") in turn, as the checks of their times do."""
    for each in readings:
        before = store.accounts.states(["a"]).get("a", AccountState("a"))
        after = followed_by(before, observe(before, each, each.observed_at))
        assert store.accounts.save([after]) == set()


def minutes(begin: datetime) -> Iterator[datetime]:
    return (begin + n * MINUTE for n in range(61))


def items_of(client: "DynamoDBClient", table: str) -> list[dict[str, Any]]:
    """Returns the items of the history, as they are stored."""
    items = [deserialize(item) for item in client.scan(TableName=table)["Items"]]
    return [item for item in items if item["sk"].startswith("AT#")]


def item_of_state(client: "DynamoDBClient", table: str) -> dict[str, Any]:
    items = [deserialize(item) for item in client.scan(TableName=table)["Items"]]
    return next(item for item in items if item["sk"] == "STATE")
