"""Splits a tick with many accounts into batches, and has workers check them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.loading import Configuration
from balance_watch.domain.batches import (
    BatchMessage,
    Plan,
    name_digest,
    split_by_purse,
    spread,
)
from balance_watch.domain.outages import place_of
from balance_watch.domain.run import Run
from balance_watch.errors import RunUnderWayError
from balance_watch.providers.purse import purse_digest
from balance_watch.providers.request import host_of
from balance_watch.store.batches import StoredBatch
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.digests import due_digest
from balance_watch.usecases.outbox_step import Tick


class Queue(Protocol):
    """The queue that workers get their batches from."""

    def send(self, messages: Sequence[BatchMessage], delay: float) -> None:
        """Puts messages into the queue; workers get them after so many seconds."""
        ...


class Planner(Struct, frozen=True):
    """Plans batches, with everything that this uses.

    `size` accounts are no batch, one more are two. `workers` is how many workers check batches at
    once, so that each gets its share of what a host takes.
    """

    store: Store
    queue: Queue
    size: int
    workers: int
    clock: Callable[[], float] = time.time

    def splits(self, configuration: Configuration) -> bool:
        """Tells whether there are too many accounts for one function."""
        return len(configuration.accounts) > self.size

    def plan(self, tick: Tick) -> Plan | None:
        """Plans the tick and sends its batches; returns the plan, or None if it was not stored.

        Batches that ended longest ago come first, so no account is left out twice. While a worker
        of an earlier plan may still be storing, the new ones wait.

        Raises:
            QueueError: the queue did not take all messages.
        """
        parts = self._parts(tick.configuration)
        plan = self.store.batches.begin(
            self.store.runs.fence(tick.run), tick.run.tick, range(len(parts))
        )
        if plan is None:
            return None
        before = self.store.batches.all()
        messages = self._messages(tick, plan, parts)
        delay = _seconds_leased(before, self.clock())
        self.queue.send(_longest_waiting_first(messages, before), delay)
        tick.summary.accounts = len(tick.configuration.accounts)
        tick.summary.batches = len(parts)
        return plan

    def _parts(self, configuration: Configuration) -> Sequence[Sequence[WatchedAccount]]:
        # Of many accounts, several share the few characters of `Account.purse` by chance: put
        # beside each other, they would scatter each batch over all secrets.
        purses = [purse_digest(spec, account) for account, spec in configuration.accounts]
        return split_by_purse(configuration.accounts, purses, self.size)

    def _messages(
        self, tick: Tick, plan: Plan, parts: Sequence[Sequence[WatchedAccount]]
    ) -> Iterator[BatchMessage]:
        configuration = tick.configuration
        secrets = _secret_of_each(configuration)
        available = configuration.without(tick.refusing)
        _, digest = due_digest(configuration.policy, tick.run)
        hosts = [[host_of(spec, account) for account, spec in part] for part in parts]
        shares = spread(hosts)
        places = [
            [place_of(account, host) for (account, _), host in zip(part, of_part, strict=True)]
            for part, of_part in zip(parts, hosts, strict=True)
        ]
        shared = spread(places).keys()
        for number, part in enumerate(parts):
            yield BatchMessage(
                tick.run.tick,
                plan.token,
                number,
                tuple(dict.fromkeys(secrets[account.name] for account, _ in part)),
                frozenset(name_digest(account.name) for account, _ in part),
                tuple(sorted(available.names)),
                tuple(sorted(available.unread_kinds)),
                {it: min(shares[it], self.workers) for it in hosts[number] if it in shares},
                frozenset(places[number]) & shared,
                digest,
            )


def _secret_of_each(configuration: Configuration) -> Mapping[str, str]:
    """Returns the name of the secret that each account is read from: the first that has it."""
    found: dict[str, str] = {}
    for secret, accounts in configuration.presence.accounts_of.items():
        for account in accounts:
            found.setdefault(account, configuration.prefix + secret)
    return found


def _longest_waiting_first(
    messages: Iterator[BatchMessage], before: Sequence[StoredBatch]
) -> list[BatchMessage]:
    ended = {it.number: it.ended_tick for it in before}

    def rank(message: BatchMessage) -> tuple[bool, datetime]:
        at = ended.get(message.number)
        return at is not None, at or message.tick

    return sorted(messages, key=rank)


def _seconds_leased(batches: Sequence[StoredBatch], now: float) -> float:
    """Returns the seconds until no worker of an earlier plan can store anything."""
    return max((it.lease_until - now for it in batches if it.lease_until > now), default=0.0)


def withdraw(store: Store, run: Run, now: float) -> None:
    """Ends the plan of a tick before, so that no worker stores what this run checks itself.

    Args:
        store: the table.
        run: the run.
        now: seconds since the epoch.

    Raises:
        RunUnderWayError: a worker of that plan may still be storing.
    """
    is_ended = store.batches.begin(store.runs.fence(run), run.tick, ()) is not None
    if not is_ended or _seconds_leased(store.batches.all(), now):
        raise RunUnderWayError("batches of the tick before are under way: try again in a minute")
