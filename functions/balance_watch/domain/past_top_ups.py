"""The top-ups that a history of readings shows: what a check would have seen at each of them."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise

from balance_watch.domain.changes import Fall, change_between, spent_between
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import TopUpSeen
from balance_watch.domain.trend import Sample

_GAPS = 4
"""So many times between readings tell the period of the schedule, as `AccountState.gaps` has."""


def past_top_ups(readings: Iterable[Reading]) -> Iterator[TopUpSeen]:
    """Yields the top-ups between readings that are in order of time.

    A history has no failed checks, so its period is that of the readings. Amounts in two units are
    not compared.
    """
    fall: Fall | None = None
    gaps = deque[timedelta](maxlen=_GAPS)
    sample: Sample | None = None
    for before, after in pairwise(readings):
        at = after.observed_at
        earlier = sample or Sample(before.observed_at, before.balance)
        sample = Sample(at, after.balance)
        gaps.append(at - before.observed_at)
        if before.currency.casefold() != after.currency.casefold():
            fall = None
            continue
        change = spent_between(before, after, at) or change_between(
            earlier,
            sample,
            fall,
            max(gaps) if len(gaps) > 1 else None,
        )
        fall = change.fall
        if change.topped_up_from is not None:
            yield TopUpSeen(at, change.topped_up_from, after.balance)
