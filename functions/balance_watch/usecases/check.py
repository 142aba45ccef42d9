"""The check of one tick, step by step, from the claim of the tick to the close of the run."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.config.loading import Configuration, inventory_of
from balance_watch.domain.configuration_alert import ConfigurationState, decide_configuration
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.run import Run, RunRecord
from balance_watch.domain.unmatched import severity_of
from balance_watch.notifiers.subscribers import ConfirmedSubscribers
from balance_watch.store.dynamodb import Store
from balance_watch.store.inventories import digest_of
from balance_watch.usecases.account_checks import CheckedAccounts, check_accounts
from balance_watch.usecases.configuration_faults import examine
from balance_watch.usecases.decisions import Batch
from balance_watch.usecases.digests import decide_digest, stored_digest
from balance_watch.usecases.listeners import AskTopic, ask
from balance_watch.usecases.outbox_step import STORING_SHARE, Deliver, OutboxStep, Tick, tick_of
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.reading import OnRead, Read
from balance_watch.usecases.summary import Summary

if TYPE_CHECKING:
    from balance_watch.domain.digest import Digest
    from balance_watch.usecases.finishing import Finish
    from balance_watch.usecases.planning import Planner

_log = logging.getLogger(__name__)


class Load(Protocol):
    """Loads the configuration."""

    def __call__(self, *, policy_was_kept: bool) -> Configuration:
        """Loads it; `policy_was_kept` tells whether a run before has kept a valid policy."""
        ...


class Check(Struct, frozen=True):
    """The check, with everything that it uses.

    `load` loads the configuration: at most once per run, and not for a tick that is skipped.
    `on_read` is called for every account that was read. `ask_topic` asks for the subscribers of the
    topic, once a day. With a `planner`, workers check what is too much for one function, and
    `finish` finishes what they have checked. `wall_clock` tells whether a worker's lease has ended.
    """

    store: Store
    load: Load
    read: Read
    deliver: Deliver
    pay: Pay
    clock: Callable[[], float] = time.monotonic
    on_read: OnRead = lambda *_: None
    ask_topic: AskTopic = lambda: ConfirmedSubscribers(None, "Nobody asks.")
    planner: "Planner | None" = None
    finish: "Finish | None" = None
    wall_clock: Callable[[], float] = time.time

    def run(self, now: datetime, *, seconds: float) -> Summary:
        """Checks one tick.

        Args:
            now: the tick.
            seconds: the longest time that the run may take, and its lease may last.

        Raises:
            RunUnderWayError: another run holds the lease.
        """
        deadline = self.clock() + seconds
        summary = Summary(now)
        run = self.store.runs.claim(now, seconds)
        if run is None:
            return replace(summary, skipped=True)
        record, plan = run.record, None
        done = stored = digest_is_known = False
        try:
            if self._is_with_workers(run):
                stored, summary.skipped = True, True
                return summary
            configuration = self.load(policy_was_kept=bool(record.policy_digest))
            examination = examine(configuration, record, now)
            listeners = ask(examination.listeners, self.ask_topic, now)
            examination = replace(examination, listeners=listeners)
            digest = self._keep_policy(examination.configuration, record.policy_digest)
            record = examination.into(replace(record, policy_digest=digest))
            record = self._keep_inventory(run, examination.configuration, record)
            tick = tick_of(run, examination, summary, deadline)
            faults = examination.faults(run.silences)
            record = replace(record, configuration=self._configuration(tick, faults))
            if self.planner is not None and self.planner.splits(configuration):
                # A tick that was left over is finished by the end of this one. Only if that does
                # not come either, nothing waits for it any longer. No worker stores meanwhile.
                is_late = run.is_left_over and record.unfinished > 0
                record = replace(
                    record, unfinished=record.unfinished + 1 if run.is_left_over else 0
                )
                if is_late and self.finish is not None:
                    health = self.finish.deliver_left_over(tick, record, listeners.health)
                    record = health.into(record)
                plan = self.planner.plan(tick)
                stored = plan is not None and not summary.deferred
                if plan is not None:
                    record = replace(record, plan=plan.token)
            else:
                self._withdraw_plan(run)
                record = replace(record, plan=None, judged_at=None, unfinished=0, found=())
                checked = self._accounts(tick, deadline - seconds * STORING_SHARE)
                stored = not summary.deferred
                record = replace(
                    record,
                    outages=checked.outages,
                    paused=checked.paused,
                )
                mark, digest_is_known = self._digest(tick, checked, record.configuration)
                record = replace(record, digest=mark)
                step = OutboxStep(self.store, self.deliver, self.pay, self.clock)
                health = step.run(tick, checked, record.configuration, listeners.health)
                record = health.into(record)
                done = summary.complete
        finally:
            self.store.runs.close(
                run, record, done=done, stored=stored, digest_is_known=digest_is_known
            )
        # The last batch may have ended before all messages were sent.
        if plan is not None and self.store.batches.sent(plan) and self.finish is not None:
            return self.finish.run(now, plan.token, seconds=deadline - self.clock()) or summary
        return summary

    def _is_with_workers(self, run: Run) -> bool:
        """Tells whether this tick is planned already, and its messages are sent."""
        if self.planner is None or run.record.plan is None or not run.is_again:
            return False
        plan = self.store.batches.plan()
        return plan is not None and plan.is_sent and plan.tick == run.tick and bool(plan.left)

    def _withdraw_plan(self, run: Run) -> None:
        """Ends the plan of a tick before, if there may be one.

        Raises:
            RunUnderWayError: a worker of that plan may still be storing.
        """
        # A planner that died may have left a plan that no record tells of.
        if run.record.plan is None and not (
            run.unfinished and self.store.batches.plan() is not None
        ):
            return
        from balance_watch.usecases.planning import withdraw  # seldom needed

        withdraw(self.store, run, self.wall_clock())

    def _keep_policy(self, configuration: Configuration, kept_digest: str | None) -> str | None:
        """Keeps a valid policy that is new, for when a later one is invalid; returns its digest."""
        text = configuration.policy_text
        if text is None:
            return kept_digest
        digest = hashlib.sha256(text.encode()).hexdigest()
        is_kept = digest == kept_digest or self.store.policies.keep(text)
        return digest if is_kept else kept_digest

    def _keep_inventory(
        self, run: Run, configuration: Configuration, record: RunRecord
    ) -> RunRecord:
        """Stores what is configured, if it changed, for commands that may not read the secrets.

        The alerts of accounts that were removed end with it.
        """
        inventory = inventory_of(configuration)
        digest = digest_of(inventory)
        if digest == record.inventory_digest and not record.alerted:
            return record
        before = self.store.inventories.latest()
        if not inventory.is_whole or not configuration.secrets_are_whole:
            # While a secret has a fault, an account may be missing for that reason alone.
            inventory = replace(inventory, is_whole=False).with_those_of(before)
        elif not self._end_alerts(run.tick, inventory.removed(before, record.alerted)):
            return record
        else:
            record = replace(record, alerted=())
        if not self.store.save_inventory(run, inventory):
            return record
        return replace(record, inventory_digest=digest)

    def _end_alerts(self, tick: datetime, removed: Sequence[str]) -> bool:
        """Ends the alerts of accounts that were removed; tells whether all of them have ended."""
        alerted = (
            [name for name, it in self.store.accounts.states(removed).items() if it.is_alerted]
            if removed
            else []
        )
        for name in alerted:
            if not self.store.accounts.end_alerts(name, tick):
                return False
            _log.warning("account was removed: its alerts end", extra={"account": name})
        return True

    def _configuration(self, tick: Tick, faults: Sequence[str]) -> ConfigurationState:
        """Decides and stores the alert about the configuration; returns its new state."""
        for fault in faults:
            _log.error("configuration: %s", fault)
        before = tick.run.record.configuration
        state, entries = decide_configuration(
            before,
            faults,
            context=tick.context,
            now=tick.run.tick,
            severity=severity_of(faults),
        )
        if not entries:
            return state
        if not self.store.save_configuration(tick.run, state, entries):
            tick.summary.deferred += 1
            return before
        tick.summary.count(entries)
        return state

    def _accounts(self, tick: Tick, deadline: float) -> CheckedAccounts:
        configuration = tick.configuration
        return check_accounts(
            Batch(tick.run, configuration.accounts, configuration.policy, tick.context, deadline),
            tick.summary,
            store=self.store,
            read=self.read,
            open_payments=self.pay.open_payments,
            on_read=self.on_read,
        )

    def _digest(
        self, tick: Tick, checked: CheckedAccounts, configured: ConfigurationState
    ) -> tuple[DigestMark | None, bool]:
        """Stores the digest that is due, if one is; returns its mark, and whether that is known."""

        def build(at: datetime, since: datetime) -> "Digest":
            from balance_watch.usecases.digest_contents import digest_of_tick  # seldom due

            accounts = self.store.accounts
            return digest_of_tick(at, since, tick, checked, configured, accounts, self.clock)

        mark, entries = decide_digest(tick, build)
        return stored_digest(self.store, tick, mark, entries)
