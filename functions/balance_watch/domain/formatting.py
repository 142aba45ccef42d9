"""How amounts, durations and times are written, the same in alerts, commands and JSON."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unicodedata import category

from balance_watch.domain.forecast import LONGEST

BARS = "▁▂▃▄▅▆▇█"
_ISO_4217_LENGTH = 3


def with_unit(amount: Decimal, unit: str) -> str:
    """Writes an amount for people, never rounded: `7,189.245 USD`, `10.00 EUR`, `71,000 credits`.

    An ISO 4217 code (upper case) gets at least two decimals; a provider's own unit does not.
    """
    text = f"{amount:,f}"
    if len(unit) == _ISO_4217_LENGTH and unit.isupper():
        whole, _, cents = text.partition(".")
        text = f"{whole}.{cents.ljust(2, '0')}"
    return f"{text} {unit}"


def counted(number: int, noun: str) -> str:
    """Writes a number of things: `1 account`, `2 accounts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def digits(number: Decimal | None) -> str | None:
    """Writes a number for JSON: all its digits and no exponent, e.g. `"7189.245"`."""
    return None if number is None else f"{number:f}"


def is_visible(text: str) -> bool:
    """Tells whether each character takes its place in a line: a letter, or a space of any width.

    Python counts no space but the plain one as printable, so not the ideographic space (U+3000).
    """
    # Nearly every text is printable, and asking for the whole of it is many times faster.
    return text.isprintable() or all(char.isprintable() or category(char) == "Zs" for char in text)


def visible(text: str) -> str:
    """Returns a text with a replacement character for each that cannot be seen in a line."""
    if is_visible(text):
        return text
    return "".join(char if is_visible(char) else "�" for char in text)


def sparkline(values: tuple[Decimal, ...]) -> str:
    """Draws how a balance moved, one bar per value: `█▇▅▃▁`; a flat line is half high."""
    if not values:
        return ""
    lowest, span = min(values), max(values) - min(values)
    if not span:
        return BARS[3] * len(values)
    return "".join(BARS[int((value - lowest) / span * (len(BARS) - 1))] for value in values)


def format_duration(span: timedelta) -> str:
    """Writes a duration in its two largest units, e.g. `2 d 4 h`, `35 min`."""
    minutes = int(span.total_seconds()) // 60
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    words = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(words[:2]) or "0 min"


def format_runway(span: timedelta) -> str:
    """Writes how long a balance lasts; any time of ten years or more is `10 years or more`."""
    return "10 years or more" if span >= LONGEST else format_duration(span)


def format_time(at: datetime) -> str:
    """Writes a time for people, in UTC, e.g. `22 Nov 2026 10:05 UTC`."""
    return f"{at.day} {at:%b %Y %H:%M} UTC"


def iso_time(at: datetime) -> str:
    """Writes a time for machines, in UTC and to the second: `2026-11-22T10:05:00Z`.

    strftime would write the year 1, which some providers use for "never", with a single digit.
    """
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
