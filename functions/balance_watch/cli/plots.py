"""Plots of a balance over time, on a scale from nothing to the largest balance that is shown."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal, localcontext

from balance_watch.domain.formatting import BARS
from balance_watch.domain.money import CALCULATION_DIGITS

Samples = Iterable[tuple[datetime, Decimal]]
"""Balances with their times, the oldest first."""

_STEPS = len(BARS)


def resample(
    samples: Samples,
    *,
    since: datetime,
    until: datetime,
    cells: int,
    lasting: timedelta = timedelta(),
) -> list[Decimal | None]:
    """Returns the latest balance of each of so many equal parts of a time; None: there is none.

    Args:
        samples: the balances; those outside of the time are left out, but for what is later.
        since: the beginning of the time.
        until: its end.
        cells: how many parts.
        lasting: for how long a balance stands for itself: the usual time between two readings.
    """
    span = until - since
    latest: dict[int, tuple[datetime, Decimal]] = {}
    for at, balance in samples:
        if at > since:
            # The end of a part belongs to it, and its beginning to the one before.
            index = -(((since - at) * cells) // span) - 1
            latest[min(index, cells - 1)] = at, balance
    values: list[Decimal | None] = []
    last: tuple[datetime, Decimal] | None = None
    for cell in range(cells):
        last = latest.get(cell, last)
        is_known = last is not None and last[0] + lasting > since + span * cell / cells
        values.append(last[1] if last is not None and is_known else None)
    return values


def bars(values: Sequence[Decimal | None]) -> str:
    """Draws balances as one line of bars: `█▇▅▃▁`; a space where nothing is known.

    The largest balance has the highest bar, and nothing or less has the lowest.
    """
    return "".join(" " if level is None else BARS[level] for level in _levels(values, _STEPS - 1))


def chart(values: Sequence[Decimal | None], height: int) -> Iterator[str]:
    """Yields the lines of a chart of balances, the highest first, without axes.

    A known balance has at least the lowest bar, so that nothing left is not taken for no reading.
    """
    known = _levels(values, _STEPS * height)
    levels = [0 if level is None else max(1, level) for level in known]
    for row in reversed(range(height)):
        yield "".join(_part(level - row * _STEPS) for level in levels)


def _part(level: int) -> str:
    return BARS[min(level, _STEPS) - 1] if level > 0 else " "


def _levels(values: Sequence[Decimal | None], steps: int) -> list[int | None]:
    """Returns how high each balance is, from 0 to `steps`; more than nothing is 1 or more."""
    highest = max((value for value in values if value is not None), default=Decimal(0))
    with localcontext(prec=CALCULATION_DIGITS, rounding=ROUND_CEILING):
        return [
            None
            if value is None
            else min(steps, int((value * steps / highest).to_integral_value()))
            if value > 0
            else 0
            for value in values
        ]
