"""Items: what goes in comes out, and an ordinary one takes one write unit."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.notification import OutboxEntry
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState
from balance_watch.domain.trend import Sample
from balance_watch.store import items, outbox, runs
from balance_watch.store.items import WRITE_UNIT
from balance_watch.store.sizes import size_of
from tests.support import strategies as domains
from tests.support.examples import TICK, owed, quiet_state, reading, state, well_filled_reading


def through_the_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """As boto3 writes and reads it."""
    packed = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    return {name: TypeDeserializer().deserialize(value) for name, value in packed.items()}


@given(domains.words, domains.readings)
def test_a_reading_comes_back_as_it_was(account: str, given_one: Reading) -> None:
    item = through_the_wire(items.reading_to_item(account, given_one, 400))
    assert items.reading_from_item(item) == given_one


@given(domains.states())
def test_a_state_comes_back_as_it_was(given_one: AccountState) -> None:
    found = items.state_from_item(through_the_wire(items.state_to_item(given_one)))
    assert replace(found, trend=given_one.trend) == given_one
    assert set(found.trend) <= set(given_one.trend), "thinned out, where there is no room"
    assert found.trend[-1:] == given_one.trend[-1:]


@given(domains.debts)
def test_what_is_owed_comes_back_as_it_was(given_one: OutboxEntry) -> None:
    assert outbox.entry_from_item(through_the_wire(outbox.entry_to_item(given_one))) == given_one


@given(domains.configurations)
def test_the_state_of_the_configuration_comes_back_as_it_was(given_one: ConfigurationState) -> None:
    item = through_the_wire(runs.configuration_to_item(given_one))
    assert runs.configuration_from_item(item) == given_one


@given(domains.amounts)
def test_an_amount_keeps_every_digit(amount: Decimal) -> None:
    item = through_the_wire(items.reading_to_item("a", replace(reading(), balance=amount), 400))
    assert f"{items.reading_from_item(item).balance:f}" == f"{amount:f}"


@given(st.lists(domains.ticks, min_size=2, max_size=2, unique=True))
def test_readings_sort_as_their_times_do(two: list[Any]) -> None:
    first, last = sorted(two)
    assert items.reading_sort(first) < items.reading_sort(last)


@given(st.lists(domains.amounts, min_size=1, max_size=25))
def test_a_window_of_any_numbers_stays_short_and_keeps_its_latest(balances: list[Decimal]) -> None:
    hour = TICK.replace(minute=0)
    window = tuple(Sample(hour + timedelta(hours=i), each) for i, each in enumerate(balances))
    item = items.state_to_item(replace(state(), trend=window))
    kept = items.state_from_item(item).trend
    assert len(item["trail"]) <= 400
    assert kept[-1] == window[-1]
    assert set(kept) <= set(window)


def test_the_zero_time_of_a_provider_does_not_make_a_state_unreadable() -> None:
    """Go writes a time that was never set as the first of January of the year 1."""
    never = TICK.replace(year=1, month=1, day=1, hour=0, minute=0)
    one = replace(state(), reading=replace(reading(), provider_time=never))
    assert items.state_from_item(items.state_to_item(one)) == one


def test_a_reading_expires_so_many_days_after_its_tick() -> None:
    item = items.reading_to_item("a", reading(), 400)
    assert item["expires_at"] == int((TICK + timedelta(days=400)).timestamp())


def test_a_state_never_expires() -> None:
    assert "expires_at" not in items.state_to_item(state())


def test_what_a_provider_does_not_say_takes_no_room() -> None:
    item = items.reading_to_item("a", reading(), 400)
    assert set(item) == {"pk", "sk", "bal", "cur", "expires_at"}


def test_one_tick_has_one_reading() -> None:
    first = items.reading_to_item("a", reading("1"), 400)
    again = items.reading_to_item("a", reading("2"), 400)
    assert (first["pk"], first["sk"]) == (again["pk"], again["sk"])


def test_what_is_owed_has_an_item_for_every_channel() -> None:
    keys = {outbox.entry_key(owed(channel=channel))["sk"] for channel in ("sns", "slack:default")}
    assert len(keys) == 2


def test_a_state_with_a_day_of_samples_is_written_with_one_unit() -> None:
    assert size_of(items.state_to_item(quiet_state())) <= WRITE_UNIT


def test_a_state_with_the_longest_name_and_window_is_written_with_one_unit() -> None:
    hour = TICK.replace(minute=0)
    samples = tuple(
        Sample(hour + timedelta(hours=i), Decimal("123456789.123456789")) for i in range(25)
    )
    long = replace(quiet_state("n" * 100), trend=samples)
    assert size_of(items.state_to_item(long)) <= WRITE_UNIT


def test_a_reading_that_says_everything_is_written_with_one_unit() -> None:
    longest = replace(well_filled_reading(), status="s" * 200)
    assert size_of(items.reading_to_item("n" * 100, longest, 400)) <= WRITE_UNIT
