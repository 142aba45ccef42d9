"""Whether the schedule has stopped, or some accounts are no longer checked."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from balance_watch.domain.state import AccountState

_PERIODS = 3
"""A check that is later than so many periods is overdue: a run or two may fail or be slow."""

_UNKNOWN_PERIOD = timedelta(hours=1)
"""Stands for the period until an account was checked twice."""


class Overdue(NamedTuple):
    """The accounts whose next check is overdue.

    Attributes:
        accounts: their names, the one that waits longest first.
        checked_at: when that one was last checked.
        period: the usual time between two of its checks, if that is known.
        is_all: whether no account was checked in time: the schedule has stopped.
    """

    accounts: tuple[str, ...]
    checked_at: datetime
    period: timedelta | None
    is_all: bool


def overdue(states: Iterable[AccountState], now: datetime) -> Overdue | None:
    """Returns the accounts whose check is overdue; None if there is none.

    An account that was never checked is new, and tells nothing.
    """
    checked = sorted(
        ((state.checked_at, state) for state in states if state.checked_at is not None),
        key=lambda it: (it[0], it[1].account),
    )
    usual = max((gap for _, state in checked for gap in state.gaps), default=None)
    late = [
        (at, state.account, state.period or usual)
        for at, state in checked
        if now - at > _PERIODS * (state.period or usual or _UNKNOWN_PERIOD)
    ]
    if not late:
        return None
    at, _, period = late[0]
    return Overdue(tuple(name for _, name, _ in late), at, period, len(late) == len(checked))
