"""The trend of a balance: one sample per hour of the last day, small enough to be stored."""

from datetime import datetime, timedelta
from decimal import Context, Decimal

from msgspec import Struct
from msgspec.structs import replace

SPAN = timedelta(hours=24)
_ONE_HOUR = timedelta(hours=1)

_KEPT = Context(prec=12)


class Sample(Struct, frozen=True):
    """The latest balance within one hour.

    `spent` and `covered` are what was spent since the sample before, and in how much time: they add
    up what every reading told, so that a top-up between two samples hides no spending.
    """

    at: datetime
    balance: Decimal
    spent: Decimal = Decimal(0)
    covered: timedelta = timedelta()

    def after(self, earlier: "Sample") -> "Sample":
        """Returns this sample with what was spent before an earlier one that is left out."""
        spent, covered = _KEPT.add(earlier.spent, self.spent), earlier.covered + self.covered
        return replace(self, spent=spent, covered=covered)


def add_sample(trend: tuple[Sample, ...], sample: Sample) -> tuple[Sample, ...]:
    """Returns the trend with this sample for its hour, and without samples older than a day."""
    hour = sample.at.replace(minute=0, second=0, microsecond=0)
    since, until = hour - SPAN, hour + _ONE_HOUR
    for each in trend:
        if hour <= each.at < until:
            sample = sample.after(each)
    return (*(each for each in trend if since <= each.at < hour), sample)
