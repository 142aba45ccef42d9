"""Checks a batch of accounts: reads each, decides what changes, and stores the changes."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from balance_watch.config.accounts import WatchedAccount
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.outages import Attempt
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.decisions import Batch, Decisions, decide_batch
from balance_watch.usecases.reading import OnRead, Read, ToRead, read_due
from balance_watch.usecases.settled_costs import newly_settled, with_settled_costs
from balance_watch.usecases.summary import Summary, distinct_notifications

_log = logging.getLogger(__name__)


OpenPayments = Callable[
    [Mapping[str, AccountState], Mapping[str, WatchedAccount]], Mapping[str, PaymentOutcome]
]
"""Returns the outcome of the latest payment of each account that has an alert on one."""


class CheckedAccounts(Struct):
    """The states of accounts after a check, by name; those in `unsaved` could not be stored.

    `outages` are the alerts of outages; `paused` are the accounts that are left alone, each
    with the time until when. `attempts` tell how the reads ended, and `suspects` are the places
    that may have an outage.
    """

    states: dict[str, AccountState]
    outages: Mapping[str, Alert]
    unsaved: set[str] = field(default_factory=set)
    paused: dict[str, datetime] = field(default_factory=dict)
    attempts: Sequence[Attempt] = ()
    suspects: Mapping[str, datetime] = field(default_factory=dict)

    def look_up(self, accounts: Iterable[str], *, whole: bool = False) -> None:
        """Makes the states of these accounts known, if they are not; `whole`: more than alerts."""


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
    decided = decide_batch(batch, states, results, payments)
    checked.attempts, checked.suspects = decided.attempts, decided.suspects
    missing -= {change.state.account for change in decided.changes}
    checked.outages = _save_outages(batch, decided, summary, store)
    checked.unsaved |= _save(batch.run, decided.changes, summary, store)
    new_states = (change.state for change in decided.changes)
    states |= {it.account: it for it in new_states if it.account not in checked.unsaved}
    deferred = sorted(missing | checked.unsaved)
    summary.deferred += len(deferred)
    if deferred:
        _log.error("deferred to the next run", extra={"accounts": deferred})
    return checked


def _save_outages(
    batch: Batch, decided: Decisions, summary: Summary, store: Store
) -> Mapping[str, Alert]:
    """Stores the alerts of outages; returns them as they are stored."""
    if not decided.outage_entries:
        return decided.outages
    if not store.save_outages(batch.run, decided.outages, decided.outage_entries):
        summary.deferred += 1
        return batch.run.record.outages
    summary.count(decided.outage_entries)
    return decided.outages


def _save(run: Run, changes: Sequence[Transition], summary: Summary, store: Store) -> set[str]:
    """Stores all changes, those with entries first; returns the accounts not stored."""
    announcing = [change for change in changes if change.entries]
    unsaved = store.save_transitions(run, announcing)
    for state, entries in announcing:
        if state.account in unsaved:
            continue
        summary.count(entries)
        for notification in distinct_notifications(entries):
            facts = {"account": notification.account, "rule": notification.rule}
            _log.warning("alert %s", notification.reason.value, extra=facts)
    quiet = (change.state for change in changes if not change.entries)
    return unsaved | store.accounts.save(quiet, run)
