"""Finishes a tick that several workers have checked: outages, the digest, and what is owed."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.loading import Configuration
from balance_watch.domain.batches import BatchResult
from balance_watch.domain.digest_building import merged_digest
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.outages import decide_outages, outages_among, unknown, within_bounds
from balance_watch.domain.place_reports import PlaceReport, attempts_of, merged, state_of
from balance_watch.domain.run import RunRecord
from balance_watch.domain.state import AccountState
from balance_watch.store.accounts import Accounts
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.account_checks import CheckedAccounts
from balance_watch.usecases.channel_health import ChannelHealth
from balance_watch.usecases.configuration_faults import Examination
from balance_watch.usecases.digests import decide_digest, stored_digest
from balance_watch.usecases.listeners import listeners_now
from balance_watch.usecases.outbox_step import Deliver, OutboxStep, Tick, tick_of
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.summary import Summary

_log = logging.getLogger(__name__)

_PAGE = 500
"""So many states are in memory at once: as many as those of a batch."""


class StoredAccounts(CheckedAccounts):
    """Accounts that workers have checked: their states are read when they are asked for.

    Thousands may have something to say, and only their alerts are kept.
    """

    accounts: Accounts | None = None

    def look_up(self, accounts: Iterable[str], *, whole: bool = False) -> None:
        """Reads the states of these accounts, or only their alerts, some hundreds at a time."""
        if self.accounts is None:
            return
        names = sorted(set(accounts))
        for start in range(0, len(names), _PAGE):
            states = self.accounts.states(names[start : start + _PAGE])
            self.states |= (
                states
                if whole
                else {name: AccountState(name, alerts=it.alerts) for name, it in states.items()}
            )


class Finish(Struct, frozen=True):
    """Finishes a tick, with everything that this uses.

    `load` loads the policy and the channels, and `load_accounts` all accounts, which it takes to
    make a payment.
    """

    store: Store
    load: Callable[[], Configuration]
    load_accounts: Callable[[], Sequence[WatchedAccount]]
    deliver: Deliver
    pay: Pay
    clock: Callable[[], float] = time.monotonic

    def run(self, tick: datetime, plan: str, *, seconds: float) -> Summary | None:
        """Finishes a tick of which every batch has ended.

        Args:
            tick: the tick.
            plan: the token of its plan.
            seconds: the longest time that it may take.

        Returns:
            The counts of the whole tick; None if it is finished already, or a later one has begun.

        Raises:
            RunUnderWayError: another run finishes it.
        """
        deadline = self.clock() + seconds
        run = self.store.runs.claim(tick, seconds)
        if run is None:
            return None
        record = run.record
        if record.plan != plan:
            self.store.runs.close(run, record, done=False, stored=not run.unfinished)
            return None
        summary = Summary(tick)
        done = digest_is_known = False
        try:
            results = [it.result for it in self.store.batches.all() if it.ended == plan]
            for result in results:
                summary.add(result.counts)
            left_by_workers = summary.deferred
            configuration = self.load()
            health = ChannelHealth.remembered(record, configuration)
            listeners = listeners_now(record, configuration, health)
            now = tick_of(run, Examination(configuration, {}, listeners), summary, deadline)
            outages, found = self._outages(now, merged(it.places for it in results))
            checked = StoredAccounts({}, outages, accounts=self.store.accounts)
            checked.unsaved |= {name for it in results for name in it.unsaved}
            record = replace(record, outages=outages, judged_at=tick, unfinished=0, found=found)
            mark, digest_is_known = self._digest(now, results, outages)
            record = replace(record, digest=mark)
            step = OutboxStep(self.store, self.deliver, self.pay, self.clock, self._accounts)
            health = step.run(now, checked, record.configuration, health)
            record = health.into(record)
            # What workers left is read by the next tick: to finish this one again would not help.
            done = not summary.undelivered and summary.deferred == left_by_workers
        finally:
            stored = not summary.deferred
            self.store.runs.close(
                run, record, done=done, stored=stored, digest_is_known=digest_is_known
            )
        return summary

    def deliver_left_over(
        self, tick: Tick, record: RunRecord, health: ChannelHealth
    ) -> ChannelHealth:
        """Sends what is owed since a tick that was not finished; returns the channels' health.

        Args:
            tick: what is the same throughout the run.
            record: what this run leaves, as far as it is known.
            health: the health of the channels before.
        """
        checked = StoredAccounts({}, record.outages, accounts=self.store.accounts)
        step = OutboxStep(self.store, self.deliver, self.pay, self.clock)
        return step.run(tick, checked, record.configuration, health)

    def _accounts(self, _tick: Tick) -> Sequence[WatchedAccount]:
        return self.load_accounts()

    def _outages(
        self, tick: Tick, reports: Mapping[str, PlaceReport]
    ) -> tuple[Mapping[str, Alert], tuple[str, ...]]:
        """Decides and stores the alerts of outages.

        Returns:
            The alerts as they are stored, and the names of the outages that were found.
        """
        before = tick.run.record.outages
        lasting = tick.run.record.firing_outages
        readable = {place: report.read for place, report in reports.items()}
        outages = outages_among(attempts_of(reports, {}), readable, lasting)
        if outages:
            # Labels decide on routes and silences, and only the inventory has them.
            known = self.store.inventories.latest()
            accounts = {it.name: it for it in known.accounts} if known else {}
            outages = outages_among(attempts_of(reports, accounts), readable, lasting)
        outages = within_bounds(outages, before.keys())
        tried = {place for place, report in reports.items() if report.read or report.failed}
        same = unknown(before.keys(), reports.keys(), tried, outages.keys())
        after, entries = decide_outages(
            before,
            outages,
            {it.name: state_of(it) for report in reports.values() for it in report.failed},
            same=same,
            context=tick.context,
            now=tick.run.tick,
        )
        found = tuple(sorted(outages))
        if not entries:
            return after, found
        if not self.store.save_outages(tick.run, after, entries):
            tick.summary.deferred += 1
            return before, found
        tick.summary.count(entries)
        return after, found

    def _digest(
        self, tick: Tick, results: Sequence[BatchResult], outages: Mapping[str, Alert]
    ) -> tuple[DigestMark | None, bool]:
        """Stores the digest that is due, if one is; returns its mark, and whether that is known."""
        parts = [it.digest for it in results if it.digest is not None]
        alert = tick.run.record.configuration.alert
        mark, entries = decide_digest(
            tick,
            lambda at, since: merged_digest(parts, at, since, tick.run.tick, outages, alert),
        )
        if entries and len(parts) < len(results):
            return tick.run.record.digest, True  # A later tick tells it, with every account.
        return stored_digest(self.store, tick, mark, entries)
