"""Checks one batch of a tick, as a worker does, and finishes the tick if it is the last to end."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.loading import Configuration
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.batches import BatchMessage, BatchResult, name_digest
from balance_watch.domain.channels import AvailableChannels
from balance_watch.domain.digest import Digest
from balance_watch.domain.place_reports import PartView, reports_of
from balance_watch.domain.run import Run
from balance_watch.errors import RunUnderWayError
from balance_watch.notifiers.channels import default_channels
from balance_watch.providers.request import host_of
from balance_watch.store.batches import ClaimedBatch, NotClaimed
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.account_checks import CheckedAccounts, check_accounts
from balance_watch.usecases.decisions import Batch
from balance_watch.usecases.digest_contents import digest_of_accounts
from balance_watch.usecases.finishing import Finish
from balance_watch.usecases.outbox_step import STORING_SHARE, context_of
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.reading import OnRead, Read
from balance_watch.usecases.summary import Summary

_log = logging.getLogger(__name__)


class LoadSecrets(Protocol):
    """Loads the policy, and the accounts of these secrets."""

    def __call__(self, names: Sequence[str]) -> Configuration:
        """Loads them; a fault in them is told by the planner."""
        ...


class ReadAtHosts(Protocol):
    """Returns what reads accounts while other workers ask the same hosts."""

    def __call__(self, hosts: Mapping[str, int]) -> Read:
        """Returns it; `hosts` tells how many workers may ask a host at once."""
        ...


class CheckBatch(Struct, frozen=True):
    """The check of one batch, with everything that it uses."""

    store: Store
    load: LoadSecrets
    read: ReadAtHosts
    pay: Pay
    finish: Finish
    clock: Callable[[], float] = time.monotonic
    on_read: OnRead = lambda *_: None

    def run(self, message: BatchMessage, *, seconds: float) -> Summary | None:
        """Checks a batch, unless it has ended or a later plan has its accounts.

        Args:
            message: what to do.
            seconds: the longest time that it may take, and its lease may last.

        Returns:
            The counts of the whole tick, if this batch was the last to end; else None.

        Raises:
            RunUnderWayError: another worker has this batch, or another run finishes the tick.
        """
        deadline = self.clock() + seconds
        claimed = self.store.batches.claim(message, seconds)
        if claimed is NotClaimed.LEASED:
            raise RunUnderWayError(
                f"another worker has batch {message.number}: it comes back later"
            )
        if claimed is NotClaimed.STALE:
            _log.info("batch of an earlier plan", extra={"batch": message.number})
            return None
        if not isinstance(claimed, NotClaimed):
            try:
                result = self._check(message, claimed, deadline, seconds)
            except BaseException:
                self.store.batches.release(claimed.run)
                raise
            self.store.batches.end(claimed.run, message, result)
            _log.info("batch", extra={"batch": message.number, **result.counts})
        # One that ended before may have died before it took itself off the plan, or finished.
        if not self.store.batches.take_off(message):
            return None
        return self.finish.run(message.tick, message.plan, seconds=deadline - self.clock())

    def _check(
        self,
        message: BatchMessage,
        claimed: ClaimedBatch,
        deadline: float,
        seconds: float,
    ) -> BatchResult:
        run = claimed.run
        configuration = self.load(message.secrets)
        accounts = [
            pair for pair in configuration.accounts if name_digest(pair[0].name) in message.accounts
        ]
        # One that was found and does not fire yet is no less an outage.
        lasting = run.record.firing_outages.union(run.record.found)
        view = PartView(message.shared, _suspects(claimed), run.record.judged_at, lasting)
        run = replace(run, record=replace(run.record, paused=claimed.before.paused))
        summary = Summary(message.tick)
        context = _context(message, configuration, run)
        batch = Batch(
            run,
            accounts,
            configuration.policy,
            context,
            deadline - seconds * STORING_SHARE,
            view,
        )
        checked = check_accounts(
            batch,
            summary,
            store=self.store,
            read=self.read(message.hosts),
            open_payments=self.pay.open_payments,
            on_read=self.on_read,
        )
        hosts = [(account, host_of(spec, account)) for account, spec in accounts]
        return BatchResult(
            summary.counts,
            frozenset(checked.unsaved),
            checked.paused,
            checked.suspects,
            reports_of(hosts, checked.attempts, checked.states),
            self._digest(message, accounts, checked, deadline),
        )

    def _digest(
        self,
        message: BatchMessage,
        accounts: Iterable[WatchedAccount],
        checked: CheckedAccounts,
        deadline: float,
    ) -> Digest | None:
        if message.digest is None:
            return None
        at, since = message.digest
        return digest_of_accounts(
            accounts,
            checked.states,
            at,
            since,
            message.tick,
            self.store.accounts,
            until=lambda: self.clock() >= deadline,
        )


def _suspects(claimed: ClaimedBatch) -> Mapping[str, datetime]:
    """Returns what the batch suspected before, unless it had no part in the tick judged last.

    Its number may not have been used for long; so a failure of long ago counts no longer.
    """
    judged_at, at = claimed.run.record.judged_at, claimed.before_tick
    if judged_at is None or at is None or at < judged_at:
        return {}
    return claimed.before.suspects


def _context(message: BatchMessage, configuration: Configuration, run: Run) -> AlertContext:
    policy = configuration.policy
    available = AvailableChannels(
        frozenset(message.channels),
        frozenset(message.unread_kinds),
        default_channels(configuration.kinds),
    )

    def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
        return policy.channels_for(facts, available)

    return context_of(run, policy, routing)
