"""The curve of a balance, of which a plot shows as many points as can be seen."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from balance_watch.domain.alert_spans import Span
from balance_watch.domain.money import exact
from balance_watch.domain.reading import Reading

MOST_POINTS = 200
"""A plot of a phone's or a desktop's width shows no more."""


class Curve(NamedTuple):
    """Balances in one unit, the oldest first.

    Attributes:
        times: in seconds since the epoch.
        balances: exact, or the text of that: of a month of them, a plot needs a few.
        levels: the balances, as near as is needed to compare them.
    """

    times: Sequence[int]
    balances: Sequence[Decimal | str]
    levels: Sequence[float]

    def until(self, until: datetime) -> "Curve":
        """Returns the curve up to a time."""
        end = bisect_right(self.times, until.timestamp())
        return Curve(self.times[:end], self.balances[:end], self.levels[:end])

    def points(self, since: datetime, gaps: Iterable[Span]) -> tuple[tuple[datetime, Decimal], ...]:
        """Returns the balances from a time on, as many as can be seen.

        Of each stretch its highest, lowest and latest balance stay, so that no top-up and no fall
        is lost. No stretch has a gap in it.
        """
        begin = bisect_left(self.times, since.timestamp())
        size = max(1, (len(self.times) - begin) * 2 // MOST_POINTS)
        cuts = (bisect_left(self.times, end.timestamp()) for _, end in gaps)
        ends = [*sorted({it for it in cuts if it > begin}), len(self.times)]
        found: list[int] = []
        for end in ends:
            for start in range(begin, end, size):
                found += self._seen(start, min(end, start + size))
            begin = end
        return tuple(
            (datetime.fromtimestamp(self.times[it], UTC), exact(self.balances[it])) for it in found
        )

    def _seen(self, start: int, end: int) -> list[int]:
        """Returns which balances stay of a stretch."""
        levels = self.levels[start:end]
        lowest, highest = levels.index(min(levels)), levels.index(max(levels))
        return sorted({start + lowest, start + highest, end - 1})


def curve_of(readings: Iterable[Reading], unit: str) -> Curve:
    """Returns the curve of these readings, as far as they are in this unit."""
    own = [it for it in readings if it.currency == unit]
    balances = [it.balance for it in own]
    return Curve([int(it.observed_at.timestamp()) for it in own], balances, [*map(float, balances)])
