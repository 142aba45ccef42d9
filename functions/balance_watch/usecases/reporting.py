"""Gathers a report from the table: readings, events and states, several accounts at once."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from math import inf

from balance_watch.config.policy import PolicyFile
from balance_watch.domain.account import Account
from balance_watch.domain.report import LEAD, Past, Period, Report, report_of
from balance_watch.domain.state import AccountState
from balance_watch.providers.registry import find_spec
from balance_watch.store.dynamodb import Store

_AT_ONCE = 8
_IN_DETAIL = timedelta(days=1)
"""A report shows every reading of its last day, and an outline of the time before."""
_AHEAD = 2 * _AT_ONCE
"""So many accounts are in memory at most: a month of readings of one takes some megabytes."""


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

    def past(account: Account) -> Past:
        if clock() >= deadline:
            raise TimeoutError("there is no time for all accounts")
        since = span.needed_since
        state = states.get(account.name, AccountState(account.name))
        is_past = state.checked_at is not None and state.checked_at > span.until
        # The state at a time of the past is computed from every reading before it.
        whole_since = span.until - LEAD if is_past else max(span.since, span.until - _IN_DETAIL)
        readings, times = store.accounts.outline(account.name, since, span.until, whole_since)
        renews = readings[-1].renews if readings else None
        return Past(
            account,
            state,
            readings,
            store.events.of(account.name, since, span.until),
            account.provider in quotas if renews is None else renews,
            times,
        )

    with ThreadPoolExecutor(_AT_ONCE) as pool:

        def pasts() -> Iterator[Past]:
            for start in range(0, len(accounts), _AHEAD):
                yield from pool.map(past, accounts[start : start + _AHEAD])

        return report_of(pasts(), policy.policy, span)
