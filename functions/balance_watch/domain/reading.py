"""The result of reading an account: a reading, no limit, or a named failure."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from balance_watch.domain.credit import OpenCosts, SettledCosts
from balance_watch.domain.money import CALCULATION_DIGITS


class AutoReload(Struct, frozen=True):
    """The provider's automatic top-up: on or off; if known, at which balance and by how much."""

    enabled: bool
    threshold: Decimal | None = None
    amount: Decimal | None = None


class Estimate(NamedTuple):
    """What a balance was computed from that the provider does not tell.

    Attributes:
        since: the first day of which costs count.
        cost: all costs from then on, as the provider tells them.
        bought: all that was paid for, as the account declares it; or the amount of its budget.
        open: the costs of the days that are not over.
        corrected: what the days that were over at the reading before cost more than they did then.
    """

    since: date
    cost: Decimal
    bought: Decimal
    open: OpenCosts | None = None
    corrected: Decimal = Decimal(0)


class Reading(Struct, frozen=True):
    """A balance that was read. Amounts are exact; `observed_at` is the tick it belongs to.

    Attributes:
        balance: the provider's main number, in the unit `currency`.
        provider_threshold: the low-balance threshold set at the provider, in the same unit.
        provider_time: the provider's own timestamp, kept only if the balance was computed then.
        resets_at: when a quota resets.
        credit_limit: how much the account may owe: the balance may fall to minus this.
        expires_at: when the credit expires.
        renews: whether the balance is a quota that resets by itself.
        estimate: what it was computed from, where the provider tells costs and no balance.
        settled: the costs of past days, to be kept for the next reads. It is not stored here.
        costs: all costs by day, where the provider tells them. They are not stored.

    An optional field is None where the provider does not tell it.
    """

    observed_at: datetime
    balance: Decimal
    currency: str
    credits: Decimal | None = None
    points: Decimal | None = None
    provider_flag: bool | None = None
    provider_threshold: Decimal | None = None
    auto_reload: AutoReload | None = None
    provider_time: datetime | None = None
    status: str | None = None
    resets_at: datetime | None = None
    credit_limit: Decimal | None = None
    expires_at: datetime | None = None
    renews: bool | None = None
    estimate: Estimate | None = None
    settled: SettledCosts | None = None
    costs: Mapping[date, Decimal] | None = None

    @property
    def floor(self) -> Decimal:
        """Returns the balance down to which the account can be used: 0 without a credit limit."""
        return self.credit_limit.copy_negate() if self.credit_limit else Decimal(0)

    @property
    def usable(self) -> Decimal:
        """Returns what can still be spent, the credit limit included."""
        with localcontext(prec=CALCULATION_DIGITS):
            return self.balance - self.floor


class Unlimited(Struct, frozen=True):
    """A successful read of an account without a limit: there is no balance, and no failure."""

    observed_at: datetime


class FailureKind(StrEnum):
    """Why a balance could not be read. The words are stored, shown and sent: do not rename."""

    KEY_REJECTED = "key_rejected"
    NOT_ALLOWED = "not_allowed"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate_limited"
    PROVIDER_ERROR = "provider_error"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    REDIRECTED = "redirected"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    AMBIGUOUS = "ambiguous"
    OUT_OF_CREDIT = "out_of_credit"

    @property
    def about_the_key(self) -> bool:
        """Tells whether the provider itself rejected this key."""
        return self in (FailureKind.KEY_REJECTED, FailureKind.NOT_ALLOWED)

    @property
    def lasts(self) -> bool:
        """Tells whether waiting cannot help: the key is rejected, or nothing is left."""
        return self.about_the_key or self is FailureKind.OUT_OF_CREDIT

    @property
    def words(self) -> str:
        """Returns the kind as the beginning of a sentence: `Key rejected`."""
        return self.value.replace("_", " ").capitalize()


class ReadFailure(Struct, frozen=True):
    """A read that failed. `message` is one sentence for people and contains no secret.

    `retry_after` is the pause in seconds that the provider asked for, if it did.
    """

    kind: FailureKind
    message: str
    retry_after: float | None = None


ReadResult = Reading | Unlimited | ReadFailure
"""The result of one read of one account."""
