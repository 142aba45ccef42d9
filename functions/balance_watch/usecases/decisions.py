"""Decides what the reads of a batch of accounts change, before anything is stored."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
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
    within_bounds,
)
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState, followed_by
from balance_watch.providers.request import host_of

if TYPE_CHECKING:
    from balance_watch.domain.place_reports import PartView

_log = logging.getLogger(__name__)


class Batch(Struct, frozen=True):
    """The accounts to check in one run, with what is the same for all of them.

    `view` is what a worker knows of outages beyond its batch; None: these are all accounts.
    """

    run: Run
    accounts: Sequence[WatchedAccount]
    policy: Policy
    context: AlertContext
    deadline: float
    view: "PartView | None" = None


class Decisions(Struct, frozen=True):
    """What the reads of a batch change, before anything is stored.

    Attributes:
        changes: of the accounts that were read and decided.
        outages: the alerts of outages.
        outage_entries: what is to be said of outages.
        attempts: how the read of each account ended that was tried in this tick.
        suspects: the places that may have an outage, which all batches together decide.
    """

    changes: list[Transition]
    outages: Mapping[str, Alert]
    outage_entries: tuple[OutboxEntry, ...]
    attempts: Sequence[Attempt] = ()
    suspects: Mapping[str, datetime] = {}


def decide_batch(
    batch: Batch,
    states: Mapping[str, AccountState],
    results: Mapping[str, ReadResult],
    payments: Mapping[str, PaymentOutcome],
) -> Decisions:
    """Decides what the reads of a batch change. An account that cannot be decided is logged.

    Args:
        batch: the accounts.
        states: what is remembered of each, by name.
        results: the results of those that were read.
        payments: the outcome of the payment that an alert of an account is about.
    """
    accounts = {account.name: (account, spec) for account, spec in batch.accounts}
    attempts = tuple(_attempts(accounts, states, results, batch.run.tick))

    def changes(context: AlertContext) -> list[Transition]:
        decided = (
            _decide(states[name], result, accounts[name], batch, context, payments)
            for name, result in results.items()
        )
        return [change for change in decided if change is not None]

    before = batch.run.record.outages
    if batch.view is not None:
        from balance_watch.domain.place_reports import held_back_in_part  # workers'

        held, suspects = held_back_in_part(attempts, batch.view, batch.run.tick)
        changed = changes(suppressing(batch.context, held))
        return Decisions(changed, before, (), attempts, suspects)
    lasting = batch.run.record.firing_outages
    outages = within_bounds(outages_of(attempts, lasting), before.keys())
    places = {place_of(account, host_of(spec, account)) for account, spec in accounts.values()}
    tried = {it.place for it in attempts}
    same = unknown(before.keys(), places, tried, outages.keys())
    over = lasting - outages.keys() - same
    changed = changes(suppressing(batch.context, held_back(attempts, outages, over)))
    after, entries = decide_outages(
        before,
        outages,
        {**states, **{change.state.account: change.state for change in changed}},
        same=same,
        context=batch.context,
        now=batch.run.tick,
    )
    return Decisions(changed, after, entries, attempts)


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
        decided, entries = decide(
            state,
            result,
            account=account,
            rules=batch.policy.rules_for(account),
            context=context,
            traits=replace(spec.traits, can_be_paid=spec.cannot_top_up(account) is None),
            payment=payments.get(account.name),
            now=batch.run.tick,
        )
    except Exception as error:  # noqa: BLE001 (an error in one account must not stop the others)
        _log.error("not decided", extra={"account": account.name, "why": type(error).__name__})
        return None
    return Transition(followed_by(state, decided), entries)
