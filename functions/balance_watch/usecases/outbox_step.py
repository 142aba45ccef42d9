"""The last step of a run: pays the orders of the outbox, and sends the entries that still hold."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.loading import Configuration
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.formatting import iso_time
from balance_watch.domain.notification import Notification, Routing
from balance_watch.domain.outbox import Due, OutboxEntry, PaymentOrder, Standing, still_due
from balance_watch.domain.policy import Policy
from balance_watch.domain.rules import Metric
from balance_watch.domain.run import Run
from balance_watch.domain.silences import suppression
from balance_watch.notifiers.channels import ConfiguredChannel
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.account_checks import CheckedAccounts
from balance_watch.usecases.channel_health import ChannelHealth
from balance_watch.usecases.configuration_faults import Examination
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.summary import Summary

if TYPE_CHECKING:
    from balance_watch.usecases.delivery import DeliveryReport

_log = logging.getLogger(__name__)

STORING_SHARE = 0.25
"""The share of the time of a run, or of a worker, that is reserved for storing and sending."""

_PAYING_SHARE = 0.5
"""The share of the time left that is reserved for payments, if any are due."""

_READING_SHARE, _DROPPING_SHARE = 0.5, 0.25
"""The shares of the time left that reading the outbox, and then dropping entries, may take."""

_PAGE = 250
"""So many entries are dropped before the time is looked at again."""


class Deliver(Protocol):
    """Sends pending entries to the configured channels."""

    def __call__(
        self,
        entries: Sequence[OutboxEntry],
        *,
        channels: Sequence[ConfiguredChannel],
        configuration: Configuration,
        deadline: float,
        refusing: AbstractSet[str] = frozenset(),
    ) -> "DeliveryReport":
        """Returns how many were accepted, and which channels fail permanently or recovered."""
        ...


class Tick(Struct, frozen=True):
    """What is the same throughout one run."""

    run: Run
    configuration: Configuration
    context: AlertContext
    refusing: AbstractSet[str]
    summary: Summary
    deadline: float


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

    context = context_of(run, policy, routing)
    return Tick(run, configuration, context, refusing, summary, deadline)


def context_of(run: Run, policy: Policy, routing: Routing) -> AlertContext:
    """Returns what is the same for every account of a run.

    Args:
        run: the run, with the silences and acknowledgements that it found.
        policy: the policy in force.
        routing: tells which channels an alert goes to.
    """
    is_suppressed = suppression(run.silences, policy.mute_times, run.tick)
    return AlertContext(
        policy.defaults, routing, is_suppressed, policy.mention_for, run.acknowledgements
    )


def configured_accounts(tick: Tick) -> Sequence[WatchedAccount]:
    """Returns the accounts of the tick's configuration."""
    return tick.configuration.accounts


class OutboxStep(Struct, frozen=True):
    """The step, with everything that it uses; `accounts` returns all accounts that can be paid."""

    store: Store
    deliver: Deliver
    pay: Pay
    clock: Callable[[], float]
    accounts: Callable[[Tick], Sequence[WatchedAccount]] = configured_accounts

    def run(
        self,
        tick: Tick,
        checked: CheckedAccounts,
        configured: ConfigurationState,
        health: ChannelHealth,
    ) -> ChannelHealth:
        """Makes the payments and sends the pending entries; returns the health of the channels.

        Args:
            tick: what is the same throughout the run.
            checked: the states of the accounts, and the alerts of outages.
            configured: the state of the configuration's alert.
            health: the health of the channels before.
        """
        until = self._share(tick, _READING_SHARE)
        pending = self.store.outbox.pending(lambda: self.clock() < until)
        self.store.outbox.discard(pending.malformed)
        checked.look_up(it.notification.account for it in pending.entries)
        due = due_in(tick, pending.entries, checked, configured, health)
        self._drop(due.dropped, self._share(tick, _DROPPING_SHARE))
        unsure = health.unsure(tick.run.tick)
        entries = [it for it in due.entries if not _waits(it, unsure, tick)]
        tick.summary.undelivered += len(due.entries) - len(entries)
        # No payment waits for a channel, nor a channel for a payment for longer than its share.
        until = self._share(tick, 1 - _PAYING_SHARE) if pending.orders else tick.deadline
        health = self._send(tick, entries, health, until)
        about_payments: list[OutboxEntry] = []
        unpaid = 0
        for order in pending.orders:
            paid = self._pay(tick, checked, order)
            about_payments += paid or ()
            unpaid += paid is None
        health = self._send(tick, about_payments, health, tick.deadline)
        # Of those that were not read, it is known only that there are some.
        tick.summary.undelivered += len(pending.malformed) + unpaid + pending.is_cut
        return health

    def _share(self, tick: Tick, share: float) -> float:
        """Returns the time on the clock by which a share of the time left is over."""
        now = self.clock()
        return now + max(0.0, tick.deadline - now) * share

    def _drop(self, entries: Sequence[OutboxEntry], until: float) -> None:
        """Removes entries that no longer hold; what is left at that time, the next run removes."""
        for start in range(0, len(entries), _PAGE):
            if start and self.clock() >= until:
                _log.warning("dropped later", extra={"entries": len(entries) - start})
                return
            self._drop_page(entries[start : start + _PAGE])

    def _drop_page(self, entries: Sequence[OutboxEntry]) -> None:
        for notification, channel, *_ in entries:
            facts = {
                "account": notification.account,
                "channel": channel,
                "metric": notification.metric.value,
                "reason": notification.reason.value,
                "said_at": iso_time(notification.said_at),
            }
            _log.warning("dropped: it no longer holds, or a later one says more", extra=facts)
        self.store.outbox.remove(entries)

    def _send(
        self,
        tick: Tick,
        entries: Sequence[OutboxEntry],
        health: ChannelHealth,
        deadline: float,
    ) -> ChannelHealth:
        if not entries:
            return health
        configuration = tick.configuration
        report = self.deliver(
            entries,
            channels=[
                it for name, it in configuration.channels.items() if name not in tick.refusing
            ],
            configuration=configuration,
            deadline=deadline,
            refusing=tick.refusing,
        )
        tick.summary.delivered += report.delivered
        tick.summary.undelivered += report.undelivered
        return health.after(report, configuration, tick.run.tick)

    def _pay(
        self, tick: Tick, checked: CheckedAccounts, order: PaymentOrder
    ) -> tuple[OutboxEntry, ...] | None:
        """Returns the entries that announce a payment; None if its order stays pending."""
        name = order.notification.account
        accounts = self.accounts(tick)
        watched = next((it for it in accounts if it[0].name == name), None) or next(
            (it for it in accounts if order.purse is not None and it[0].purse == order.purse), None
        )
        if watched is None:
            _log.warning("not paid: the account was removed", extra={"account": name})
            return () if self.store.outbox.remove([order]) else None
        checked.look_up([watched[0].name], whole=True)
        if watched[0].name in checked.unsaved or watched[0].name not in checked.states:
            # The next run pays, on the state that is stored.
            return None
        return self.pay(
            order,
            run=tick.run,
            state=checked.states[watched[0].name],
            account=watched[0],
            spec=watched[1],
            policy=tick.configuration.policy,
            context=tick.context,
            deadline=tick.deadline,
        )


def due_in(
    tick: Tick,
    entries: Iterable[OutboxEntry],
    checked: CheckedAccounts,
    configured: ConfigurationState,
    health: ChannelHealth,
) -> Due:
    """Returns what still holds of pending entries after a check, and what does not.

    Args:
        tick: what is the same throughout the run.
        entries: the pending entries, the oldest first.
        checked: the states of the accounts, and the alerts of outages.
        configured: the state of the configuration's alert.
        health: the health of the channels before.
    """
    return still_due(
        entries,
        standing=partial(_standing, tick, checked, configured),
        was_rejected=partial(_was_rejected, tick, health),
        now=tick.run.tick,
    )


def _standing(
    tick: Tick,
    checked: CheckedAccounts,
    configured: ConfigurationState,
    notification: Notification,
) -> Standing:
    """Tells how the alert of a notification stands, as far as is known."""
    name, metric = notification.account, notification.metric
    if metric is Metric.CONFIGURATION:
        alert = configured.alert
    elif metric is Metric.OUTAGE:
        alert = checked.outages.get(name)
    elif name in checked.unsaved:
        return Standing.FIRES  # Its new state may be stored, although its reply was lost.
    elif name in checked.states:
        alert = checked.states[name].alerts.get(metric)
    else:
        # While a secret has a fault, an account may be missing for that reason alone.
        return Standing.OVER if tick.configuration.secrets_are_whole else Standing.FIRES
    if alert is None:
        return Standing.OVER
    if alert.firing:
        return Standing.FIRES
    return Standing.OVER if alert.notified is None else Standing.END_IS_OWED


def _was_rejected(tick: Tick, health: ChannelHealth, entry: OutboxEntry) -> bool:
    """Tells whether a channel is known to have rejected an entry since it was said.

    A run that died may have sent it, and a channel may have taken it without saying so.
    """
    name = tick.configuration.renamed.get(entry.channel, entry.channel)
    channel = health.channels.get(name)
    if tick.run.unfinished or channel is None:
        return False
    said_at = entry.notification.said_at
    if channel.unsure_at is not None and said_at <= channel.unsure_at:
        return False
    return channel.since <= said_at < tick.run.tick


def _waits(entry: OutboxEntry, unsure: AbstractSet[str], tick: Tick) -> bool:
    """Tells whether an entry was sent before, to a channel that may have accepted it."""
    channel = tick.configuration.renamed.get(entry.channel, entry.channel)
    return channel in unsure and entry.notification.said_at < tick.run.tick
