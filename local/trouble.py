"""The ways in which a provider misbehaves, as values to set on a server or on one account."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from local.loopback import Reply


class Kind(Enum):
    """The kinds of trouble. Each provider's server has its own reply to each."""

    NOTHING = "nothing"
    OUTAGE = "outage"
    RATE_LIMITED = "rate limited"
    KEY_REJECTED = "key rejected"
    NOT_ALLOWED = "not allowed"
    BLOCKED = "blocked"
    CANNED = "canned"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way to misbehave; the usual ones are below."""

    kind: Kind = Kind.NOTHING
    latency: float = 0.0
    retry_after: str | None = None
    reply: Reply | None = None

    def after(self, seconds: float) -> "Trouble":
        """Returns the same trouble with `seconds` more delay."""
        return replace(self, latency=self.latency + seconds)


FINE = Trouble()
OUTAGE = Trouble(Kind.OUTAGE)
"""503 with the provider's error body."""
KEY_REJECTED = Trouble(Kind.KEY_REJECTED)
"""401, as for a revoked key."""
NOT_ALLOWED = Trouble(Kind.NOT_ALLOWED)
"""403 of the API: the key is valid but lacks the permission."""
BLOCKED = Trouble(Kind.BLOCKED)
"""403 with an HTML page from a front before the API."""
LOST_REPLY = Trouble(Kind.LOST)
"""The request takes effect, then the connection ends without a reply."""


def rate_limited(retry_after: str | None = "30") -> Trouble:
    """Returns a 429 with this Retry-After: seconds, an HTTP date, or None for no header."""
    return Trouble(Kind.RATE_LIMITED, retry_after=retry_after)


def slow(seconds: float) -> Trouble:
    """Returns a delay before an otherwise good reply."""
    return Trouble(latency=seconds)


def canned(
    status: int,
    body: bytes | str,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> Trouble:
    """Returns a trouble that answers every request with exactly this reply."""
    data = body.encode() if isinstance(body, str) else body
    reply = Reply(status, data, content_type=content_type, headers=headers or {})
    return Trouble(Kind.CANNED, reply=reply)
