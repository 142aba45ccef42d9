"""Checks a batch of accounts: reads each, decides what changes, and stores that."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from balance_watch.config.accounts import ConfiguredAccount
from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, decide
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.summary import Summary, distinct_notifications

_log = logging.getLogger(__name__)


class Read(Protocol):
    """Reads accounts, the most urgent first; yields none for an account it has no time for."""

    def __call__(
        self, accounts: Sequence[ConfiguredAccount], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        """Yields the result of each account's read."""
        ...


OpenPayments = Callable[[Mapping[str, AccountState]], Mapping[str, PaymentOutcome]]
"""Returns the outcome of the latest payment of each account that has an alert on one."""

OnRead = Callable[[Account, ReadResult, int], None]
"""Hears of each account that was read, with its result and the number of accounts to read."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Accounts to check in one run, by one policy, with reads that end at a deadline."""

    run: Run
    accounts: Sequence[ConfiguredAccount]
    policy: Policy
    context: AlertContext
    deadline: float


@dataclass(slots=True)
class CheckedAccounts:
    """The states after a check, by account; those of `unsaved` accounts are not stored."""

    states: dict[str, AccountState]
    unsaved: set[str] = field(default_factory=set)


def check_accounts(
    batch: Batch,
    summary: Summary,
    *,
    store: Store,
    read: Read,
    open_payments: OpenPayments,
    on_read: OnRead = lambda *_: None,
) -> CheckedAccounts:
    """Reads, decides and stores; an account with an error of its own stops no other.

    An account that was not read, decided or stored is deferred to the next run.

    Args:
        batch: the accounts, and what holds for all of them.
        summary: gets the counts.
        store: the table.
        read: reads the accounts.
        open_payments: looks up payments that an alert is about.
        on_read: hears of each account that was read.
    """
    accounts = {account.name: (account, spec) for account, spec in batch.accounts}
    stored = store.accounts.states(list(accounts))
    states = {name: stored.get(name, AccountState(name)) for name in accounts}
    payments = open_payments(states)
    summary.accounts += len(accounts)
    checked = CheckedAccounts(states)
    if batch.run.unfinished:
        # The run before may have died between a state and its reading.
        known = ((state, state.reading) for state in stored.values() if state.reading is not None)
        checked.unsaved |= store.accounts.save(known, batch.run)
    due = _due(states, batch.run.tick)
    missing = set(due)
    changes: list[Transition] = []
    pairs = [accounts[name] for name in due]
    for account, result in read(pairs, now=batch.run.tick, deadline=batch.deadline):
        on_read(account, result, len(due))
        _count(account, result, summary)
        change = _decide(states[account.name], result, accounts[account.name], batch, payments)
        if change is not None:
            missing.discard(account.name)
            changes.append(change)
    checked.unsaved |= _save(batch.run, changes, summary, store)
    new_states = (change.state for change in changes)
    states |= {it.account: it for it in new_states if it.account not in checked.unsaved}
    deferred = sorted(missing | checked.unsaved)
    summary.deferred += len(deferred)
    if deferred:
        _log.error("deferred to the next run", extra={"accounts": deferred})
    return checked


def _due(states: Mapping[str, AccountState], tick: datetime) -> list[str]:
    """Returns the accounts to read: those that waited longest first, so that all get their turn."""
    due = [state for state in states.values() if state.checked_at != tick]
    due.sort(key=lambda state: (state.checked_at is not None, state.checked_at or tick))
    return [state.account for state in due]


def _decide(
    state: AccountState,
    result: ReadResult,
    watched: ConfiguredAccount,
    batch: Batch,
    payments: Mapping[str, PaymentOutcome],
) -> Transition | None:
    """Returns what changes; None after logging an error, which must not hide other accounts."""
    account, spec = watched
    try:
        state, entries = decide(
            state,
            result,
            account=account,
            rules=batch.policy.rules_for(account),
            context=batch.context,
            traits=spec.traits,
            payment=payments.get(account.name),
            now=batch.run.tick,
        )
    except Exception as error:  # noqa: BLE001 (in one account it must not hide all others)
        _log.error("not decided", extra={"account": account.name, "why": type(error).__name__})
        return None
    return Transition(state, result if isinstance(result, Reading) else None, entries)


def _save(run: Run, changes: Sequence[Transition], summary: Summary, store: Store) -> set[str]:
    """Stores everything, transitions with entries first; returns the accounts not stored."""
    announcing = [change for change in changes if change.entries]
    unsaved = store.save_transitions(run, announcing)
    for state, _, entries in announcing:
        if state.account in unsaved:
            continue
        summary.count(entries)
        for notification in distinct_notifications(entries):
            facts = {"account": notification.account, "rule": notification.rule}
            _log.warning("alert %s", notification.reason.value, extra=facts)
    quiet = ((change.state, change.reading) for change in changes if not change.entries)
    return unsaved | store.accounts.save(quiet, run)


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
