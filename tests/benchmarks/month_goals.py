"""What a simulated month is measured by: when an account was told of, and when it should have been.

Times are hours from the beginning of the month. An account is **close** when, by its true use of
the hours to come, it is dry within six days. It **leapt** if its last day before it was dry took
more than twice what any day before had taken: nobody could know a day before.
"""

from collections.abc import Sequence
from typing import NamedTuple

CLOSE, AHEAD, DAY = 144.0, 24.0, 24
_LEAP = 2.0


class Life(NamedTuple):
    """The month of one account.

    Attributes:
        kind: what kind of account it is.
        dry_at: when nothing was left; None: never within the month.
        closest: the fewest hours, at any look, until it would have been dry by its true use.
        leapt: it leapt before it was dry.
        told_at: when it was first told of by its balance or its runway, if ever.
        early: it was told of when it was not close yet.
        critical: a critical alert fired when it was dry, or before.
        messages: how many notifications it caused.
    """

    kind: str
    dry_at: float | None
    closest: float
    leapt: bool
    told_at: float | None
    early: bool
    critical: bool
    messages: int

    @property
    def in_time(self) -> bool:
        """Whether it was told of a day before it was dry."""
        return self.dry_at is not None and self.lead >= AHEAD

    @property
    def at_once(self) -> bool:
        """Whether it leapt, and was told of at the latest when it was dry."""
        return self.leapt and self.told_at is not None and self.lead >= 0

    @property
    def lead(self) -> float:
        """Hours from the first alert until it was dry; less than 0 if there was none."""
        if self.dry_at is None or self.told_at is None:
            return -1.0
        return self.dry_at - self.told_at

    @property
    def missed(self) -> bool:
        """Whether it ran dry, and was told of too late, not at all, or never critically."""
        return self.dry_at is not None and not (self.critical and (self.in_time or self.at_once))

    @property
    def needless(self) -> bool:
        """Whether it was told of although it never came close."""
        return self.dry_at is None and self.closest > CLOSE and self.told_at is not None


def leapt(used: Sequence[float], dry_at: int) -> bool:
    """Tells whether an account leapt in the day before it was dry.

    Args:
        used: what was used by the beginning of each hour.
        dry_at: the hour in which nothing was left.
    """
    begin = dry_at - DAY
    if begin < DAY:
        return False
    before = max(used[at] - used[at - DAY] for at in range(DAY, begin + 1))
    return used[dry_at] - used[begin] > _LEAP * before


class Row(NamedTuple):
    """The figures of one kind of accounts, or of all."""

    name: str
    accounts: int
    dry: int
    in_time: int
    at_once: int
    missed: int
    never_close: int
    needless: int
    early: int
    messages: float


def row_of(name: str, lives: Sequence[Life]) -> Row:
    """Returns the figures of some accounts."""
    return Row(
        name,
        len(lives),
        sum(it.dry_at is not None for it in lives),
        sum(it.in_time and it.critical for it in lives),
        sum(it.at_once and not it.in_time and it.critical for it in lives),
        sum(it.missed for it in lives),
        sum(it.dry_at is None and it.closest > CLOSE for it in lives),
        sum(it.needless for it in lives),
        sum(it.early for it in lives),
        sum(it.messages for it in lives) / max(1, len(lives)),
    )
