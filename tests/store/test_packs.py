"""Packs keep every reading exactly, whatever differs from one to the next."""

from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.reading import Reading
from balance_watch.store.items import MALFORMED_ITEM
from balance_watch.store.packs import (
    PACK_SPAN,
    hour_of,
    pack_to_item,
    readings_from_text,
    readings_of_item,
    readings_to_text,
)
from balance_watch.store.table import deserialize, serialize
from tests.support.examples import TICK, full_reading, reading

AMOUNTS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=8
).map(lambda it: Decimal(0) if it == 0 else it.normalize())
TIMES = st.integers(0, 86_400 * 400).map(lambda seconds: TICK - timedelta(seconds=seconds))


def _readings(at: datetime) -> st.SearchStrategy[Reading]:
    return st.builds(
        replace,
        st.sampled_from([reading(at=at), full_reading(at)]),
        observed_at=st.just(at),
        balance=AMOUNTS,
        currency=st.sampled_from(["USD", "EUR", "credits"]),
        credits=st.none() | AMOUNTS,
        provider_flag=st.none() | st.booleans(),
        provider_time=st.none() | TIMES,
        status=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    )


SEVERAL = st.lists(TIMES, min_size=1, max_size=15, unique=True).flatmap(
    lambda times: st.tuples(*(_readings(at) for at in sorted(times)))
)


@given(SEVERAL)
def test_a_pack_is_read_as_it_was_written(readings: tuple[Reading, ...]) -> None:
    item = deserialize(serialize(pack_to_item("a", readings, 400)))
    assert tuple(readings_of_item(item)) == readings


@given(SEVERAL)
def test_readings_are_kept_without_a_later_one_to_compare_with(
    readings: tuple[Reading, ...],
) -> None:
    assert readings_from_text(readings_to_text(readings, None), None) == readings


def test_what_does_not_change_takes_no_room() -> None:
    ticks = [TICK - timedelta(minutes=5 * index) for index in range(12)]
    quiet = [replace(full_reading(), observed_at=at) for at in ticks]
    assert readings_to_text(quiet[1:], quiet[0]) == "\n".join(["5:"] * 11)


def test_a_time_that_is_no_whole_minute_is_kept_to_the_second() -> None:
    odd = reading("70", TICK - timedelta(seconds=153))
    assert readings_to_text([odd], reading()) == "153s:70"


def test_the_time_of_a_provider_that_moves_along_is_short() -> None:
    readings = [
        replace(reading(at=at), provider_time=at - timedelta(seconds=40 + index))
        for index, at in enumerate([TICK, TICK - timedelta(minutes=5)])
    ]
    assert readings_to_text(readings[1:], readings[0]) == '5::{"as_of":41}'


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "5",
        "5:x",
        "5:NaN",
        "5:1:{",
        "5:1:[]",
        '5:1:{"as_of":"x"}',
        '5:1:{"bal":"x"}',
        "9" * 20 + ":",
    ],
)
def test_a_damaged_text_is_malformed(text: str) -> None:
    with pytest.raises(MALFORMED_ITEM):
        readings_from_text(text, reading())


@given(st.text('0123456789:-s{}"balNEcur,.\n', max_size=40))
def test_no_text_raises_anything_else(text: str) -> None:
    with suppress(*MALFORMED_ITEM):
        readings_from_text(text, reading())


@given(st.text(max_size=20), TIMES)
def test_the_hour_of_an_account_lasts_an_hour(account: str, at: datetime) -> None:
    assert hour_of(account, at + PACK_SPAN) == hour_of(account, at) + 1


def test_the_hours_of_accounts_begin_at_minutes_of_their_own() -> None:
    begins = {
        next(
            n
            for n in range(60)
            if hour_of(name, TICK) != hour_of(name, TICK + timedelta(minutes=n + 1))
        )
        for name in map(str, range(500))
    }
    assert len(begins) > 50
