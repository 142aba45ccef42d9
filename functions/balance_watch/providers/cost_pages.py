"""Reads one page of costs; never guesses what a cost is, or of which day."""

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from balance_watch.domain.account import Account
from balance_watch.providers.amounts import AmountReader
from balance_watch.providers.balance import AmbiguousBalanceError, unit_at
from balance_watch.providers.cost_spec import CostSpec
from balance_watch.providers.decoding import Body, UnexpectedReplyError, holds, search
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_types import Path
from balance_watch.providers.times import time_from
from balance_watch.validation import Json


class Days(Protocol):
    """A range of days; `end` is not among them."""

    @property
    def start(self) -> date:
        """The first day."""

    @property
    def end(self) -> date:
        """The day after the last one."""


class CostPage(NamedTuple):
    """What one page tells.

    Attributes:
        costs: unit, day and amount of each row within the range that was asked for.
        days: the days of its entries, each once, if entries tell them.
        entries: its entries, as they are in the reply.
        next_cursor: what leads to the next page, if there is one.
        total: how many entries all pages have, if the reply tells it.
        as_of: the time of the data, if the reply tells it.
    """

    costs: tuple[tuple[str, date, Decimal], ...]
    days: tuple[date, ...]
    entries: list[Json]
    next_cursor: str | None
    total: int | None
    as_of: datetime | None


def read_page(
    spec: Spec, cost: CostSpec, account: Account, body: Body, part: Days, now: datetime
) -> CostPage:
    """Returns what a page tells.

    Raises:
        UnexpectedReplyError: it lacks what the specification says, or some of the costs.
        AmbiguousBalanceError: it has costs in another currency, and the account names none.
    """
    if cost.partial is not None and holds(cost.partial, body.value):
        raise UnexpectedReplyError("The reply has only a part of the costs.")
    amounts = AmountReader(spec, textual=body.textual)
    entries = _list(cost.each, body.value)
    costs, days = list[tuple[str, date, Decimal]](), dict[date, None]()
    for entry in entries:
        day = part.start
        if cost.at is not None:
            day = _time(cost.at, entry).date()
            days[day] = None
        rows = _list(cost.rows, entry)
        for row in rows if part.start <= day < part.end else ():
            if cost.skip is not None and holds(cost.skip, row):
                continue
            unit = _unit(spec, cost, account, row)
            amount = amounts.amount(cost.amount, row)
            if unit is not None:
                costs.append((unit, day, amount))
    as_of = None
    if cost.as_of is not None and search(cost.as_of, body.value) is not None:
        as_of = min(now, _time(cost.as_of, body.value))
    return CostPage(
        tuple(costs),
        tuple(days),
        entries,
        _next_cursor(cost, body.value),
        _total(cost, body.value),
        as_of,
    )


def _list(path: Path, root: Json) -> list[Json]:
    found = search(path, root)
    if not isinstance(found, list):
        raise UnexpectedReplyError(f"The reply has no list at {path}.")
    return found


def _time(path: Path, root: Json) -> datetime:
    try:
        return time_from(search(path, root))
    except ValueError as error:
        raise UnexpectedReplyError.at(path, str(error)) from None


def _unit(spec: Spec, cost: CostSpec, account: Account, row: Json) -> str | None:
    """Returns the unit of a row; None if it is another one than the account names."""
    expected = account.currency or spec.currency
    if cost.currency is None:
        return expected
    unit = unit_at(cost.currency, row, spec, account)
    if unit is None:
        raise UnexpectedReplyError.at(cost.currency, "is not a known currency")
    if account.currency is None and unit != (expected or unit):
        raise AmbiguousBalanceError(
            f"There are costs in {unit}, not in {expected}:"
            ' set the account\'s "currency" to the one of its credit.'
        )
    return None if account.currency not in (None, unit) else unit


def _next_cursor(cost: CostSpec, root: Json) -> str | None:
    if cost.cursor is None:
        return None
    cursor = search(cost.cursor.path, root)
    if cost.cursor.more is not None:
        more = search(cost.cursor.more, root)
        if not isinstance(more, bool):
            raise UnexpectedReplyError.at(cost.cursor.more, "is neither true nor false")
        if not more:
            return None
        if not cursor:
            raise UnexpectedReplyError("There are more costs, and the reply does not say where.")
    if cursor in (None, ""):
        return None
    if not isinstance(cursor, str):
        raise UnexpectedReplyError.at(cost.cursor.path, "is not text")
    return cursor


def _total(cost: CostSpec, root: Json) -> int | None:
    if cost.pages is None:
        return None
    total = search(cost.pages.total, root)
    if not isinstance(total, Decimal) or not total.is_finite() or total != int(total) or total < 0:
        raise UnexpectedReplyError.at(cost.pages.total, "is not a number of entries")
    return int(total)
