"""The last day of a balance, one sample an hour: enough for a plot, small enough for the state."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

SPAN = timedelta(hours=24)
BARS = "▁▂▃▄▅▆▇█"


class Sample(NamedTuple):
    """A balance as it was last seen within an hour."""

    at: datetime
    balance: Decimal


def shifted(window: tuple[Sample, ...], now: datetime, balance: Decimal) -> tuple[Sample, ...]:
    """Returns the window with this balance for its hour and nothing older than a day before it."""
    hour = _hour(now)
    kept = (sample for sample in window if hour - SPAN <= _hour(sample.at) < hour)
    return (*kept, Sample(now, balance))


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def sparkline(values: tuple[Decimal, ...]) -> str:
    """Draws how a balance moved, a bar a sample: `█▇▅▃▁`; a flat line is drawn half high."""
    if not values:
        return ""
    lowest, span = min(values), max(values) - min(values)
    if not span:
        return BARS[3] * len(values)
    return "".join(BARS[int((value - lowest) / span * (len(BARS) - 1))] for value in values)
