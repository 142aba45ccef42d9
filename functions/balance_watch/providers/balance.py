"""Finds the balance of a reply and its unit; never guesses which of several balances counts."""

from collections import defaultdict
from decimal import Decimal

from balance_watch.domain.account import Account
from balance_watch.domain.money import CURRENCIES
from balance_watch.providers.amounts import AmountReader, exact_sum
from balance_watch.providers.decoding import UnexpectedReplyError, search
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_types import Path
from balance_watch.validation import Json

_UNKNOWN_UNIT = "an unknown unit"


class AmbiguousBalanceError(Exception):
    """The reply has several balances, and nothing says which one counts."""


def find_balance(
    spec: Spec, account: Account, root: Json, amounts: AmountReader
) -> tuple[Decimal, str]:
    """Returns the balance and its unit.

    Raises:
        UnexpectedReplyError: the reply has no balance that can be read.
        AmbiguousBalanceError: the reply has several, or none in the unit that is expected.
    """
    if spec.reply.each is not None:
        return _balance_of_list(spec, account, spec.reply.each, root, amounts)
    expected = account.currency or spec.currency
    if spec.reply.currency is None:
        # A valid specification has a currency or the path of one.
        return amounts.amount(spec.reply.balance, root), expected or ""
    unit = unit_at(spec.reply.currency, root, spec, account)
    if unit is None:
        hint = 'if it is the unit of the balance, set it as the account\'s "currency"'
        raise UnexpectedReplyError.at(spec.reply.currency, f"is not a known currency: {hint}")
    if expected not in (None, unit):
        raise UnexpectedReplyError(f"The reply is in another currency than {expected}.")
    return amounts.amount(spec.reply.balance, root), unit


def _balance_of_list(
    spec: Spec, account: Account, each: Path, root: Json, amounts: AmountReader
) -> tuple[Decimal, str]:
    """Returns the balance in the one expected currency; never adds up across currencies."""
    entries = search(each, root)
    if not isinstance(entries, list) or not entries:
        raise UnexpectedReplyError(f"The reply has no list of balances at {each}.")
    by_unit: dict[str, list[Decimal]] = defaultdict(list)
    for entry in entries:
        unit = unit_at(spec.reply.currency, entry, spec, account) or _UNKNOWN_UNIT
        by_unit[unit].append(amounts.amount(spec.reply.balance, entry))
    units = " and ".join(sorted(by_unit, key=lambda unit: (unit == _UNKNOWN_UNIT, unit)))
    expected = account.currency or spec.currency
    if expected is None and (len(by_unit) > 1 or _UNKNOWN_UNIT in by_unit):
        raise AmbiguousBalanceError(
            f'The reply has balances in {units}: set the account\'s "currency" to the one to watch.'
        )
    currency = expected or next(iter(by_unit))
    if currency not in by_unit:
        raise AmbiguousBalanceError(f"The reply has balances in {units}, but none in {currency}.")
    if len(by_unit[currency]) > 1 and not spec.reply.add_up:
        raise UnexpectedReplyError(f"The reply has several balances in {currency}.")
    return exact_sum(each, by_unit[currency]), currency


def unit_at(path: Path | None, root: Json, spec: Spec, account: Account) -> str | None:
    """Returns the unit that a reply names: a currency, or the very unit that is expected.

    None stands for any other word.

    Raises:
        UnexpectedReplyError: the reply names none.
    """
    named = None if path is None else search(path, root)
    if not isinstance(named, str):
        raise UnexpectedReplyError.missing(path)
    known = {word.lower(): unit for word, unit in spec.currencies.items()}
    unit = known.get(named.strip().lower(), named)
    expected = account.currency or spec.currency
    if expected is not None and unit.lower() == expected.lower():
        return expected
    if unit in known.values():
        return unit
    return unit.upper() if unit.upper() in CURRENCIES else None
