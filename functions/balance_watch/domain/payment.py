"""Payments into an account: how one ended, and whether another may be made."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

_DAY = timedelta(days=1)


class PaymentOutcome(StrEnum):
    """How a payment ended. Only `unknown` leaves open whether money moved.

    `claimed`: it was about to be made; `cleared`: a person looked, and takes it as settled. The
    words are stored, shown and sent: do not rename.
    """

    CLAIMED = "claimed"
    PAID = "paid"
    NOT_ENABLED = "not_enabled"
    KEY_REJECTED = "key_rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    CLEARED = "cleared"

    @property
    def in_order(self) -> bool:
        """Whether nobody has to look after it."""
        return self in (PaymentOutcome.PAID, PaymentOutcome.CLEARED)

    @property
    def is_open(self) -> bool:
        """Whether money may have moved without anybody knowing."""
        return self in (PaymentOutcome.CLAIMED, PaymentOutcome.UNKNOWN)

    @property
    def moved_nothing(self) -> bool:
        """Whether it is certain that no money moved."""
        return self in (
            PaymentOutcome.NOT_ENABLED,
            PaymentOutcome.KEY_REJECTED,
            PaymentOutcome.NOT_SENT,
        )


class Paid(NamedTuple):
    """A payment that moved money, or may have: when it was claimed, and what it answers."""

    at: datetime
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Payment:
    """The latest payment into an account.

    `answers` is the alert that it answers, or the command; `earlier` holds those before it, of the
    last day.
    """

    claimed_at: datetime
    idempotency_key: str
    outcome: PaymentOutcome
    earlier: tuple[Paid, ...] = ()

    def within_a_day_of(self, at: datetime) -> tuple[Paid, ...]:
        """What moved money, or may have, in the 24 hours before a time."""
        mine = () if self.outcome.moved_nothing else (Paid(self.claimed_at, self.idempotency_key),)
        return tuple(each for each in (*self.earlier, *mine) if at - each.at < _DAY)


class Refusal(StrEnum):
    """Why a payment may not be made."""

    ANSWERED = "the alert has been answered by a payment already"
    UNDER_WAY = "another payment is under way"
    OPEN = "what became of an earlier payment is not known"
    NOT_CLAIMED = "the table did not take the claim"
    ENOUGH = "as many payments as its rule allows were made within 24 hours"


def refusal(
    last: Payment | None,
    *,
    idempotency_key: str,
    at: datetime,
    under_way: bool,
    most: int | None = None,
    after_unknown: bool = False,
) -> Refusal | None:
    """Returns why a payment may not be made now, or None if it may.

    Args:
        last: the account's latest payment.
        idempotency_key: the alert or command that asks for this payment; each is paid once.
        at: now.
        under_way: whether the latest payment may be being made just now.
        most: how many may be made in 24 hours; None: any number.
        after_unknown: a person has looked and wants to pay whatever became of the last one.
    """
    if last is None:
        return None
    if idempotency_key in (last.idempotency_key, *(each.idempotency_key for each in last.earlier)):
        return Refusal.ANSWERED
    if under_way and last.outcome is PaymentOutcome.CLAIMED:
        return Refusal.UNDER_WAY
    if last.outcome.is_open and not after_unknown:
        return Refusal.OPEN
    if most is not None and len(last.within_a_day_of(at)) >= most:
        return Refusal.ENOUGH
    return None


def claimed(last: Payment | None, *, idempotency_key: str, at: datetime) -> Payment:
    """Returns the payment that is about to be made after this one."""
    return Payment(
        at, idempotency_key, PaymentOutcome.CLAIMED, last.within_a_day_of(at) if last else ()
    )
