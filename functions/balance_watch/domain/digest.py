"""A digest: what all accounts did since the one before, as a value that any channel can render."""

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Severity

LINES = 25
"""So many lines of a list are in a digest; the others are counted."""

T = TypeVar("T")


class Listed(Struct, Generic[T], frozen=True):
    """The first lines of a list, and how many more it has."""

    lines: tuple[T, ...] = ()
    more: int = 0

    def cut(self, limit: int) -> "Listed[T]":
        """Returns the list with so many lines at most."""
        return Listed(self.lines[:limit], self.more + len(self.lines[limit:]))


class Sum(Struct, frozen=True):
    """What accounts spent, were topped up by, or have left, in one unit.

    `is_estimate` tells whether a part of it is computed from costs.
    """

    currency: str
    amount: Decimal
    accounts: int
    is_estimate: bool = False


class AccountLine(Struct, frozen=True):
    """What is left of one account: its balance, and about what was spent; None: that is unknown.

    `runs_dry_at` is None if that is unknown, or ten years away or more, or if auto-reload or a
    quota's new beginning comes before.
    """

    account: str
    currency: str
    balance: Decimal
    spent: Decimal | None = None
    runs_dry_at: datetime | None = None
    is_estimate: bool = False


class FiringLine(Struct, frozen=True):
    """An alert that fires; `account` may also be an outage or the configuration."""

    account: str
    rule: str
    severity: Severity
    since: datetime


class TopUpLine(Struct, frozen=True):
    """What an account was topped up by, in all."""

    account: str
    currency: str
    amount: Decimal


class UnreadableLine(Struct, frozen=True):
    """An account that cannot be read, and since when."""

    account: str
    failure: FailureKind
    since: datetime | None = None


class LeapLine(Struct, frozen=True):
    """An account that spends far more in a day than usual."""

    account: str
    currency: str
    per_day: Decimal
    usual: Decimal


class Digest(Struct, frozen=True):
    """What all accounts did between two times, and how they stand at its end.

    Attributes:
        at: the time of the policy that it is for.
        since: when the digest before was decided; a week before `until` at the earliest.
        until: when it was decided.
        accounts: how many accounts are watched.
        spent: what was spent by unit, each purse once.
        left: what is left by currency, each purse once, without quotas.
        next: the accounts that can be read, those that run dry first.
        firing: the gravest first.
        topped_up: the accounts that were topped up, each with all of its top-ups.
        unreadable: the accounts that cannot be read.
        leaps: the accounts that spend far above usual.
    """

    at: datetime
    since: datetime
    until: datetime
    accounts: int = 0
    spent: Listed[Sum] = Listed()
    left: Listed[Sum] = Listed()
    next: Listed[AccountLine] = Listed()
    firing: Listed[FiringLine] = Listed()
    topped_up: Listed[TopUpLine] = Listed()
    unreadable: Listed[UnreadableLine] = Listed()
    leaps: Listed[LeapLine] = Listed()

    def cut(self, limit: int) -> "Digest":
        """Returns the digest with so many lines of each list at most."""
        return replace(
            self,
            spent=self.spent.cut(limit),
            left=self.left.cut(limit),
            next=self.next.cut(limit),
            firing=self.firing.cut(limit),
            topped_up=self.topped_up.cut(limit),
            unreadable=self.unreadable.cut(limit),
            leaps=self.leaps.cut(limit),
        )
