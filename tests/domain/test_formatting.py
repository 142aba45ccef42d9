"""How amounts, durations and times are written for people and for machines."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.formatting import (
    BARS,
    digits,
    format_duration,
    format_runway,
    format_time,
    iso_time,
    sparkline,
    with_unit,
)
from balance_watch.domain.money import exact
from tests.support.strategies import amounts

BALANCES = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents) / 100)


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        ("7189.245", "USD", "7,189.245 USD"),
        ("10", "EUR", "10.00 EUR"),
        ("10.5", "EUR", "10.50 EUR"),
        ("0", "USD", "0.00 USD"),
        ("-1234.5", "USD", "-1,234.50 USD"),
        ("71000", "credits", "71,000 credits"),
        ("0.5", "credits", "0.5 credits"),
        ("71000", "usd", "71,000 usd"),
        ("0.0000005", "USD", "0.0000005 USD"),
        ("1e50", "tokens", "1" + "00" + ",000" * 16 + " tokens"),
    ],
)
def test_an_amount_for_people_has_its_unit(amount: str, unit: str, text: str) -> None:
    assert with_unit(exact(amount), unit) == text


@given(amounts, st.sampled_from(["USD", "EUR", "credits"]))
def test_an_amount_for_people_is_never_rounded(amount: Decimal, unit: str) -> None:
    text = with_unit(exact(amount), unit)
    assert "E" not in text.removesuffix(unit)
    assert Decimal(text.removesuffix(f" {unit}").replace(",", "")) == amount


@given(amounts)
def test_an_amount_for_machines_has_all_its_digits_and_no_exponent(amount: Decimal) -> None:
    text = digits(amount)
    assert text is not None
    assert set(text) <= set("-0123456789.")
    assert Decimal(text) == amount


def test_an_unknown_amount_is_null_for_machines() -> None:
    assert digits(None) is None


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ((), ""),
        ((5,), "▄"),
        ((5, 5, 5), "▄▄▄"),
        ((8, 7, 5, 3, 1), "█▇▅▃▁"),
        ((0, 7), "▁█"),
        ((-7, 0), "▁█"),
    ],
)
def test_a_plot_runs_from_the_lowest_to_the_highest(values: tuple[int, ...], drawn: str) -> None:
    assert sparkline(tuple(map(Decimal, values))) == drawn


@given(st.lists(BALANCES, min_size=1, max_size=25))
def test_a_plot_has_a_bar_for_each_value(values: list[Decimal]) -> None:
    drawn = sparkline(tuple(values))
    assert len(drawn) == len(values)
    assert set(drawn) <= set(BARS)


@given(st.lists(BALANCES, min_size=2, max_size=25))
def test_a_higher_value_has_no_lower_bar(values: list[Decimal]) -> None:
    drawn = sparkline(tuple(values))
    pairs = sorted(zip(values, drawn, strict=True))
    assert [bar for _, bar in pairs] == sorted(drawn)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0 min"),
        (35, "35 min"),
        (60, "1 h"),
        (125, "2 h 5 min"),
        (24 * 60, "1 d"),
        (24 * 60 + 5, "1 d 5 min"),
        (52 * 60 + 7, "2 d 4 h"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_units(minutes: int, words: str) -> None:
    assert format_duration(timedelta(minutes=minutes, seconds=59)) == words


def test_a_time_is_written_in_utc() -> None:
    assert format_time(datetime(2026, 11, 2, 9, 5, tzinfo=UTC)) == "2 Nov 2026 09:05 UTC"


@pytest.mark.parametrize(
    ("days", "words"), [(3649, "3649 d"), (3650, "10 years or more"), (9999, "10 years or more")]
)
def test_a_runway_of_ten_years_or_more_is_written_as_such(days: int, words: str) -> None:
    assert format_runway(timedelta(days=days)) == words


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 22, 10, 5, tzinfo=UTC), "2026-11-22T10:05:00Z"),
        (
            datetime(2026, 11, 22, 10, 5, 9, 999, tzinfo=timezone(timedelta(hours=2))),
            "2026-11-22T08:05:09Z",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_for_machines_is_in_utc_and_sorts_as_text(at: datetime, text: str) -> None:
    assert iso_time(at) == text
