"""Checks a batch of accounts: reads each, decides what changes, and stores the changes."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeGuard

from balance_watch.config.accounts import WatchedAccount
from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, decide
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.outages import (
    Attempt,
    decide_outages,
    held_back,
    outages_of,
    place_of,
    suppressing,
    unknown,
)
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState
from balance_watch.providers.request import host_of
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.reading import OnRead, Read, ToRead, read_due
from balance_watch.usecases.settled_costs import newly_settled, with_settled_costs
from balance_watch.usecases.summary import Summary, distinct_notifications

_log = logging.getLogger(__name__)


OpenPayments = Callable[
    [Mapping[str, AccountState], Mapping[str, WatchedAccount]], Mapping[str, PaymentOutcome]
]
"""Returns the outcome of the latest payment of each account that has an alert on one."""


class Batch(NamedTuple):
    """The accounts to check in one run, with what is the same for all of them."""

    run: Run
    accounts: Sequence[WatchedAccount]
    policy: Policy
    context: AlertContext
    deadline: float


@dataclass(slots=True)
class CheckedAccounts:
    """The states of accounts after a check, by name; those in `unsaved` could not be stored.

    `outages` are the alerts of outages; `paused` are the accounts that are left alone, each
    with the time until when.
    """

    states: dict[str, AccountState]
    outages: Mapping[str, Alert]
    unsaved: set[str] = field(default_factory=set)
    paused: dict[str, datetime] = field(default_factory=dict)


def check_accounts(
    batch: Batch,
    summary: Summary,
    *,
    store: Store,
    read: Read,
    open_payments: OpenPayments,
    on_read: OnRead = lambda *_: None,
) -> CheckedAccounts:
    """Reads the accounts, decides what changes, and stores the changes.

    An account that was not read, decided or stored is deferred to the next run. An error in one
    account does not stop the others.

    Args:
        batch: the accounts to check.
        summary: gets the counts.
        store: the table.
        read: reads the accounts.
        open_payments: returns the payments that alerts are about.
        on_read: is called for each account that was read.
    """
    accounts = {account.name: (account, spec) for account, spec in batch.accounts}
    stored = store.accounts.states(list(accounts))
    states = {name: stored.get(name, AccountState(name)) for name in accounts}
    payments = open_payments(states, accounts)
    summary.accounts += len(accounts)
    checked = CheckedAccounts(states, batch.run.record.outages)
    if batch.run.unfinished:
        # The previous run may have died after it stored a state and before it stored the reading.
        readings = (
            (state, state.reading) for state in stored.values() if state.reading is not None
        )
        checked.unsaved |= store.accounts.save(readings, batch.run)
    reads = read_due(
        with_settled_costs(accounts, store.costs),
        states,
        ToRead(batch.run.tick, batch.deadline, batch.run.record.paused),
        read,
        summary,
        on_read,
    )
    results, missing = reads.results, reads.missing
    store.costs.save(newly_settled(accounts, results), batch.run.lease_until)
    checked.paused = reads.paused
    lasting = {name for name, alert in checked.outages.items() if alert.firing}
    attempts = tuple(_attempts(accounts, states, results, batch.run.tick))
    outages = outages_of(attempts, lasting)
    places = {place_of(account, host_of(spec, account)) for account, spec in accounts.values()}
    same = unknown(checked.outages.keys(), places, attempts, outages.keys())
    over = lasting - outages.keys() - same
    quiet = suppressing(batch.context, held_back(attempts, outages, over))
    changes: list[Transition] = []
    for name, result in results.items():
        change = _decide(states[name], result, accounts[name], batch, quiet, payments)
        if change is not None:
            missing.discard(name)
            changes.append(change)
    decided = states | {change.state.account: change.state for change in changes}
    checked.outages = _outages(batch, outages, decided, same, summary, store)
    checked.unsaved |= _save(batch.run, changes, summary, store)
    new_states = (change.state for change in changes)
    states |= {it.account: it for it in new_states if it.account not in checked.unsaved}
    deferred = sorted(missing | checked.unsaved)
    summary.deferred += len(deferred)
    if deferred:
        _log.error("deferred to the next run", extra={"accounts": deferred})
    return checked


def _attempts(
    accounts: Mapping[str, WatchedAccount],
    states: Mapping[str, AccountState],
    results: Mapping[str, ReadResult],
    tick: datetime,
) -> Iterator[Attempt]:
    """Yields how the read of each account ended in this tick, also in a run before for it."""
    for name, (account, spec) in accounts.items():
        result, state = results.get(name), states[name]
        if result is not None:
            kind = result.kind if isinstance(result, ReadFailure) else None
        elif state.checked_at == tick:
            kind = None if state.failure is None or _yielded(state) else state.failure.kind
        else:
            continue
        yield Attempt(account, host_of(spec, account), kind)


def _yielded(state: AccountState) -> bool:
    """Tells whether the latest read yielded a reading, though one that no rule can use."""
    is_doubtful = state.failure is not None and state.failure.kind is FailureKind.AMBIGUOUS
    return is_doubtful or (
        state.reading is not None and state.reading.observed_at == state.checked_at
    )


def _outages(
    batch: Batch,
    outages: Mapping[str, tuple[Account, ...]],
    states: Mapping[str, AccountState],
    same: AbstractSet[str],
    summary: Summary,
    store: Store,
) -> Mapping[str, Alert]:
    """Decides and stores the alerts of outages; returns them as they are stored.

    Those of `same` stay as they are.
    """
    before = batch.run.record.outages
    decided_on = {name: alert for name, alert in before.items() if name not in same}
    after, entries = decide_outages(
        decided_on, outages, states, context=batch.context, now=batch.run.tick
    )
    after |= {name: before[name] for name in same}
    if not entries:
        return after
    if not store.save_outages(batch.run, after, entries):
        summary.deferred += 1
        return before
    summary.count(entries)
    return after


def _decide(
    state: AccountState,
    result: ReadResult,
    account_and_spec: WatchedAccount,
    batch: Batch,
    context: AlertContext,
    payments: Mapping[str, PaymentOutcome],
) -> Transition | None:
    """Returns what changes; None after logging an error."""
    account, spec = account_and_spec
    try:
        state, entries = decide(
            state,
            result,
            account=account,
            rules=batch.policy.rules_for(account),
            context=context,
            traits=spec.traits,
            payment=payments.get(account.name),
            now=batch.run.tick,
        )
    except Exception as error:  # noqa: BLE001 (an error in one account must not stop the others)
        _log.error("not decided", extra={"account": account.name, "why": type(error).__name__})
        return None
    return Transition(state, result if _is_accepted(result, state) else None, entries)


def _is_accepted(result: ReadResult, state: AccountState) -> TypeGuard[Reading]:
    """Tells whether a read is a reading that the state holds: one of a doubtful unit is not."""
    last = state.reading
    if not isinstance(result, Reading) or last is None:
        return False
    return (last.observed_at, last.currency) == (result.observed_at, result.currency)


def _save(run: Run, changes: Sequence[Transition], summary: Summary, store: Store) -> set[str]:
    """Stores all changes, those with entries first; returns the accounts not stored."""
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
