"""The store: one attribute for each kind of item, and the transactions that span kinds."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.inventory import Inventory
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.outbox import OutboxEntry, Outgoing, PaymentOrder
from balance_watch.domain.payment import Payment, Purse
from balance_watch.domain.policy import DIGEST
from balance_watch.domain.run import Run, Transition
from balance_watch.store.accounts import Accounts, log_unserializable, pack_sorts
from balance_watch.store.acknowledgements import AcknowledgementItems
from balance_watch.store.costs import Costs
from balance_watch.store.inventories import Inventories
from balance_watch.store.items import account_key
from balance_watch.store.outbox import Outbox
from balance_watch.store.policies import Policies
from balance_watch.store.runs import Runs
from balance_watch.store.silences import Silences
from balance_watch.store.table import (
    TRANSACTION,
    UNSERIALIZABLE,
    Action,
    Serialized,
    Table,
    deserialize,
    grouped,
)

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from balance_watch.domain.event import Event
    from balance_watch.domain.state import AccountState
    from balance_watch.store.batches import Batches
    from balance_watch.store.events import Events
    from balance_watch.store.payments import Payments
    from balance_watch.store.presses import Presses


class Store:
    """The table, for one process; safe to use from several threads.

    Each attribute is one kind of item. A transaction that spans kinds is composed here, of the
    actions that they offer; it fails once the run has lost its lease, so that a run which outlived
    it overwrites nothing.

    Args:
        client: a low-level DynamoDB client.
        table: the table's name.
        history_days: how long a reading is kept.
        clock: seconds since the epoch, for leases and claims.
        sleep: waits between attempts at what DynamoDB left unprocessed.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        history_days: int = 400,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._history_days, self._clock = history_days, clock
        self._table = Table(client, table, clock=clock, sleep=sleep)
        self.acknowledgements = AcknowledgementItems(self._table)
        self.accounts = Accounts(self._table, history_days)
        self.silences = Silences(self._table, clock)
        self.costs = Costs(self._table)
        self.outbox = Outbox(self._table)
        self.policies = Policies(self._table)
        self.inventories = Inventories(self._table)
        self.runs = Runs(self._table, self.silences, clock)

    # A quiet run needs none of these: a cold start does not import them.

    @cached_property
    def batches(self) -> "Batches":
        """The plan of a tick, and its batches."""
        from balance_watch.store.batches import Batches

        return Batches(self._table, self.silences, self._clock)

    @cached_property
    def events(self) -> "Events":
        """What was said of each account."""
        from balance_watch.store.events import Events

        return Events(self._table, self._history_days)

    @cached_property
    def payments(self) -> "Payments":
        """The payments, each claimed before it is made."""
        from balance_watch.store.payments import Payments

        return Payments(self._table, self._clock)

    @cached_property
    def presses(self) -> "Presses":
        """The presses of buttons, each done once."""
        from balance_watch.store.presses import Presses

        return Presses(self._table)

    def packs_and_events(
        self, state: "AccountState", since: "datetime", until: "datetime", events_since: "datetime"
    ) -> tuple[list[Serialized], "list[Event]"]:
        """Returns the packs and the events of an account between two times, by one call.

        Between the two the partition has the packs after that time, and all earlier events: an
        event a day adds a read of some 600 bytes for each. Of an account that was checked since,
        or of which nothing is remembered, there may be many packs, and it takes two calls.

        Args:
            state: what is remembered of the account.
            since: the first time of the packs.
            until: the last time of both.
            events_since: the first time of the events.
        """
        from balance_watch.store.events import event_sorts, readable_events

        partition = account_key(state.account)
        packs_from, packs_to = pack_sorts(since, until)
        events_from, events_to = event_sorts(events_since, until)
        spans = [(packs_from, events_to)]
        if state.checked_at is None or state.checked_at > until:
            spans = [(packs_from, packs_to), (events_from, events_to)]
        items = [it for span in spans for it in self._table.query_serialized(partition, span)]
        packs = [it for it in items if it["sk"]["S"] <= packs_to]
        events = (deserialize(it) for it in items if it["sk"]["S"] >= events_from)
        return packs, readable_events(events)

    def save_transitions(self, run: Run, transitions: Sequence[Transition]) -> set[str]:
        """Stores transitions, each with all of its outbox entries or not at all.

        Many share one transaction; if that fails, each gets a transaction of its own. One with more
        entries than a transaction holds gets several. None begins once the run's lease has ended.
        Returns the accounts whose transition was not stored.
        """
        fence, until = self.runs.fence(run), run.lease_until
        actions: list[tuple[str, list[Action]]] = []
        unsaved: set[str] = set()
        for transition in transitions:
            account = transition.state.account
            try:
                puts = self.accounts.transition_puts(run, transition)
                says = self._says(transition.entries)
            except UNSERIALIZABLE as error:
                log_unserializable(account, error)
                unsaved.add(account)
                continue
            if len(puts) + len(says) < TRANSACTION:
                actions.append((account, [*puts, *says]))
            elif not self._transact(run, [fence, *puts], says, until):
                unsaved.add(account)
        for group in grouped(actions, TRANSACTION - 1):
            together = [fence, *(action for _, own in group for action in own)]
            if self._table.transact(together, until):
                continue
            alone = group if len(group) > 1 else []
            unsaved |= {account for account, _ in group} - {
                account for account, own in alone if self._table.transact([fence, *own], until)
            }
        return unsaved

    def _transact(
        self, run: Run, own: list[Action], says: list[Action], until: float = inf
    ) -> bool:
        """Stores what changes with what is said of it; False if not all of it was stored.

        What is too much for one transaction is said first, and the change comes last: if it is not
        stored, the same tick decides the same again, under the same keys, and nothing is lost.

        Args:
            run: the run that holds the lease.
            own: the actions that store the change; one of them is conditional on the lease.
            says: the actions that store what is said.
            until: a time on the clock; no transaction begins at or after it.
        """
        fence = self.runs.fence(run)
        while len(own) + len(says) > TRANSACTION:
            if not self._table.transact([fence, *says[: TRANSACTION - 1]], until):
                return False
            says = says[TRANSACTION - 1 :]
        return self._table.transact([*own, *says], until)

    def _says(self, entries: Iterable[Outgoing]) -> list[Action]:
        """Returns the actions that owe these entries to their channels, and keep them as events."""
        entries = tuple(entries)
        return [*self.outbox.puts(entries), *self.events.puts(entries)]

    def settle_payment(
        self,
        run: Run,
        order: PaymentOrder,
        transition: Transition,
        payment: tuple[Purse, Payment] | None,
    ) -> bool:
        """Stores how a payment ended and removes its order; False if nothing was stored.

        Args:
            run: the run that holds the lease.
            order: the order, as it is in the outbox.
            transition: the account's state, and the notifications of how the payment ended.
            payment: the payment with its purse and its outcome; None if it was not made.
        """
        put = self.accounts.state_put(transition.state)
        own = [self.runs.fence(run), put, self.outbox.delete(order)]
        says = self._says(transition.entries)
        if payment is None:
            return self._transact(run, own, says)
        # If a person has paid meanwhile, over this claim, then theirs stays the latest payment.
        outcome = self.payments.outcome_put(*payment)
        return self._transact(run, [*own, outcome], says) or self._transact(run, own, says)

    def save_inventory(self, run: Run, inventory: Inventory) -> bool:
        """Stores what a run found configured; False if nothing was stored."""
        return self.inventories.keep(self.runs.fence(run), inventory, run.lease_until)

    def save_outages(
        self, run: Run, outages: Mapping[str, Alert], entries: Iterable[Outgoing]
    ) -> bool:
        """Stores the alerts of outages with their outbox entries; False if nothing was stored."""
        update = self.runs.outages_update(run, outages)
        return self._transact(run, [update], self._says(entries), run.lease_until)

    def save_digest(self, run: Run, mark: DigestMark, entries: Iterable[OutboxEntry]) -> bool:
        """Stores a digest's outbox entries with its mark; False if nothing was stored.

        A digest is no event: it tells of nothing that the readings and other events do not.
        """
        update = self.runs.digest_update(run, mark)
        try:
            says = self.outbox.puts(entries)
        except UNSERIALIZABLE as error:
            log_unserializable(DIGEST, error)
            return False
        return self._transact(run, [update], says, run.lease_until)

    def save_configuration(
        self, run: Run, configuration: ConfigurationState, entries: Iterable[Outgoing]
    ) -> bool:
        """Stores the configuration's alert with its outbox entries; False if nothing was stored."""
        update = self.runs.configuration_update(run, configuration)
        return self._transact(run, [update], self._says(entries), run.lease_until)
