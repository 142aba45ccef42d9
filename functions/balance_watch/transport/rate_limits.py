"""Reads what a reply says of the server's limit: how long to wait before the next request.

Three forms are in use: the field `RateLimit` of draft-ietf-httpapi-ratelimit-headers, in its
present form and in an older one; the fields `RateLimit-…` of the drafts before it; and the same
with `X-`, whose reset is in seconds from now, or in seconds or milliseconds since 1970.
"""

import re
from collections.abc import Mapping

_LEFT = r"(?a)(?:^|[;,\s])(?:r|remaining)\s*=\s*(\d{1,15})(?!\d)"
_RESET = r"(?a)(?:^|[;,\s])(?:t|reset)\s*=\s*(\d{1,15})(?!\d)"
_WHOLE = r"(?a)\s*(\d{1,15})(?:\.\d{1,9})?\s*"
_PAIRS = (
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
)
_SINCE_1970, _MILLISECONDS = 10**9, 10**11
_LONGEST = 86_400.0
"""A pause of more than a day is none that a server means: such a number is ignored."""


def pause_of(headers: Mapping[str, str], now: float, *, refused: bool) -> float | None:
    """Returns the seconds until the server takes requests again; None if it does not say.

    Args:
        headers: the reply's header fields, with names in lower case.
        now: seconds since 1970.
        refused: the request was refused, so nothing is left whatever the reply says of that.
    """
    pauses = [*_of_field(headers.get("ratelimit", ""), refused=refused)]
    for remaining_name, reset_name in _PAIRS:
        left, reset = _number(headers.get(remaining_name)), _number(headers.get(reset_name))
        if reset is not None and (refused or left == 0):
            pauses.append(_from_now(reset, now))
    pauses = [pause for pause in pauses if 0 <= pause <= _LONGEST]
    return max(pauses, default=None)


def _of_field(field: str, *, refused: bool) -> list[float]:
    """Returns the pauses of a `RateLimit` field, which may hold several limits."""
    pauses = []
    # The older form has one limit, whose parameters are separated by commas.
    limits = [field] if "remaining" in field else field.split(",")
    for limit in limits:
        left, reset = re.search(_LEFT, limit), re.search(_RESET, limit)
        nothing_left = refused if left is None else int(left[1]) == 0
        if reset is not None and nothing_left:
            pauses.append(float(reset[1]))
    return pauses


def _number(text: str | None) -> int | None:
    match = re.fullmatch(_WHOLE, text or "")
    return int(match[1]) if match else None


def _from_now(reset: int, now: float) -> float:
    """Returns the seconds until a reset, whichever way it is written."""
    if reset < _SINCE_1970:
        return float(reset)
    seconds = reset / 1000 if reset >= _MILLISECONDS else float(reset)
    return max(0.0, seconds - now)
