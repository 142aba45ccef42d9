"""The check of one tick, step by step, from the claim of the tick to the close of the run."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from typing import Protocol

from balance_watch.config.loading import Configuration, inventory_of
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.configuration_alert import ConfigurationState, decide_configuration
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.rules import Metric
from balance_watch.domain.run import Run, RunRecord
from balance_watch.domain.silences import suppression
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.sns import ConfirmedSubscribers
from balance_watch.store.dynamodb import Store
from balance_watch.store.inventories import digest_of
from balance_watch.usecases.account_checks import CheckedAccounts, check_accounts
from balance_watch.usecases.configuration_faults import Examination, examine
from balance_watch.usecases.decisions import Batch
from balance_watch.usecases.digests import decide_digest
from balance_watch.usecases.listeners import AskTopic, ask
from balance_watch.usecases.outbox_step import Deliver, OutboxStep, Tick
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.reading import OnRead, Read
from balance_watch.usecases.summary import Summary

_log = logging.getLogger(__name__)

_ALERTED_BYTES = 100_000
_STORING_SHARE = 0.25
"""The share of a run's time that is reserved for storing and sending."""


class Load(Protocol):
    """Loads the configuration."""

    def __call__(self, *, policy_was_kept: bool) -> Configuration:
        """Loads it; `policy_was_kept` tells whether a run before has kept a valid policy."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """The check, with everything that it uses.

    `load` loads the configuration: at most once per run, and not for a tick that is skipped.
    `on_read` is called for every account that was read. `ask_topic` asks for the subscribers of the
    topic, once a day.
    """

    store: Store
    load: Load
    read: Read
    deliver: Deliver
    pay: Pay
    clock: Callable[[], float] = time.monotonic
    on_read: OnRead = lambda *_: None
    ask_topic: AskTopic = lambda: ConfirmedSubscribers(None, "Nobody asks.")

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
        record = run.record
        done = stored = digest_is_known = False
        try:
            configuration = self.load(policy_was_kept=bool(record.policy_digest))
            examination = examine(configuration, record, now)
            listeners = ask(examination.listeners, self.ask_topic, now)
            examination = examination._replace(listeners=listeners)
            digest = self._keep_policy(examination.configuration, record.policy_digest)
            record = examination.into(replace(record, policy_digest=digest))
            record = self._keep_inventory(run, examination.configuration, record)
            tick = tick_of(run, examination, summary, deadline)
            faults = examination.faults([it for it in run.silences if it.until > now])
            record = replace(record, configuration=self._configuration(tick, faults))
            checked = self._accounts(tick, deadline - seconds * _STORING_SHARE)
            stored = not summary.deferred
            alerted = self._alerted(tick, checked.states)
            record = replace(
                record,
                alerted=alerted,
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
        return summary

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
        """Stores what is configured, if it changed, for commands that may not read the secrets."""
        inventory = inventory_of(configuration)
        digest = digest_of(inventory)
        if digest == record.inventory_digest:
            return record
        before = None if inventory.is_whole else self.store.inventories.latest()
        if not self.store.save_inventory(run, inventory.with_those_of(before)):
            return record
        return replace(record, inventory_digest=digest)

    def _configuration(self, tick: Tick, faults: Sequence[str]) -> ConfigurationState:
        """Decides and stores the alert about the configuration; returns its new state."""
        for fault in faults:
            _log.error("configuration: %s", fault)
        before = tick.run.record.configuration
        state, entries = decide_configuration(
            before, faults, context=tick.context, now=tick.run.tick
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
        mark, entries = decide_digest(tick, checked, configured, self.store.accounts, self.clock)
        if mark is None or not entries or self.store.save_digest(tick.run, mark, entries):
            return mark, True
        tick.summary.deferred += 1
        return tick.run.record.digest, False

    def _alerted(self, tick: Tick, states: Mapping[str, AccountState]) -> tuple[str, ...]:
        """Returns the accounts with an alert, after ending the alerts of removed accounts."""
        alerted = {name for name, state in states.items() if state.is_alerted}
        for name in set(tick.run.record.alerted) - states.keys():
            # While a secret has a fault, an account may be missing for that reason alone.
            is_missing = tick.configuration.secrets_are_whole
            if not is_missing or not self.store.accounts.end_alerts(name, tick.run.tick):
                alerted.add(name)
            else:
                _log.warning("account was removed: its alerts end", extra={"account": name})
        # An item holds 400 KB. Beyond that, an account that disappears loses only its log line.
        sizes = accumulate(len(name.encode()) for name in sorted(alerted))
        return tuple(
            name for name, size in zip(sorted(alerted), sizes, strict=True) if size < _ALERTED_BYTES
        )


def tick_of(run: Run, examination: Examination, summary: Summary, deadline: float) -> Tick:
    """Returns what is the same throughout a run: routes, mutes and timing among it.

    Args:
        run: the run.
        examination: the configuration, and who gets the alerts.
        summary: gets the counts.
        deadline: the time on the monotonic clock by which the run ends.
    """
    configuration, listeners = examination.configuration, examination.listeners
    policy, refusing = configuration.policy, listeners.health.refusing(run.tick)
    available = configuration.without(refusing)

    def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
        channels = policy.channels_for(facts, available)
        if facts["metric"] != Metric.CONFIGURATION:
            return channels
        return listeners.reaching_somebody(channels)

    is_suppressed = suppression(run.silences, policy.mute_times, run.tick)
    context = AlertContext(
        policy.defaults, routing, is_suppressed, policy.mention_for, run.acknowledgements
    )
    return Tick(run, configuration, context, refusing, summary, deadline)
