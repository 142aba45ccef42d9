"""Totals: the money of all accounts by currency, exact, each purse counted once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Context, Decimal, Inexact
from typing import NamedTuple

from balance_watch.domain.changes import is_top_up
from balance_watch.domain.money import CURRENCIES
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState

_EXACT = Context(prec=400, traps=[Inexact])
"""Digits that hold any sum of amounts that the table can hold."""


class Total(NamedTuple):
    """The money in one currency.

    Attributes:
        accounts: how many accounts it is the sum of; those that share a purse are one.
        is_estimate: whether a part of it is estimated.
    """

    currency: str
    amount: Decimal
    accounts: int
    is_estimate: bool


class Totals(NamedTuple):
    """The totals by currency, and how many accounts are in none of them.

    Attributes:
        no_money: quotas, and balances in credits, requests and the like.
        unreadable: accounts that cannot be read.
        shared: accounts whose purse is counted already.
    """

    money: tuple[Total, ...] = ()
    no_money: int = 0
    unreadable: int = 0
    shared: int = 0


def totals_of(states: Iterable[AccountState], quotas: Collection[str] = ()) -> Totals:
    """Returns the totals of accounts, ordered by currency.

    A quota is a right to use and no money, though its unit may be a currency.

    Args:
        states: what is remembered of the accounts.
        quotas: the names of the accounts whose balance is a quota.
    """
    no_money = unreadable = 0
    purses: defaultdict[tuple[str, ...], list[Reading]] = defaultdict(list)
    for state in states:
        reading = state.reading
        if state.failure is not None:
            unreadable += 1
        elif reading is not None and (
            state.account in quotas or reading.currency not in CURRENCIES
        ):
            no_money += 1
        elif reading is not None:
            purses[purse_of(state, reading)].append(reading)
    counted: defaultdict[str, list[Reading]] = defaultdict(list)
    for readings in purses.values():
        counted[readings[0].currency] += _distinct(readings)
    money = tuple(_total(currency, counted[currency]) for currency in sorted(counted))
    found, kept = map(len, purses.values()), (total.accounts for total in money)
    return Totals(money, no_money, unreadable, sum(found) - sum(kept))


def purse_of(state: AccountState, reading: Reading) -> tuple[str, ...]:
    """Returns what tells the money of an account from other money, as far as it is known."""
    if state.purse is None:
        return (state.account, reading.currency)
    return (state.provider or "", state.purse, reading.currency)


def _distinct(readings: Sequence[Reading]) -> Iterator[Reading]:
    """Yields the latest reading of a purse; more if the same digest stands for several purses.

    The digest of a purse is short, and one of 65,536 other keys has the same one. But two balances
    of the same time that are far apart are of two purses.
    """
    found: list[Reading] = []
    for reading in sorted(readings, key=lambda it: (-it.observed_at.timestamp(), it.balance)):
        if all(are_apart(reading, other) for other in found):
            found.append(reading)
            yield reading


def are_apart(one: Reading, other: Reading) -> bool:
    """Tells whether two balances of the same time are so far apart that they are of two purses."""
    lower, higher = sorted((one.balance, other.balance))
    return one.observed_at == other.observed_at and is_top_up(lower, higher)


def _total(currency: str, readings: Sequence[Reading]) -> Total:
    amount = Decimal(0)
    for reading in readings:
        amount = _EXACT.add(amount, reading.balance)
    is_estimate = any(reading.estimate is not None for reading in readings)
    return Total(currency, amount, len(readings), is_estimate)
