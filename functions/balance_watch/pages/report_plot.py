"""Where the lines of a report's plots go: coordinates from 0 to WIDTH and HEIGHT, without style."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from balance_watch.domain.alert_spans import AlertSpan, Span
from balance_watch.domain.report import AccountReport, Period

WIDTH, HEIGHT = 1000, 100

_AHEAD = 0.25
"""The part of the report's time that a plot shows of the future."""


class Shade(NamedTuple):
    """A time that is shaded, and what it was."""

    x: float
    width: float
    alert: AlertSpan | None = None


class Plot(NamedTuple):
    """The plot of one account; y is 0 at the top."""

    lines: tuple[str, ...]
    forecast: str
    thresholds: tuple[float, ...]
    top_ups: tuple[float, ...]
    gaps: tuple[Shade, ...]
    alerts: tuple[Shade, ...]
    now: float
    highest: Decimal
    lowest: Decimal
    until: datetime


class Bar(NamedTuple):
    """The bar of one day."""

    x: float
    y: float
    width: float
    height: float


def plot_of(account: AccountReport, period: Period) -> Plot | None:
    """Returns the plot of an account; None without a balance in that time."""
    if not account.samples:
        return None
    end = period.until + (period.until - period.since) * _AHEAD
    balances = [balance for _, balance in account.samples]
    lowest = min(Decimal(0), account.floor, *balances)
    highest = max(Decimal(0), *balances)
    # A threshold that is far above every balance would press the line to the ground.
    near = [it for it in account.thresholds if lowest <= it <= highest * 2]
    highest = max(highest, *near, lowest + 1) if near else max(highest, lowest + 1)
    room = float(highest - lowest) * 1.04

    def x(at: datetime) -> float:
        share = (at - period.since) / (end - period.since)
        return round(min(max(share, 0.0), 1.0) * WIDTH, 1)

    def y(balance: Decimal) -> float:
        return round(HEIGHT - float(balance - lowest) / room * HEIGHT, 1)

    def shade(span: Span, alert: AlertSpan | None = None) -> Shade:
        return Shade(x(span[0]), max(1.5, round(x(span[1]) - x(span[0]), 1)), alert)

    return Plot(
        tuple(
            " ".join(f"{x(at):g},{y(balance):g}" for at, balance in part)
            for part in _parts(account.samples, account.gaps)
        ),
        _forecast(account, end, x, y),
        tuple(y(it) for it in near),
        tuple(x(it.at) for it in account.top_ups),
        tuple(map(shade, account.gaps)),
        tuple(
            shade(span, alert)
            for alert in account.alerts
            if (span := alert.within(period.since, period.until)) is not None
        ),
        x(period.until),
        highest,
        lowest,
        end,
    )


def _forecast(
    account: AccountReport,
    end: datetime,
    x: Callable[[datetime], float],
    y: Callable[[Decimal], float],
) -> str:
    """Returns the line from the latest balance to nothing, or to where the plot ends."""
    (at, balance), dry = account.samples[-1], account.runs_dry_at
    if dry is None or dry <= at or balance <= account.floor:
        return ""
    last, left = dry, account.floor
    if dry > end:
        part = Decimal((end - at) / (dry - at))
        last, left = end, balance - (balance - account.floor) * part
    return f"{x(at):g},{y(balance):g} {x(last):g},{y(left):g}"


def _parts(
    samples: Sequence[tuple[datetime, Decimal]], gaps: Sequence[Span]
) -> Iterator[Sequence[tuple[datetime, Decimal]]]:
    """Yields the samples between the gaps."""
    times = [at for at, _ in samples]
    cuts = [0, *(bisect_left(times, end) for _, end in gaps), len(times)]
    for begin, end in pairwise(cuts):
        if begin < end:
            yield samples[begin:end]


def bars_of(amounts: Sequence[Decimal]) -> list[Bar]:
    """Returns a bar for each amount, from nothing up; less than nothing has none."""
    highest = max((*amounts, Decimal(0)))
    step = WIDTH / max(1, len(amounts))
    heights = [float(max(it, Decimal(0)) / highest) * HEIGHT if highest else 0.0 for it in amounts]
    return [
        Bar(
            round(number * step + step * 0.1, 1),
            round(HEIGHT - height, 1),
            round(step * 0.8, 1),
            round(height, 1),
        )
        for number, height in enumerate(heights)
    ]
