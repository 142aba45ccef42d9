"""Items: what is written is what is read, and an ordinary item takes one write unit."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.outbox import Outgoing
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState
from balance_watch.domain.trend import Sample
from balance_watch.domain.use_profile import Profile, Sums
from balance_watch.store.outbox import entry_from_item, entry_key, entry_to_item
from balance_watch.store.readings import reading_from_item, reading_sort, reading_to_item
from balance_watch.store.runs import configuration_from_item, configuration_to_item
from balance_watch.store.sizes import WRITE_UNIT, size_of
from balance_watch.store.states import state_from_item, state_to_item
from tests.support import strategies
from tests.support.examples import TICK, entry, full_reading, quiet_state, reading, state
from tests.support.watchman import ACCOUNT, HOUR, Watchman, below


def through_boto3(item: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an item as boto3 writes and reads it."""
    serialized = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    return {name: TypeDeserializer().deserialize(value) for name, value in serialized.items()}


@given(strategies.words, strategies.readings)
def test_a_reading_is_read_as_it_was_written(account: str, written: Reading) -> None:
    item = through_boto3(reading_to_item(account, written, 400))
    assert reading_from_item(item) == written


@given(strategies.states())
def test_a_state_is_read_as_it_was_written(written: AccountState) -> None:
    read = state_from_item(through_boto3(state_to_item(written)))
    assert replace(read, trend=written.trend) == written
    kept, trend = read.trend, written.trend
    assert [it.balance for it in (*kept[:1], *kept[-1:])] == [
        it.balance for it in (*trend[:1], *trend[-1:])
    ]


@given(strategies.states())
def test_a_trend_that_is_left_out_in_part_still_tells_what_was_spent(written: AccountState) -> None:
    read = state_from_item(through_boto3(state_to_item(written)))
    kept = {sample.at for sample in read.trend}
    later = [it for it in written.trend if it.at > min(kept)] if kept else []
    assert sum(it.spent for it in read.trend[1:]) == sum(it.spent for it in later)


@given(strategies.entries)
def test_an_outbox_entry_is_read_as_it_was_written(written: Outgoing) -> None:
    assert entry_from_item(through_boto3(entry_to_item(written))) == written


@given(strategies.configurations)
def test_the_state_of_the_configuration_is_read_as_it_was_written(
    written: ConfigurationState,
) -> None:
    item = through_boto3(configuration_to_item(written))
    assert configuration_from_item(item) == written


@given(strategies.amounts)
def test_an_amount_keeps_every_digit(amount: Decimal) -> None:
    item = through_boto3(reading_to_item("a", replace(reading(), balance=amount), 400))
    assert f"{reading_from_item(item).balance:f}" == f"{amount:f}"


@given(st.lists(strategies.ticks, min_size=2, max_size=2, unique=True))
def test_readings_sort_as_their_times_do(times: list[datetime]) -> None:
    first, last = sorted(times)
    assert reading_sort(first) < reading_sort(last)


@given(st.lists(strategies.amounts, min_size=1, max_size=25))
def test_a_trend_of_any_numbers_stays_short_and_keeps_its_latest(balances: list[Decimal]) -> None:
    hour = TICK.replace(minute=0)
    trend = tuple(
        Sample(hour + timedelta(hours=index), balance) for index, balance in enumerate(balances)
    )
    item = state_to_item(replace(state(), trend=trend))
    kept = state_from_item(item).trend
    assert len(item["trail"]) <= 400
    assert (kept[0].balance, kept[-1].balance) == (trend[0].balance, trend[-1].balance)
    assert len(kept) == len(trend)
    lowest, highest = min(balances), max(balances)
    assert all(lowest <= it.balance <= highest for it in kept)
    near = [abs(a.balance - b.balance) for a, b in zip(kept, trend, strict=True)]
    assert max(near) <= (highest - lowest) / 32


def test_the_zero_time_of_a_provider_does_not_make_a_state_unreadable() -> None:
    """Go writes a time that was never set as the first of January of the year 1."""
    never = TICK.replace(year=1, month=1, day=1, hour=0, minute=0)
    written = replace(state(), reading=replace(reading(), provider_time=never))
    assert state_from_item(state_to_item(written)) == written


def test_a_reading_expires_so_many_days_after_its_tick() -> None:
    item = reading_to_item("a", reading(), 400)
    assert item["expires_at"] == int((TICK + timedelta(days=400)).timestamp())


def test_a_state_never_expires() -> None:
    assert "expires_at" not in state_to_item(state())


def test_what_a_provider_does_not_report_takes_no_room() -> None:
    item = reading_to_item("a", reading(), 400)
    assert set(item) == {"pk", "sk", "bal", "cur", "expires_at"}


def test_one_tick_has_one_reading() -> None:
    first = reading_to_item("a", reading("1"), 400)
    again = reading_to_item("a", reading("2"), 400)
    assert (first["pk"], first["sk"]) == (again["pk"], again["sk"])


def test_a_notification_has_an_item_for_every_channel() -> None:
    keys = {entry_key(entry(channel=channel))["sk"] for channel in ("sns", "slack:default")}
    assert len(keys) == 2


def test_a_state_with_a_day_of_samples_is_written_with_one_unit() -> None:
    assert size_of(state_to_item(quiet_state())) <= WRITE_UNIT


def test_a_quiet_account_that_was_topped_up_again_and_again_is_written_with_one_unit() -> None:
    watchman = Watchman(Policy(), replace(ACCOUNT, name="n" * 40, purse="abc"))
    watchman.state = AccountState("n" * 40)
    balance = Decimal("1480809.219161")
    for minutes in range(300):
        balance = balance * 2 if minutes % 7 == 6 else balance - balance * Decimal("0.07")
        balance = balance.quantize(Decimal("0.000001"))
        watchman.announces(f"{balance}", timedelta(minutes=30 + minutes % 40))
        assert watchman.state.alerts or size_of(state_to_item(watchman.state)) <= WRITE_UNIT


_SUMS = (1234.56, 3600, Sums(123456, 123456), Sums(12345.6, 12345.6))


def test_a_state_with_a_profile_and_two_alerts_is_written_with_one_unit() -> None:
    """A state to be shown: two alerts that were told on two channels, a fall, eight days."""
    watchman = Watchman(Policy(rules=(below("100000"),)), replace(ACCOUNT, name="n" * 30))
    watchman.state = AccountState("n" * 30)
    balance = Decimal("12345.67")
    for hour in range(24 * 9):
        balance -= Decimal("42.4242") + hour % 7
        watchman.announces(str(balance), HOUR)
    assert {alert.notified is not None for alert in watchman.state.alerts.values()} == {True}
    assert len(watchman.state.alerts) == 2
    item = state_to_item(watchman.state)
    assert size_of(item) <= WRITE_UNIT
    assert len(state_from_item(item).trend) == 25, "a plot of the last day"


def test_a_state_with_the_longest_name_and_trend_is_written_with_one_unit() -> None:
    hour = TICK.replace(minute=0)
    samples = tuple(
        Sample(hour + timedelta(hours=index), Decimal("123456789.123456789")) for index in range(25)
    )
    profile = Profile(bytes(range(1, 169)), -123, 497_000, 497_999, *_SUMS)
    long = replace(quiet_state("n" * 100), trend=samples, profile=profile)
    assert size_of(state_to_item(long)) <= WRITE_UNIT


def test_a_reading_with_every_field_is_written_with_one_unit() -> None:
    longest = replace(full_reading(), status="s" * 200)
    assert size_of(reading_to_item("n" * 100, longest, 400)) <= WRITE_UNIT
