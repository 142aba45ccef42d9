"""Parses what an account declares to have: the credit that was bought, or a monthly budget."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import msgspec

from balance_watch.domain.credit import DAY, Budget, Credit, Purchase
from balance_watch.providers.spec import Spec
from balance_watch.validation import Amount, Faults, Json, convert_each

_DATE = r"(?a)\d{4}-\d\d-\d\d"
_TIME = rf"{_DATE}[Tt ]\d\d:\d\d:\d\d(\.\d{{1,9}})?([Zz]|[+-]\d\d:\d\d)"
_SECOND = timedelta(seconds=1)
_FIRST = date(1970, 1, 1)
_MOST = 500
"""So many purchases of an account are enough for a purchase a day of more than a year."""


class Moment(str):
    """A time as in RFC 3339, or a date, which stands for the beginning of that day in UTC."""

    __slots__ = ()
    of_date = time(tzinfo=UTC)

    @classmethod
    def parse(cls, value: object) -> "Moment":
        """Raises ValueError unless the value is such a time or date."""
        problem = 'must be a time such as "2027-01-31T18:00:00Z", or a date such as "2027-01-31"'
        if not isinstance(value, str) or not (
            re.fullmatch(_DATE, value) or re.fullmatch(_TIME, value)
        ):
            raise ValueError(problem)
        try:
            return cls(cls(value).at and value)
        except (OverflowError, ValueError):
            raise ValueError(problem) from None

    @property
    def at(self) -> datetime:
        """The time in UTC, to the second."""
        if re.fullmatch(_DATE, self):
            return datetime.combine(datetime.fromisoformat(self), self.of_date)
        return datetime.fromisoformat(self.upper()).astimezone(UTC).replace(microsecond=0)


class Expiry(Moment):
    """The same, but a date stands for the end of that day."""

    __slots__ = ()
    of_date = time(23, 59, 59, tzinfo=UTC)


class PurchaseEntry(msgspec.Struct, frozen=True):
    """Credit that was bought, as a secret contains it."""

    amount: Amount
    paid_at: Moment
    expires_at: Expiry | None = None


class BudgetEntry(msgspec.Struct, frozen=True):
    """A budget, as a secret contains it."""

    amount: Amount
    per: Literal["month"]


def declared(
    credit: Json, budget: BudgetEntry | None, spec: Spec, place: str, faults: Faults
) -> Credit | Budget | None:
    """Returns the credit or the budget of an account; notes every fault.

    Args:
        credit: the purchases, as parsed JSON.
        budget: the budget.
        spec: the account's provider.
        place: the account's place, for faults.
        faults: gets every fault.
    """
    if spec.cost is None:
        for name, value in (("credit", credit), ("budget", budget)):
            if value is not None:
                problem = "must be left out, because the provider tells the balance itself"
                faults.add(place, f"{name}: {problem}")
        return None
    if credit is None and budget is None and spec.cost.limit is not None:
        return None  # the limit that is set at the provider is its budget
    if (credit is None) is (budget is None):
        faults.add(place, "must declare either credit or a budget: the provider tells only costs")
        return None
    if budget is not None:
        if budget.amount.exact <= 0:
            faults.add(place, "budget, amount: must be more than 0")
        return Budget(budget.amount.exact)
    purchases = tuple(_purchases(credit, f"{place}, credit", faults))
    if spec.cost.by_month and spec.cost.at is None:
        _check_months(purchases, place, faults)
    return Credit(purchases)


def _check_months(purchases: tuple[Purchase, ...], place: str, faults: Faults) -> None:
    """Notes a fault if it matters on which day of a month a cost was, which nobody tells."""
    because = "of a month, because the provider tells costs by month"
    if min((it.paid_at.date() for it in purchases), default=_FIRST).day != 1:
        faults.add(place, f"credit: the first paid_at must be on the first {because}")
    ends = (it.expires_at - _SECOND + DAY for it in purchases if it.expires_at is not None)
    if any(end.day != 1 for end in ends):
        faults.add(place, f"credit: expires_at must be the end {because}")


def _purchases(credit: Json, place: str, faults: Faults) -> Iterator[Purchase]:
    if isinstance(credit, list) and not 1 <= len(credit) <= _MOST:
        faults.add(place, f"must have 1 to {_MOST} purchases")
        return
    for where, entry, is_valid in convert_each(PurchaseEntry, credit, place, faults):
        expires_at = None if entry.expires_at is None else entry.expires_at.at
        if entry.amount.exact <= 0:
            faults.add(where, "amount must be more than 0")
        if is_valid and expires_at is not None and expires_at <= entry.paid_at.at:
            faults.add(where, "expires_at must be after paid_at")
        yield Purchase(entry.amount.exact, entry.paid_at.at, expires_at)
