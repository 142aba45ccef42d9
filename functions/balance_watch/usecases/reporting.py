"""Gathers a report from the table: readings, events and states, several accounts at once."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from math import inf

from balance_watch.config.policy import PolicyFile
from balance_watch.domain.account import Account
from balance_watch.domain.report import LEAD, Past, Period, Report, another_at, report_of
from balance_watch.domain.state import AccountState
from balance_watch.providers.registry import find_spec
from balance_watch.store.dynamodb import Store
from balance_watch.store.events import with_shared
from balance_watch.store.outlines import Detail

_AT_ONCE = 4
"""Threads: they wait for DynamoDB together, and more of them would only wait for the processor."""
_AHEAD = 2 * _AT_ONCE
"""So many accounts are in memory at most: a month of readings of one takes some megabytes."""

_COLLECTED_AFTER = 50_000
"""So many more objects than before let Python look for cycles of them."""

_BEFORE = timedelta(hours=26)
"""The time before a report in which there usually is a reading, and what leads to a top-up."""


def gather(
    store: Store,
    accounts: Sequence[Account],
    policy: PolicyFile,
    span: Period,
    *,
    deadline: float = inf,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Returns the report on accounts over a time; it reads no secret.

    Args:
        store: the table.
        accounts: the accounts.
        policy: the policy, for its thresholds and its providers.
        span: the time.
        deadline: a time on the clock; no account is begun at or after it.
        clock: a monotonic clock, in seconds.

    Raises:
        TimeoutError: the deadline has passed, or DynamoDB left items unread.
    """
    specs = {it.provider: find_spec(it.provider, policy.providers) for it in accounts}
    quotas = {slug for slug, spec in specs.items() if spec is not None and spec.kind == "quota"}
    states = store.accounts.states([account.name for account in accounts])
    since, until = span.needed_since, span.until
    shared = store.events.of_several(since, until)

    def past(account: Account) -> Past:
        if clock() >= deadline:
            raise TimeoutError("there is no time for all accounts")
        state = states.get(account.name, AccountState(account.name))
        begin = since + LEAD
        packs, own = store.packs_and_events(state, begin - _BEFORE, until, since)
        events = with_shared(account.name, own, shared)
        is_past = state.checked_at is not None and state.checked_at > until
        # The state at a time of the past is computed from the readings before it.
        detail = Detail(until, until - LEAD if is_past else None, another_at(events))
        found = store.accounts.outline(state, begin - _BEFORE, until, detail, packs)
        if not found.readings or found.readings[0].observed_at >= begin:
            found = store.accounts.outline(state, since, until, detail)
        renews = found.readings[-1].renews if found.readings else None
        return Past(
            account,
            state,
            found.readings,
            events,
            account.provider in quotas if renews is None else renews,
            found.times,
            found.curve,
        )

    with _rare_collections(), ThreadPoolExecutor(_AT_ONCE) as pool:

        def pasts() -> Iterator[Past]:
            for start in range(0, len(accounts), _AHEAD):
                yield from pool.map(past, accounts[start : start + _AHEAD])

        return report_of(pasts(), policy.policy, span)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Lets Python look for garbage in cycles less often, of which a report makes next to none.

    Each time it walks through all that is in memory: that took as long as the rest of a report.
    """
    usual = gc.get_threshold()
    gc.set_threshold(_COLLECTED_AFTER, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
