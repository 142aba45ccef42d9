"""A chart of a balance with axes: amounts at the side, times along the bottom."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext

from balance_watch.cli.plots import chart, resample
from balance_watch.domain.money import CALCULATION_DIGITS

_HEIGHT = 8
_WIDEST_AMOUNT = 14
_LEAST_CELLS = 8
_SHORT = timedelta(days=2)
_YEAR = timedelta(days=300)
_GAP = 2
_TICK_CELLS = 10
"""Room for a time below the chart: `Nov 2026` and a gap."""

_NOW = "now"
_ROUGH = Context(prec=4)


def chart_with_axes(
    samples: Sequence[tuple[datetime, Decimal]],
    *,
    since: datetime,
    until: datetime,
    width: int,
    lasting: timedelta,
) -> Iterator[str]:
    """Yields the lines of a chart from nothing to the largest balance, from `since` to `until`.

    Args:
        samples: the balances with their times, the oldest first.
        since: the time at the left.
        until: the time at the right.
        width: how wide the lines may be.
        lasting: for how long a balance stands for itself.
    """
    highest = max((balance for _, balance in samples), default=Decimal(0))
    with localcontext(prec=CALCULATION_DIGITS):
        amounts = [highest if highest > 0 else Decimal(0), max(highest, Decimal(0)) / 2]
    labels = {0: _amount(amounts[0]), _HEIGHT // 2: _amount(amounts[1])} if amounts[0] else {}
    side = max(map(len, (*labels.values(), "0")))
    cells = max(_LEAST_CELLS, width - side - _GAP)
    values = resample(samples, since=since, until=until, cells=cells, lasting=lasting)
    for row, line in enumerate(chart(values, _HEIGHT)):
        tick = "┤" if row in labels else "│"
        yield f"{labels.get(row, ''):>{side}} {tick}{line}"
    ticks = list(_ticks(since, until, cells))
    axis, times = ["─"] * cells, [" "] * cells
    for cell, text in ticks:
        axis[cell] = "┬"
        times[cell : cell + len(text)] = text
    yield f"{'0':>{side}} └{''.join(axis)}"
    yield f"{'':>{side}}  {''.join(times)}"


def _amount(amount: Decimal) -> str:
    """Writes an amount for the axis; a long one to four digits, a very long one with a power."""
    text = f"{amount:,f}"
    if len(text) > _WIDEST_AMOUNT:
        text = f"{_ROUGH.plus(amount).normalize(_ROUGH):,f}"
    return text if len(text) <= _WIDEST_AMOUNT else f"{amount:.3e}"


def _time(at: datetime, span: timedelta) -> str:
    if span <= _SHORT:
        return f"{at:%H:%M}"
    return f"{at.day} {at:%b}" if span <= _YEAR else f"{at:%b %Y}"


def _ticks(since: datetime, until: datetime, cells: int) -> Iterator[tuple[int, str]]:
    """Yields the cells that have a time below, with the time; the last one is now."""
    span, end = until - since, cells - len(_NOW)
    step = timedelta(hours=1) if span <= _SHORT else timedelta(days=1)
    step *= max(1, -(-span * _TICK_CELLS // (step * cells)))
    at = since.replace(hour=since.hour if span <= _SHORT else 0, minute=0, second=0, microsecond=0)
    while at <= until:
        text, cell = _time(at, span), (at - since) * cells // span
        if cell >= 0 and cell + len(text) + _GAP <= end:
            yield cell, text
        at += step
    yield end, _NOW
