"""The trend of a balance: one sample per hour of the last day, small enough to be stored."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

SPAN = timedelta(hours=24)


class Sample(NamedTuple):
    """The latest balance within one hour."""

    at: datetime
    balance: Decimal


def add_sample(trend: tuple[Sample, ...], now: datetime, balance: Decimal) -> tuple[Sample, ...]:
    """Returns the trend with this balance for its hour, and without samples older than a day."""
    hour = _hour(now)
    kept = (sample for sample in trend if hour - SPAN <= _hour(sample.at) < hour)
    return (*kept, Sample(now, balance))


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
