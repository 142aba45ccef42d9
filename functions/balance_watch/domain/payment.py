"""Payments into an account: how the latest one ended, and whether another may be made."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

_DAY = timedelta(days=1)


class PaymentOutcome(StrEnum):
    """How a payment ended.

    `claimed` means that it is being made, or that its end was never stored; `unknown`, that it was
    sent without a clear answer; `cleared`, that a person has checked it and declares it settled;
    `dropped`, that a rule ordered it and it was not made.
    The words are stored, shown and sent: do not rename.
    """

    CLAIMED = "claimed"
    PAID = "paid"
    NOT_ENABLED = "not_enabled"
    KEY_REJECTED = "key_rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    CLEARED = "cleared"
    DROPPED = "dropped"

    @property
    def is_settled(self) -> bool:
        """Tells whether nobody has to look into it."""
        return self in (PaymentOutcome.PAID, PaymentOutcome.CLEARED)

    @property
    def is_open(self) -> bool:
        """Tells whether money may have moved without anybody knowing."""
        return self in (PaymentOutcome.CLAIMED, PaymentOutcome.UNKNOWN)

    @property
    def moved_nothing(self) -> bool:
        """Tells whether it is certain that no money moved."""
        return self in (
            PaymentOutcome.NOT_ENABLED,
            PaymentOutcome.KEY_REJECTED,
            PaymentOutcome.NOT_SENT,
        )


class Purse(Struct, frozen=True):
    """What a payment goes into: the money that accounts of one provider, host and key share.

    `digest` identifies it; `account` is the name of the account that is paid for.
    """

    account: str
    digest: str


class Paid(Struct, frozen=True, order=True):
    """A payment that moved money or may have: when it was claimed, and its idempotency key."""

    at: datetime
    idempotency_key: str


class Payment(Struct, frozen=True):
    """The latest payment into a purse.

    `idempotency_key` is the id of the alert that asked for it, or of the command; `earlier` are the
    payments of the day before it.
    """

    claimed_at: datetime
    idempotency_key: str
    outcome: PaymentOutcome
    earlier: tuple[Paid, ...] = ()

    def within_a_day_of(self, at: datetime) -> tuple[Paid, ...]:
        """Returns the payments that moved money, or may have, in the 24 hours before a time."""
        latest = Paid(self.claimed_at, self.idempotency_key)
        payments = self.earlier if self.outcome.moved_nothing else (*self.earlier, latest)
        return tuple(payment for payment in payments if at - payment.at < _DAY)


class Refusal(StrEnum):
    """Why a payment may not be made."""

    ALREADY_MADE = "a payment for this alert has already been made"
    UNDER_WAY = "another payment is in progress"
    OPEN = "the result of an earlier payment is not known"
    NOT_CLAIMED = "the claim could not be stored"
    NOT_READ = "the balance was not read in this run"
    NO_TIME = "there is no time left"
    ENOUGH = "its rule allows no more payments within 24 hours"
    NOT_READ_SINCE = "its balance was not read after the latest payment"


def refusal(
    last: Payment | None,
    *,
    idempotency_key: str,
    at: datetime,
    in_progress: bool,
    max_per_day: int | None = None,
    after_unknown: bool = False,
) -> Refusal | None:
    """Returns why a payment may not be made now, or None if it may.

    Args:
        last: the latest payment into the purse.
        idempotency_key: the alert or command that asks for this payment; each is paid once.
        at: now; for a rule, the time at which the balance was read.
        in_progress: whether the latest payment may still be in progress.
        max_per_day: how many payments a rule allows in 24 hours; None: a person asks for it.
        after_unknown: a person has checked, and wants to pay whatever the latest result was.
    """
    if last is None:
        return None
    if idempotency_key in (last.idempotency_key, *(paid.idempotency_key for paid in last.earlier)):
        return Refusal.ALREADY_MADE
    if in_progress and last.outcome is PaymentOutcome.CLAIMED:
        return Refusal.UNDER_WAY
    if last.outcome.is_open and not after_unknown:
        return Refusal.OPEN
    return None if max_per_day is None else _refusal_of_a_rule(last, at, max_per_day)


def _refusal_of_a_rule(last: Payment, at: datetime, max_per_day: int) -> Refusal | None:
    """Returns why a rule may not pay, or None if it may.

    If a purse has two names, the other one may have been paid for on the same balance.
    """
    if len(last.within_a_day_of(at)) >= max_per_day:
        return Refusal.ENOUGH
    is_read_since = last.claimed_at < at or last.outcome.moved_nothing
    return None if is_read_since else Refusal.NOT_READ_SINCE


def claimed(last: Payment | None, *, idempotency_key: str, at: datetime) -> Payment:
    """Returns the claim of a payment that is about to be made."""
    return Payment(
        at, idempotency_key, PaymentOutcome.CLAIMED, last.within_a_day_of(at) if last else ()
    )
