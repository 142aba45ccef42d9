"""Where the lines of a report's plots go: coordinates from 0 to WIDTH and HEIGHT, without style."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from balance_watch.domain.alert_spans import AlertSpan, Span
from balance_watch.domain.report import AccountReport, Period

WIDTH, HEIGHT = 1000, 100

_MOST_POINTS = 200
"""A plot of a phone's or a desktop's width shows no more."""

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
) -> Iterator[list[tuple[datetime, Decimal]]]:
    """Yields the samples between the gaps, as many as can be seen.

    Of each stretch its highest and lowest balance stay, so that no top-up and no fall is lost.
    """
    size = max(1, len(samples) * 2 // _MOST_POINTS)
    ends = [end for _, end in gaps]
    part: list[tuple[datetime, Decimal]] = []
    stretch: list[tuple[datetime, Decimal]] = []
    for sample in samples:
        while ends and sample[0] >= ends[0]:
            ends.pop(0)
            if part or stretch:
                yield part + _seen(stretch)
            part, stretch = [], []
        stretch.append(sample)
        if len(stretch) >= size:
            part += _seen(stretch)
            stretch = []
    if part or stretch:
        yield part + _seen(stretch)


def _seen(stretch: Sequence[tuple[datetime, Decimal]]) -> list[tuple[datetime, Decimal]]:
    if not stretch:
        return []
    lowest = min(stretch, key=lambda it: it[1])
    highest = max(stretch, key=lambda it: it[1])
    return sorted({stretch[-1], lowest, highest})


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
