"""Rehearses a check: it reads and decides as a check does, and stores, sends and pays nothing."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.loading import Configuration
from balance_watch.domain.account import Account
from balance_watch.domain.configuration_alert import decide_configuration
from balance_watch.domain.event import Event
from balance_watch.domain.outbox import OutboxEntry, Outgoing, PaymentOrder
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.domain.silences import Silence
from balance_watch.domain.state import AccountState
from balance_watch.domain.unmatched import severity_of
from balance_watch.usecases.account_checks import CheckedAccounts
from balance_watch.usecases.check import Check
from balance_watch.usecases.configuration_faults import examine
from balance_watch.usecases.decisions import Batch, Decisions, decide_batch
from balance_watch.usecases.digest_contents import digest_of_tick
from balance_watch.usecases.digests import decide_digest
from balance_watch.usecases.listeners import ask
from balance_watch.usecases.outbox_step import Tick, due_in, tick_of
from balance_watch.usecases.reading import Reads, ToRead, read_due
from balance_watch.usecases.settled_costs import with_settled_costs
from balance_watch.usecases.summary import Summary

_OF_THE_WAY = frozenset({FailureKind.BLOCKED, FailureKind.TIMED_OUT, FailureKind.UNREACHABLE})
"""Failures of the way to a provider, which may be another one from another machine."""


class Rehearsal(NamedTuple):
    """What a check would find, and what it would say.

    Attributes:
        summary: the counts; nothing is delivered.
        configuration: what is configured.
        states: each account as it would be stored, by name.
        events: what would be said, with the channels; also what earlier runs could not send.
        orders: the payments that would be tried.
        silences: the active ones.
        faults: every fault of the configuration.
        results: what was read, by the account's name.
        read_before: the accounts that the latest check read.
    """

    summary: Summary
    configuration: Configuration
    states: Mapping[str, AccountState]
    events: tuple[Event, ...]
    orders: tuple[PaymentOrder, ...]
    silences: tuple[Silence, ...]
    faults: tuple[str, ...]
    results: Mapping[str, ReadResult]
    read_before: frozenset[str]

    @property
    def unreached(self) -> dict[str, FailureKind]:
        """Returns the accounts that the latest check read, and that are not reached from here."""
        failures = {
            name: result.kind
            for name, result in self.results.items()
            if isinstance(result, ReadFailure)
        }
        return {
            name: kind
            for name, kind in failures.items()
            if kind in _OF_THE_WAY and name in self.read_before
        }

    @property
    def is_far_from_providers(self) -> bool:
        """Tells whether most of what the latest check read is not reached from here."""
        return 2 * len(self.unreached) > len(self.read_before)

    def replay(
        self, accounts: Sequence[WatchedAccount], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        """Yields what was read of these accounts: a check of the same time reads nothing twice."""
        del now, deadline
        for account, _ in accounts:
            if account.name in self.results:
                yield account, self.results[account.name]


def rehearse(check: Check, now: datetime, *, seconds: float) -> Rehearsal:
    """Reads every account, and decides what a check would say; only reads the table.

    Args:
        check: the check that is rehearsed.
        now: the tick.
        seconds: how long reading may take.
    """
    store = check.store
    run = store.runs.latest(now)
    record, silences = run.record, run.silences
    configuration = check.load(policy_was_kept=bool(record.policy_digest))
    examination = examine(configuration, record, now)
    listeners = ask(examination.listeners, check.ask_topic, now)
    examination = replace(examination, listeners=listeners)
    tick = tick_of(run, examination, Summary(now), check.clock() + seconds)
    names = [account.name for account, _ in configuration.accounts]
    stored = store.accounts.states(names)
    before = {name: stored.get(name, AccountState(name)) for name in names}
    results: dict[str, ReadResult] = {}
    reads = _read(check, tick, before, results)
    decided = _decide(check, tick, before, reads)
    faults = examination.faults(silences)
    configured, of_configuration = decide_configuration(
        record.configuration,
        faults,
        context=tick.context,
        now=now,
        severity=severity_of(faults),
    )
    changes = {change.state.account: change for change in decided.changes}
    states = before | {name: change.state for name, change in changes.items()}
    outgoing: list[Outgoing] = [*of_configuration, *decided.outage_entries]
    outgoing += (entry for change in changes.values() for entry in change.entries)
    tick.summary.count(outgoing)
    tick.summary.deferred = len(reads.missing - changes.keys())
    checked = CheckedAccounts(states, decided.outages)
    digest = decide_digest(
        tick,
        lambda at, since: digest_of_tick(
            at, since, tick, checked, configured, store.accounts, check.clock
        ),
    )
    outgoing += digest.entries
    pending = store.outbox.pending()
    due = due_in(
        tick,
        [*pending.entries, *(it for it in outgoing if isinstance(it, OutboxEntry))],
        checked,
        configured,
        listeners.health,
    )
    return Rehearsal(
        tick.summary,
        configuration,
        states,
        _events(store.outbox.whole(due.entries)),
        (*pending.orders, *(it for it in outgoing if isinstance(it, PaymentOrder))),
        silences,
        tuple(faults),
        results,
        frozenset(name for name, it in before.items() if it.reading and it.failure is None),
    )


def _read(
    check: Check,
    tick: Tick,
    before: Mapping[str, AccountState],
    results: dict[str, ReadResult],
) -> Reads:
    """Reads the accounts as a check does, and keeps every result, also of one that waits."""

    def read(
        accounts: Sequence[WatchedAccount], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        for account, result in check.read(accounts, now=now, deadline=deadline):
            results[account.name] = result
            yield account, result

    accounts = {account.name: (account, spec) for account, spec in tick.configuration.accounts}
    tick.summary.accounts = len(accounts)
    return read_due(
        with_settled_costs(accounts, check.store.costs),
        before,
        ToRead(tick.run.tick, tick.deadline, tick.run.record.paused),
        read,
        tick.summary,
        check.on_read,
    )


def _decide(
    check: Check, tick: Tick, before: Mapping[str, AccountState], reads: Reads
) -> Decisions:
    configuration = tick.configuration
    accounts = {account.name: (account, spec) for account, spec in configuration.accounts}
    return decide_batch(
        Batch(tick.run, configuration.accounts, configuration.policy, tick.context, tick.deadline),
        before,
        reads.results,
        check.pay.open_payments(before, accounts),
    )


def _events(entries: Sequence[OutboxEntry]) -> tuple[Event, ...]:
    """Returns an event for each notification, with the channels that have yet to get it."""
    events: dict[str, Event] = {}
    for notification, channel, *_ in entries:
        before = events.get(notification.alert_id, Event(notification))
        events[notification.alert_id] = before._replace(channels=(*before.channels, channel))
    return tuple(events.values())
