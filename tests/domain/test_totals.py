"""The totals are exact, never mix units, and count each purse once."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.money import CURRENCIES
from balance_watch.domain.reading import Estimate, FailureKind, ReadFailure, Reading
from balance_watch.domain.state import AccountState
from balance_watch.domain.totals import Total, Totals, totals_of
from tests.support.examples import NEXT, TICK
from tests.support.strategies import amounts

FAILURE = ReadFailure(FailureKind.TIMED_OUT, "No whole reply came in time.")
ESTIMATE = Estimate(date(2026, 11, 1), Decimal(10), Decimal(100))


def account(name: str, balance: str, currency: str = "USD", **facts: object) -> AccountState:
    """An account that was read."""
    reading = Reading(TICK, Decimal(balance), currency)
    state = AccountState(name, checked_at=TICK, reading=reading, provider="you")
    return replace(state, **facts)


def test_each_currency_has_its_own_total() -> None:
    totals = totals_of([account("a", "0.1"), account("b", "5", "EUR"), account("c", "0.2")])
    assert totals.money == (
        Total("EUR", Decimal(5), 1, is_estimate=False),
        Total("USD", Decimal("0.3"), 2, is_estimate=False),
    )


def test_what_is_owed_is_taken_off() -> None:
    (total,) = totals_of([account("a", "10"), account("b", "-2.5")]).money
    assert total.amount == Decimal("7.5")


@pytest.mark.parametrize("unit", ["credits", "requests", "usd", "ABC"])
def test_a_unit_that_is_no_money_is_in_no_total(unit: str) -> None:
    assert totals_of([account("a", "5", unit)]) == Totals(no_money=1)


def test_a_quota_is_no_money_though_its_unit_is_a_currency() -> None:
    totals = totals_of([account("a", "5"), account("key", "50")], {"key"})
    assert totals == Totals((Total("USD", Decimal(5), 1, is_estimate=False),), no_money=1)


def test_an_account_that_cannot_be_read_is_in_no_total() -> None:
    assert totals_of([account("a", "5", failure=FAILURE)]) == Totals(unreadable=1)


def test_an_account_without_a_balance_is_not_counted() -> None:
    assert totals_of([AccountState("new"), account("a", "5", reading=None)]) == Totals()


def test_a_total_with_an_estimate_is_one() -> None:
    estimated = replace(account("a", "5").reading or Reading(TICK, Decimal(0), "USD"))
    states = [account("a", "5", reading=replace(estimated, estimate=ESTIMATE)), account("b", "5")]
    assert totals_of(states).money == (Total("USD", Decimal(10), 2, is_estimate=True),)


def test_accounts_that_share_a_purse_are_counted_once() -> None:
    states = [account("a", "5", purse="abc"), account("b", "5", purse="abc"), account("c", "7")]
    assert totals_of(states) == Totals((Total("USD", Decimal(12), 2, is_estimate=False),), shared=1)


def test_of_a_shared_purse_the_latest_balance_counts() -> None:
    later = Reading(NEXT, Decimal(40), "USD")
    states = [account("b", "0", purse="abc", reading=later), account("a", "100", purse="abc")]
    assert totals_of(states).money[0].amount == Decimal(40)


def test_a_purse_that_was_read_twice_at_one_time_may_have_been_used_between() -> None:
    states = [account("a", "100", purse="abc"), account("b", "99.5", purse="abc")]
    assert totals_of(states).money == (Total("USD", Decimal("99.5"), 1, is_estimate=False),)


def test_a_digest_that_stands_for_two_purses_by_chance_hides_neither() -> None:
    states = [account("a", "100", purse="abc"), account("b", "7", purse="abc")]
    assert totals_of(states).money == (Total("USD", Decimal(107), 2, is_estimate=False),)


def test_two_providers_never_share_a_purse() -> None:
    states = [account("a", "5", purse="abc"), account("b", "5", purse="abc", provider="vonage")]
    assert totals_of(states).money[0].amount == Decimal(10)


currencies = st.sampled_from(["USD", "EUR", "JPY", "credits", "points"])
accounts = st.lists(
    st.builds(
        lambda balance, currency, failing, purse, late: account(
            "",
            "0",
            reading=Reading(TICK + late * timedelta(minutes=5), balance, currency),
            failure=FAILURE if failing else None,
            purse=purse,
        ),
        amounts,
        currencies,
        st.booleans(),
        st.sampled_from([None, None, "abc", "abd"]),
        st.integers(0, 2),
    ),
    max_size=12,
).map(lambda states: [replace(it, account=f"{number}") for number, it in enumerate(states)])


@given(accounts.map(lambda states: [replace(it, purse=None) for it in states]))
def test_a_total_is_the_exact_sum_of_what_can_be_read(states: Sequence[AccountState]) -> None:
    sums: dict[str, Fraction] = {}
    for state in states:
        if state.failure is None and state.reading and state.reading.currency in CURRENCIES:
            currency = state.reading.currency
            sums[currency] = sums.get(currency, Fraction(0)) + Fraction(state.reading.balance)
    assert {it.currency: Fraction(it.amount) for it in totals_of(states).money} == sums


@given(accounts, st.randoms(use_true_random=False))
def test_the_order_of_the_accounts_does_not_matter(
    states: list[AccountState], random: Random
) -> None:
    before = totals_of(states)
    random.shuffle(states)
    assert totals_of(states) == before


@given(accounts)
def test_every_account_is_counted_or_left_out_for_a_reason(states: list[AccountState]) -> None:
    totals = totals_of(states)
    counted = sum(total.accounts for total in totals.money)
    assert counted + totals.no_money + totals.unreadable + totals.shared == len(states)


@given(accounts)
def test_a_second_name_for_every_account_changes_no_total(states: list[AccountState]) -> None:
    known = [replace(it, purse=f"purse {it.account}") for it in states]
    again = [replace(it, account=f"{it.account} again") for it in known]
    assert totals_of([*known, *again]).money == totals_of(known).money
