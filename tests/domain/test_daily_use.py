"""What was spent and topped up on each day adds up to the difference of the balance, exactly."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.daily_use import DailyUse, daily_use
from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.reading import Estimate, Reading

START = datetime(2026, 11, 20, tzinfo=UTC)
FIRST, LAST = date(2026, 11, 20), date(2026, 11, 24)
AMOUNTS = st.decimals(-(10**6), 10**9, places=6)


def at(hour: int, balance: Decimal | str, unit: str = "USD") -> Reading:
    return Reading(START + timedelta(hours=hour), Decimal(balance), unit)


def days_of(readings: list[Reading], *, is_quota: bool = False) -> tuple[DailyUse, ...]:
    return daily_use(readings, FIRST, LAST, past_top_ups(readings), is_quota=is_quota)


def used(readings: list[Reading], *, is_quota: bool = False) -> list[tuple[str, str]]:
    rows = days_of(readings, is_quota=is_quota)
    return [(f"{it.spent:f}", f"{it.topped_up:f}") for it in rows if it.spent is not None]


@given(st.lists(st.tuples(st.integers(0, 119), AMOUNTS), min_size=1, unique_by=lambda it: it[0]))
def test_what_was_topped_up_less_what_was_spent_is_the_difference_of_the_balance(
    balances: list[tuple[int, Decimal]],
) -> None:
    readings = [at(hour, balance) for hour, balance in sorted(balances)]
    rows = days_of(readings)
    topped_up = sum((it.topped_up or Decimal(0) for it in rows), Decimal(0))
    spent = sum((it.spent or Decimal(0) for it in rows), Decimal(0))
    assert topped_up - spent == readings[-1].balance - readings[0].balance
    assert [it.day for it in rows] == [FIRST + timedelta(days=number) for number in range(5)]


@given(st.lists(st.tuples(st.integers(0, 119), AMOUNTS), unique_by=lambda it: it[0]))
def test_a_day_has_its_last_balance_or_no_number_at_all(
    balances: list[tuple[int, Decimal]],
) -> None:
    readings = [at(hour, balance) for hour, balance in sorted(balances)]
    last = {it.observed_at.date(): it.balance for it in readings}
    for row in days_of(readings):
        assert row.balance == last.get(row.day)
        assert (row.spent is None) == (row.topped_up is None) == (row.balance is None)


def test_the_first_day_begins_with_the_balance_of_the_day_before() -> None:
    assert used([at(-1, "10"), at(1, "9.5")]) == [("0.5", "0")]


def test_spending_between_two_days_counts_for_the_later_one() -> None:
    assert used([at(1, "10"), at(50, "4")]) == [("0", "0"), ("6", "0")]


def test_a_correction_is_no_top_up_and_takes_spending_back() -> None:
    assert used([at(22, "100"), at(23, "60"), at(25, "100")]) == [("40", "0"), ("-40", "0")]


def test_a_quota_that_begins_anew_is_no_top_up() -> None:
    assert used([at(1, "10"), at(2, "4"), at(3, "1000")], is_quota=True) == [("6", "0")]


def test_two_units_of_a_day_are_two_rows_and_never_one_number() -> None:
    found = days_of([at(1, "10"), at(2, "8"), at(3, "900", "credits"), at(4, "850", "credits")])
    assert [(it.currency, it.balance, it.spent) for it in found[:2]] == [
        ("USD", Decimal(8), Decimal(2)),
        ("credits", Decimal(850), Decimal(50)),
    ]


def test_another_balance_under_the_same_name_spends_no_difference() -> None:
    readings = [at(1, "100"), at(2, "5")]
    anew = {readings[1].observed_at}
    rows = daily_use(readings, FIRST, FIRST, past_top_ups(readings), anew=anew)
    assert [(it.spent, it.topped_up) for it in rows] == [(Decimal(0), Decimal(0))]


def test_of_costs_what_expires_is_not_spent() -> None:
    estimate = Estimate(FIRST, Decimal(10), Decimal(100))
    before = replace(at(1, "90"), estimate=estimate)
    after = replace(at(2, "20"), estimate=estimate._replace(cost=Decimal(13)))
    assert used([before, after]) == [("3", "0")]


def test_of_costs_what_was_bought_is_topped_up() -> None:
    estimate = Estimate(FIRST, Decimal(10), Decimal(100))
    before = replace(at(1, "90"), estimate=estimate)
    after = replace(at(2, "137"), estimate=Estimate(FIRST, Decimal(13), Decimal(150)))
    assert used([before, after]) == [("3", "50")]
