"""What one look at an account yields: a reading, no limit, or a named failure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class AutoReload:
    """The provider's automatic top-up: on or off; where known, from which balance, by how much."""

    enabled: bool
    threshold: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A balance that was understood. Amounts are exact; `observed_at` is the tick it belongs to.

    `balance` is the provider's main number and `currency` its unit; `provider_threshold` is in
    that unit. `provider_time` is the provider's own timestamp, kept only where it means that the
    balance was computed then. `resets_at` is when a quota begins anew; it is not kept. None: the
    provider does not say.
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


@dataclass(frozen=True, slots=True)
class Unlimited:
    """A look that found no balance since there is no limit to run into: no number, no failure."""

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

    @property
    def about_the_key(self) -> bool:
        """True when waiting cannot help: the provider itself refused this key."""
        return self in (FailureKind.KEY_REJECTED, FailureKind.NOT_ALLOWED)

    @property
    def words(self) -> str:
        """The kind as the beginning of a sentence: `Key rejected`."""
        return self.value.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """A look that yielded no balance. `message` is one sentence for people and holds no secret.

    `retry_after` is in seconds, where the provider asked for a pause.
    """

    kind: FailureKind
    message: str
    retry_after: float | None = None


ReadResult = Reading | Unlimited | ReadFailure
"""What one look at one account yields."""
