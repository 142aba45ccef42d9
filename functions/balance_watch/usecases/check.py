"""The check of one tick, step by step, from the claim of the tick to the close of the run."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple, Protocol

from balance_watch.config.loading import Configuration
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.configuration_alert import ConfigurationState, decide_configuration
from balance_watch.domain.outbox import OutboxEntry, PaymentOrder
from balance_watch.domain.rules import Metric
from balance_watch.domain.run import DeadChannel, Run
from balance_watch.domain.silences import suppression
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.channels import ConfiguredChannel
from balance_watch.notifiers.sns import ConfirmedSubscribers
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.account_checks import (
    Batch,
    CheckedAccounts,
    OnRead,
    Read,
    check_accounts,
)
from balance_watch.usecases.channel_health import ChannelHealth
from balance_watch.usecases.configuration_faults import Examination, examine
from balance_watch.usecases.delivery import DeliveryReport
from balance_watch.usecases.listeners import AskTopic, ask
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.summary import Summary

_log = logging.getLogger(__name__)

_ALERTED_BYTES = 100_000
_STORING_SHARE = 0.25
"""The share of a run's time that is reserved for storing and sending."""


class Deliver(Protocol):
    """Sends pending entries to the configured channels."""

    def __call__(
        self,
        entries: Sequence[OutboxEntry],
        *,
        channels: Sequence[ConfiguredChannel],
        configuration: Configuration,
        deadline: float,
    ) -> DeliveryReport:
        """Returns how many were accepted, and which channels fail permanently or recovered."""
        ...


class _Tick(NamedTuple):
    """What is the same throughout one run."""

    run: Run
    configuration: Configuration
    context: AlertContext
    suspended: Mapping[str, DeadChannel]
    summary: Summary
    deadline: float


@dataclass(frozen=True, slots=True)
class Check:
    """The check, with everything that it uses.

    `load` loads the configuration: at most once per run, and not for a tick that is skipped.
    `on_read` is called for every account that was read. `ask_topic` asks for the subscribers of the
    topic, once a day.
    """

    store: Store
    load: Callable[[], Configuration]
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
        done = stored = False
        try:
            examination = examine(self.load(), record, now)
            listeners = ask(examination.listeners, self.ask_topic, now)
            examination = examination._replace(listeners=listeners)
            digest = self._keep_policy(examination.configuration, record.policy_digest)
            record = examination.into(replace(record, policy_digest=digest))
            tick = self._tick(run, examination, summary, deadline)
            faults = examination.faults([it for it in run.silences if it.until > now])
            record = replace(record, configuration=self._configuration(tick, faults))
            checked = self._accounts(tick, deadline - seconds * _STORING_SHARE)
            stored = not summary.deferred
            alerted = self._alerted(tick, checked.states)
            record = replace(record, alerted=alerted, outages=checked.outages)
            record = self._deliver(tick, checked, listeners.health).into(record)
            done = summary.complete
        finally:
            self.store.runs.close(run, record, done=done, stored=stored)
        return summary

    def _tick(self, run: Run, examination: Examination, summary: Summary, deadline: float) -> _Tick:
        configuration, listeners = examination.configuration, examination.listeners
        policy, suspended = configuration.policy, listeners.health.suspended(run.tick)
        available = configuration.without(suspended)

        def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
            channels = policy.channels_for(facts, available)
            if facts["metric"] != Metric.CONFIGURATION:
                return channels
            return listeners.reaching_somebody(channels)

        is_suppressed = suppression(run.silences, policy.mute_times, run.tick)
        context = AlertContext(policy.defaults, routing, is_suppressed)
        return _Tick(run, configuration, context, suspended, summary, deadline)

    def _keep_policy(self, configuration: Configuration, kept_digest: str | None) -> str | None:
        """Keeps a valid policy that is new, for when a later one is invalid; returns its digest."""
        text = configuration.policy_text
        if text is None:
            return kept_digest
        digest = hashlib.sha256(text.encode()).hexdigest()
        is_kept = digest == kept_digest or self.store.policies.keep(text)
        return digest if is_kept else kept_digest

    def _configuration(self, tick: _Tick, faults: Sequence[str]) -> ConfigurationState:
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

    def _accounts(self, tick: _Tick, deadline: float) -> CheckedAccounts:
        configuration = tick.configuration
        return check_accounts(
            Batch(tick.run, configuration.accounts, configuration.policy, tick.context, deadline),
            tick.summary,
            store=self.store,
            read=self.read,
            open_payments=self.pay.open_payments,
            on_read=self.on_read,
        )

    def _alerted(self, tick: _Tick, states: Mapping[str, AccountState]) -> tuple[str, ...]:
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

    def _deliver(
        self, tick: _Tick, checked: CheckedAccounts, health: ChannelHealth
    ) -> ChannelHealth:
        """Makes the payments and sends the pending entries; returns the health of the channels."""
        pending = self.store.outbox.pending()
        health = self._send(tick, pending.entries, health)
        # No channel waits for a payment, so the entries about payments are sent afterwards.
        about_payments: list[OutboxEntry] = []
        unpaid = 0
        for order in pending.orders:
            entries = self._pay(tick, checked, order)
            about_payments += entries or ()
            unpaid += entries is None
        health = self._send(tick, about_payments, health)
        tick.summary.undelivered += len(pending.malformed) + unpaid
        return health

    def _send(
        self, tick: _Tick, entries: Sequence[OutboxEntry], health: ChannelHealth
    ) -> ChannelHealth:
        if not entries:
            return health
        configuration = tick.configuration
        report = self.deliver(
            entries,
            channels=[
                it for name, it in configuration.channels.items() if name not in tick.suspended
            ],
            configuration=configuration,
            deadline=tick.deadline,
        )
        tick.summary.delivered += report.delivered
        tick.summary.undelivered += report.undelivered
        return health.after(report, configuration, tick.run.tick)

    def _pay(
        self, tick: _Tick, checked: CheckedAccounts, order: PaymentOrder
    ) -> tuple[OutboxEntry, ...] | None:
        """Returns the entries that announce a payment; None if its order stays pending."""
        name = order.notification.account
        watched = next((it for it in tick.configuration.accounts if it[0].name == name), None)
        if watched is None:
            _log.warning("not paid: the account was removed", extra={"account": name})
            return () if self.store.outbox.remove([order]) else None
        if name in checked.unsaved:
            # The next run pays, on the state that is stored.
            return None
        return self.pay(
            order,
            run=tick.run,
            state=checked.states[name],
            account=watched[0],
            spec=watched[1],
            policy=tick.configuration.policy,
            context=tick.context,
            deadline=tick.deadline,
        )
