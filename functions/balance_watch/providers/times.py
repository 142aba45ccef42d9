"""Reads the times of a reply."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from balance_watch.validation import Json

_MILLISECONDS = Decimal(10) ** 11
"""From here on, a time is in milliseconds: as seconds, it would be in the year 5138 or later."""

_LEAP_SECOND = re.compile(r"(?<=[T ])(\d\d:\d\d):60(?!\d)", re.ASCII)
"""No datetime has a second 60: the one before it stands for it."""


def time_from(value: Json, *, numbers: bool = True) -> datetime:
    """Returns the time that a value stands for: a text of ISO 8601, or seconds since 1970.

    Args:
        value: the value.
        numbers: accept a number, of seconds or of milliseconds.

    Raises:
        ValueError: the value is no time.
    """
    try:
        if isinstance(value, Decimal) and numbers:
            return datetime.fromtimestamp(_seconds(value), UTC)
        parsed = datetime.fromisoformat(_LEAP_SECOND.sub(r"\1:59", value))
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise ValueError("is not a time") from None


def _seconds(number: Decimal) -> int:
    """Returns the seconds of a time since 1970 that is written in seconds or in milliseconds."""
    return int(number) // 1000 if abs(number) >= _MILLISECONDS else int(number)
