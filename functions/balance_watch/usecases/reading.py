"""Reads the accounts that are due, and knows which of them only wait for their turn."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Protocol

from msgspec import Struct

from balance_watch.config.accounts import WatchedAccount
from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.domain.state import AccountState
from balance_watch.providers.spec import Spec
from balance_watch.usecases.summary import Summary

_log = logging.getLogger(__name__)

_WAITS_FOR = timedelta(hours=1)
"""A host's limit may keep an account from being read for as long as this."""

_TRIED_AGAIN = 3, timedelta(hours=1)
"""An account that is read seldom is tried again in so many runs; after that, once in this time."""

_PAUSED = 500
"""So many accounts are remembered as left alone."""

_LEFT_ALONE = ReadFailure(FailureKind.RATE_LIMITED, "Its host asks to be left alone for now.")


class Read(Protocol):
    """Reads accounts, the most urgent first; yields nothing for those it has no time for."""

    def __call__(
        self, accounts: Sequence[WatchedAccount], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        """Yields the result of each account's read."""


OnRead = Callable[[Account, ReadResult, int], None]
"""Is called for each account that was read, with its result and the number of all reads."""


class Reads(Struct, frozen=True):
    """The results of reading accounts, by name.

    Attributes:
        results: what was read.
        missing: the accounts that there was no time for.
        paused: the accounts that are left alone, because their host asks for it, and until when.
    """

    results: dict[str, ReadResult]
    missing: set[str]
    paused: dict[str, datetime]


class ToRead(Struct, frozen=True):
    """When to read: the tick, the time to end by, and the accounts that are left alone."""

    tick: datetime
    deadline: float
    paused: Mapping[str, datetime]


def read_due(
    accounts: Mapping[str, WatchedAccount],
    states: Mapping[str, AccountState],
    batch: ToRead,
    read: Read,
    summary: Summary,
    on_read: OnRead,
) -> Reads:
    """Reads the accounts that were not checked in this tick yet.

    An account whose host asks for fewer requests waits for its turn, and one that is read seldom
    keeps its reading: it has no result, and is not missing either.

    Args:
        accounts: accounts and their providers, by name.
        states: what is remembered of each.
        batch: the tick, the deadline, and the accounts that are left alone.
        read: reads accounts.
        summary: gets the counts.
        on_read: is called for each account that was read.
    """
    due = [
        name
        for name in _due(states, batch.tick)
        if not _still_holds(states[name], accounts[name][1], batch.tick)
    ]
    paused = {name: until for name, until in batch.paused.items() if until > batch.tick}
    reads = Reads({}, set(due), paused)
    pairs = [accounts[name] for name in due if name not in paused]
    left_alone = [(accounts[name][0], _LEFT_ALONE) for name in due if name in paused]
    for account, result in chain(read(pairs, now=batch.tick, deadline=batch.deadline), left_alone):
        if isinstance(result, ReadFailure) and result.kind is FailureKind.RATE_LIMITED:
            if result.retry_after is not None and len(paused) < _PAUSED:
                pause = min(timedelta(seconds=result.retry_after), _WAITS_FOR)
                paused[account.name] = batch.tick + pause
            if _waits(states[account.name], batch.tick):
                _log.info("waits for its turn", extra={"account": account.name})
                reads.missing.discard(account.name)
                continue
        on_read(account, result, len(due))
        _count(account, result, summary)
        reads.results[account.name] = result
    return reads


def _due(states: Mapping[str, AccountState], tick: datetime) -> list[str]:
    """Returns the accounts to read, those that waited longest first: each gets its turn."""
    due = [state for state in states.values() if state.checked_at != tick]
    due.sort(key=lambda state: (state.checked_at is not None, state.checked_at or tick))
    return [state.account for state in due]


def _still_holds(state: AccountState, spec: Spec, tick: datetime) -> bool:
    """Tells whether an account was read so lately that its provider need not be asked again."""
    if spec.every_hours is None or state.checked_at is None:
        return False
    failures, pause = _TRIED_AGAIN
    if state.failure is None:
        pause = timedelta(hours=spec.every_hours)
    elif state.failures < failures:
        return False
    return timedelta() <= tick - state.checked_at < pause


def _waits(state: AccountState, tick: datetime) -> bool:
    """Tells whether an account only waits for its turn at a host that asks for fewer requests.

    It does for an hour after it was read; then it counts as one that cannot be read.
    """
    last = state.checked_at
    return state.failure is None and last is not None and tick - last < _WAITS_FOR


def _count(account: Account, result: ReadResult, summary: Summary) -> None:
    if not isinstance(result, ReadFailure):
        summary.read += 1
        return
    summary.unreadable += 1
    facts = {
        "account": account.name,
        "provider": account.provider,
        "kind": result.kind.value,
        "why": result.message,
    }
    _log.warning("not read", extra=facts)
