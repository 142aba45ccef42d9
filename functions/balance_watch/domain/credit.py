"""What is left of declared credit, or of a budget, by what a provider says that was spent.

Some providers tell costs and no balance. The account declares what was paid: each purchase is
worth something from one time on, and maybe until another. A cost is taken from the purchase that
expires first. What is left of one that expires is gone. What no purchase covers is owed.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from balance_watch.domain.money import total

DAY = timedelta(days=1)


class Purchase(Struct, frozen=True):
    """Credit that was paid for: it counts from `paid_at` until `expires_at`, if it expires."""

    amount: Decimal
    paid_at: datetime
    expires_at: datetime | None = None


class SettledCosts(Struct, frozen=True):
    """The costs of past days, which a provider seldom corrects: they are asked for once a day.

    Attributes:
        since: the first day.
        until: the day after the last one.
        asked_at: when they were asked for.
        currency: their unit.
        days: by day; a day without costs may be missing.
        limit: the month's limit at the provider, of an account that declares no budget of its own.
        limit_at: when that was asked for.
    """

    since: date
    until: date
    asked_at: datetime
    currency: str
    days: Mapping[date, Decimal]
    limit: Decimal | None = None
    limit_at: datetime | None = None


class OpenCosts(NamedTuple):
    """The costs of the days that were not over at a reading, or whose costs still came in."""

    since: date
    cost: Decimal


_COMES_IN_FOR = timedelta(hours=8)
"""So long after the end of a day its costs may still come in: providers compute them that often."""


def open_costs(costs: Mapping[date, Decimal], now: datetime) -> OpenCosts:
    """Returns what is open at a time: today, and yesterday while today has no costs yet.

    Costs come in in order of time. What changes of a day before is a correction.
    """
    today = now.date()
    begun = now - midnight(today) >= _COMES_IN_FOR or costs.get(today)
    return open_costs_since(today if begun else today - DAY, costs)


def open_costs_since(since: date, costs: Mapping[date, Decimal]) -> OpenCosts:
    """Returns the costs from a day on."""
    return OpenCosts(since, total(cost for day, cost in costs.items() if day >= since))


def midnight(day: date) -> datetime:
    """Returns the beginning of a day of UTC."""
    return datetime.combine(day, time(), UTC)


class Credit(Struct, frozen=True):
    """What was bought, the earliest purchase first."""

    purchases: tuple[Purchase, ...]

    def first_day(self, now: datetime) -> date:
        """Returns the first day of which costs count: the whole of it does."""
        return min((it.paid_at.date() for it in self.purchases), default=now.date())

    def left(self, costs: Mapping[date, Decimal], now: datetime) -> "Left":
        """Returns what is left of the purchases.

        Args:
            costs: what was spent by day of UTC, from the first day on.
            now: the time; a purchase of the future counts for nothing yet.
        """
        bought = sorted((it for it in self.purchases if it.paid_at <= now), key=_by_expiry)
        rest = [it.amount for it in bought]
        owed = Decimal(0)
        for day in sorted(costs):
            open_then = [index for index, it in enumerate(bought) if _is_open(it, day)]
            cost = costs[day]
            if cost < 0 < owed:
                # What no purchase covers was taken last.
                repaid = min(owed, -cost)
                owed, cost = total([owed], [repaid]), total([cost, repaid])
            owed = total([owed, _taken(cost, open_then, rest, bought)])
        kept = [
            (it, left)
            for it, left in zip(bought, rest, strict=True)
            if it.expires_at is None or it.expires_at > now
        ]
        expires = (it.expires_at for it, left in kept if left > 0 and it.expires_at is not None)
        return Left(
            balance=total((left for _, left in kept), [owed]),
            bought=total(it.amount for it in bought),
            expires_at=min(expires, default=None),
        )


class Budget(Struct, frozen=True):
    """What may be spent in each calendar month of UTC."""

    amount: Decimal

    def first_day(self, now: datetime) -> date:
        """Returns the first day of the month."""
        return now.date().replace(day=1)

    def left(self, costs: Mapping[date, Decimal], now: datetime) -> "Left":
        """Returns what is left of the month's budget, by the costs of the month."""
        first = self.first_day(now)
        spent = (cost for day, cost in costs.items() if day >= first)
        next_month = (first + 31 * DAY).replace(day=1)
        return Left(
            balance=total([self.amount], spent),
            bought=self.amount,
            resets_at=midnight(next_month),
        )


class Left(Struct, frozen=True):
    """What is left at a time.

    Attributes:
        balance: the amount; less than 0 if more was spent than was paid for.
        bought: all that was paid for until then; of a budget, its amount.
        expires_at: when the next part of it that is left expires, if any does.
        resets_at: when a budget begins anew.
    """

    balance: Decimal
    bought: Decimal
    expires_at: datetime | None = None
    resets_at: datetime | None = None


def _by_expiry(purchase: Purchase) -> tuple[bool, datetime, datetime]:
    expires_at = purchase.expires_at
    return expires_at is None, expires_at or purchase.paid_at, purchase.paid_at


def _is_open(purchase: Purchase, day: date) -> bool:
    """Tells whether a purchase covers costs of this day: of the day it was paid on, all of them."""
    return purchase.paid_at.date() <= day and (
        purchase.expires_at is None or purchase.expires_at > midnight(day)
    )


def _taken(
    cost: Decimal, indexes: Iterable[int], rest: list[Decimal], bought: list[Purchase]
) -> Decimal:
    """Takes a cost out of the purchases in this order; returns what none of them covers.

    A refund is given back in the opposite order, so it undoes what was taken last.
    """
    if cost < 0:
        for index in reversed(tuple(indexes)):
            back = min(total([], [cost]), total([bought[index].amount], [rest[index]]))
            rest[index], cost = total([rest[index], back]), total([cost, back])
        return cost
    for index in indexes:
        part = min(cost, rest[index])
        rest[index], cost = total([rest[index]], [part]), total([cost], [part])
    return cost
