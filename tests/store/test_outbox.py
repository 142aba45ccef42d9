"""An outbox entry stays pending until it is removed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from balance_watch.domain.outbox import WHOLE, OutboxEntry, Outgoing, Pending
from balance_watch.store.dynamodb import Store
from balance_watch.store.outbox import entry_key
from tests.support.dynamodb_clients import Wrapped, failing, processing, recording, refusal
from tests.support.examples import NEXT, SLACK, SNS, TICK, entry, order, transition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

StoreOver = Callable[[Any], Store]


def names(number: int) -> list[str]:
    return [f"account-{index:03}" for index in range(number)]


def add(store: Store, *entries: Outgoing) -> None:
    """Stores a transition for each of these entries."""
    run = store.runs.claim(TICK, 100)
    assert run is not None
    transitions = [
        transition(entry.notification.account)._replace(entries=(entry,)) for entry in entries
    ]
    assert store.save_transitions(run, transitions) == set()


def test_nothing_is_pending_at_first(store: Store) -> None:
    assert store.outbox.pending() == Pending([], [], [])


def test_pending_entries_are_returned_oldest_first(store: Store) -> None:
    add(store, entry("a", at=NEXT), entry("b"))
    assert store.outbox.pending().entries == [entry("b"), entry("a", at=NEXT)]


def test_a_payment_order_is_no_entry_for_a_channel(store: Store) -> None:
    add(store, order("a"), entry("b"))
    assert store.outbox.pending() == Pending([entry("b")], [order("a")], [])


def test_a_removed_entry_is_no_longer_pending(store: Store) -> None:
    run = store.runs.claim(TICK, 100)
    assert run is not None
    store.save_transitions(run, [transition("a", (SNS, SLACK))])
    assert store.outbox.remove([entry("a", SNS)])
    assert store.outbox.pending().entries == [entry("a", SLACK)]


def test_a_removed_payment_order_is_no_longer_pending(store: Store) -> None:
    add(store, order("a"))
    assert store.outbox.remove([order("a")])
    assert store.outbox.pending().orders == []


def test_an_entry_can_be_removed_twice(store: Store) -> None:
    add(store, entry("a"))
    assert store.outbox.remove([entry("a")])
    assert store.outbox.remove([entry("a")])


def test_sixty_entries_are_removed_in_three_calls(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    recorded = recording(client, "batch_write_item")
    store = store_over(recorded)
    add(store, *map(entry, names(60)))
    assert store.outbox.remove(store.outbox.pending().entries)
    assert len(recorded.calls) == 3
    assert store.outbox.pending() == Pending([], [], [])


def test_entries_that_were_left_unprocessed_are_removed_by_another_attempt(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    store = store_over(processing(client, 7))
    add(store, *map(entry, names(20)))
    assert store.outbox.remove(store.outbox.pending().entries)
    assert store.outbox.pending() == Pending([], [], [])


def test_entries_that_cannot_be_removed_are_reported(
    client: "DynamoDBClient", store_over: StoreOver
) -> None:
    store = store_over(processing(client, 0))
    add(store, entry("a"))
    assert not store.outbox.remove(store.outbox.pending().entries)


def test_many_entries_are_all_read(store: Store) -> None:
    run = store.runs.claim(TICK, 100)
    assert run is not None
    for name in names(4):  # of 300 KB each: more than the 1 MB that one Query returns
        wide = OutboxEntry(replace(entry(name).notification, detail="d" * 300_000), SNS)
        transitions = [transition(name)._replace(entries=(wide,))]
        assert store.save_transitions(run, transitions) == set()
    accounts = {pending.notification.account for pending in store.outbox.pending().entries}
    assert accounts == set(names(4))


def owe_many(store: Store, ticks: int = 12) -> list[OutboxEntry]:
    """Stores an order, and 97 entries of each tick; returns the entries, the oldest first."""
    run = store.runs.claim(TICK, 100)
    assert run is not None
    ordering = transition("paid")._replace(entries=(order("paid"),))
    assert store.save_transitions(run, [ordering]) == set()
    all_of_them: list[OutboxEntry] = []
    for number in range(ticks):
        at = TICK + number * (NEXT - TICK)
        many = [entry("a", f"slack:{channel}", at=at) for channel in range(97)]
        said = transition(f"a-{number}")._replace(entries=tuple(many))
        assert store.save_transitions(run, [said]) == set()
        all_of_them += sorted(many, key=lambda it: it.channel)
    return all_of_them


def test_of_many_entries_outlines_are_pending_and_each_can_be_made_whole(store: Store) -> None:
    entries = owe_many(store)
    pending = store.outbox.pending()
    assert len(entries) > WHOLE
    assert (pending.orders, pending.is_cut) == ([order("paid")], False)
    assert all(it.outline_of for it in pending.entries)
    assert store.outbox.whole(pending.entries) == entries


def test_without_time_the_newest_entries_and_every_order_are_pending(store: Store) -> None:
    entries = owe_many(store)
    time = iter([True] * 30)
    pending = store.outbox.pending(lambda: next(time, False))
    assert pending == Pending(entries[-30:], [order("paid")], [], is_cut=True)


def test_an_entry_that_was_removed_meanwhile_is_left_out(store: Store) -> None:
    add(store, entry("a"), entry("b"))
    outlines = [it.outlined(str(entry_key(it)["sk"])) for it in store.outbox.pending().entries]
    assert store.outbox.remove([entry("a")])
    assert store.outbox.whole([*outlines, entry("c")]) == [entry("b"), entry("c")]


def test_one_stored_entry_makes_the_outlines_of_several_channels_whole(store: Store) -> None:
    add(store, entry("a"))
    outline = entry("a").outlined(str(entry_key(entry("a"))["sk"]))
    others = [outline._replace(channel=name) for name in (SNS, SLACK)]
    assert [it.channel for it in store.outbox.whole(others)] == [SNS, SLACK]


def test_outlines_that_cannot_be_read_are_left_out(
    client: "DynamoDBClient", store_over: StoreOver, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_over(
        Wrapped(client, batch_get_item=failing(refusal("ProvisionedThroughputExceededException")))
    )
    outline = entry("a").outlined(str(entry_key(entry("a"))["sk"]))
    assert store.outbox.whole([outline, entry("b")]) == [entry("b")]
    assert "cannot be read" in caplog.text


def test_an_entry_that_was_taken_in_place_of_its_channel_stays_and_says_so(store: Store) -> None:
    add(store, entry("a", SLACK))
    assert store.outbox.mark_taken([entry("a", SLACK)], SNS)
    assert store.outbox.pending().entries == [entry("a", SLACK)._replace(taken_by=(SNS,))]


def test_what_an_entry_covers_is_removed_with_it(store: Store) -> None:
    add(store, entry("a"), entry("b"))
    assert store.outbox.remove([entry("a")._replace(covers=(entry("b"),))])
    assert store.outbox.pending().entries == []


def test_a_damaged_item_is_removed_by_its_key(store: Store) -> None:
    add(store, entry("a"))
    assert store.outbox.discard([entry_key(entry("a"))["sk"]])
    assert store.outbox.pending().entries == []
