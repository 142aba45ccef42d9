"""A history shows the top-ups that the checks of it saw."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.reading import Estimate, Reading
from balance_watch.domain.state import AccountState, TopUpSeen, observe
from tests.support.examples import TICK

HOUR = timedelta(hours=1)


def hourly(*balances: str) -> list[Reading]:
    return [
        Reading(TICK + hour * HOUR, Decimal(balance), "USD")
        for hour, balance in enumerate(balances)
    ]


@pytest.mark.parametrize(
    ("balances", "seen"),
    [
        (("50", "40", "100"), [(2, "40", "100")]),
        (("50", "50.01", "50.02"), []),
        (("100", "60", "100"), []),
        (("100", "60", "130"), [(2, "60", "130")]),
        (("0", "20"), [(1, "0", "20")]),
        (("5",), []),
        ((), []),
    ],
)
def test_a_rise_by_a_twentieth_is_a_top_up_unless_it_takes_a_fall_back(
    balances: tuple[str, ...], seen: list[tuple[int, str, str]]
) -> None:
    assert list(past_top_ups(hourly(*balances))) == [
        TopUpSeen(TICK + hour * HOUR, Decimal(before), Decimal(after))
        for hour, before, after in seen
    ]


def test_amounts_in_two_units_are_not_compared() -> None:
    first, second = hourly("5", "500")
    assert list(past_top_ups([first, replace(second, currency="credits")])) == []


def test_of_an_estimate_what_was_bought_is_a_top_up() -> None:
    before, after = hourly("90", "140")
    estimate = Estimate(date(2026, 11, 1), Decimal(10), Decimal(100))
    readings = [
        replace(before, estimate=estimate),
        replace(after, estimate=estimate._replace(bought=Decimal(150))),
    ]
    assert [it.after for it in past_top_ups(readings)] == [Decimal(140)]
    corrected = replace(after, estimate=estimate._replace(cost=Decimal(-40)))
    assert list(past_top_ups([readings[0], corrected])) == []


def seen_by_checks(readings: Sequence[Reading]) -> Iterator[TopUpSeen]:
    state = AccountState("a")
    for reading in readings:
        last = state.reading
        another = last is not None and last.currency != reading.currency
        state = observe(state, reading, reading.observed_at, another=another)
        if state.top_up is not None and state.top_up.at == reading.observed_at:
            yield state.top_up


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2000), st.integers(-20, 400), st.sampled_from(["USD"] * 9 + ["EUR"])
        ),
        max_size=40,
    )
)
def test_the_checks_saw_the_same(steps: list[tuple[int, int, str]]) -> None:
    at, readings = TICK, []
    for minutes, balance, currency in steps:
        at += timedelta(minutes=minutes)
        readings.append(Reading(at, Decimal(balance), currency))
    assert list(past_top_ups(readings)) == list(seen_by_checks(readings))
