"""Gathers a report from the table: readings, events and states, several accounts at once."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from balance_watch.domain.account import Account
from balance_watch.domain.policy import Policy
from balance_watch.domain.report import Past, Period, Report, report_of
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store

_AT_ONCE = 8


def gather(
    store: Store, accounts: Sequence[Account], quotas: Collection[str], policy: Policy, span: Period
) -> Report:
    """Returns the report on accounts over a time; it reads no secret.

    Args:
        store: the table.
        accounts: the accounts.
        quotas: the providers whose balances are quotas.
        policy: the policy, for its thresholds.
        span: the time.
    """
    states = store.accounts.states([account.name for account in accounts])

    def past(account: Account) -> Past:
        since = span.needed_since
        readings = store.accounts.history(account.name, since, span.until)
        renews = readings[-1].renews if readings else None
        return Past(
            account,
            states.get(account.name, AccountState(account.name)),
            readings,
            store.events.of(account.name, since, span.until),
            account.provider in quotas if renews is None else renews,
        )

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return report_of(pool.map(past, accounts), policy, span)
