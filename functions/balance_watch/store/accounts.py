"""What is stored of the accounts: the state of each, and its readings."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from math import ceil, inf
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from balance_watch.domain.reading import Reading
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    account_key,
    account_of,
    text_of,
)
from balance_watch.store.packs import (
    PACK_SPAN,
    hour_of,
    latest_alone,
    packs_to_items,
    readings_of_item,
)
from balance_watch.store.readings import reading_sort
from balance_watch.store.sizes import WRITE_UNIT, size_of
from balance_watch.store.states import state_from_item, state_key, state_to_item
from balance_watch.store.table import (
    UNSERIALIZABLE,
    Action,
    Serialized,
    Table,
    WriteRequest,
    batches,
    deserialize,
    serialize,
)

if TYPE_CHECKING:
    from balance_watch.store.outlines import Detail, Outline

_log = logging.getLogger(__name__)


class Accounts:
    """The states and readings in a table; safe to use from several threads.

    Args:
        table: the table.
        history_days: how long a reading is kept.
    """

    def __init__(self, table: Table, history_days: int) -> None:
        self._table, self._history_days = table, history_days

    def states(self, accounts: Sequence[str]) -> dict[str, AccountState]:
        """Returns the states of accounts by name, a hundred to a call; a new account has none."""
        items = self._table.read([state_key(account) for account in accounts])
        return {state.account: state for state in map(_readable_state, items)}

    def history(self, account: str, since: datetime, until: datetime) -> list[Reading]:
        """Returns an account's readings between two times, both included, the oldest first.

        What is malformed is logged and left out: it hides no other reading.
        """
        # The state comes first: a run may move what it has to the history meanwhile, not back.
        state = self.states([account]).get(account, AccountState(account))
        items = self._table.query(account_key(account), pack_sorts(since, until))
        packed = chain.from_iterable(map(_readable_pack, items))
        readings = {it.observed_at: it for it in (*packed, *state.readings)}
        return [readings[at] for at in sorted(readings) if since <= at <= until]

    def outline(
        self,
        state: AccountState,
        since: datetime,
        until: datetime,
        detail: "Detail",
        packs: Iterable[Serialized] | None = None,
    ) -> "Outline":
        """Returns what a report needs of the readings between two times, both included.

        Args:
            state: what is remembered of the account; it was read before.
            since: the first time.
            until: the last time.
            detail: how much of them it needs.
            packs: the packs between `pack_sorts`, if they were read before as well.
        """
        from balance_watch.store.outlines import outline_of  # for reports alone

        if packs is None:
            sorts = pack_sorts(since, until)
            packs = self._table.query_serialized(account_key(state.account), sorts)
        found = outline_of(packs, state.readings, detail, _read_pack)
        return found.between(since, until)

    def save(self, states: Iterable[AccountState], run: Run | None = None) -> set[str]:
        """Stores states that have no outbox entries, 25 items to a call.

        Returns the accounts that it could not store. Once the run's lease has ended, it stores no
        more of them, since another run may hold the lease by then.

        Readings that leave a state are in the history before the state is stored without them: a
        run that dies between the two loses none, and the next one writes the same item again.
        """
        packs: list[tuple[str, WriteRequest]] = []
        lean: list[tuple[str, WriteRequest]] = []
        unsaved: set[str] = set()
        for state in states:
            try:
                item, packed = self._items(state)
                requests = [{"PutRequest": {"Item": serialize(it)}} for it in (item, *packed)]
            except UNSERIALIZABLE as error:
                log_unserializable(state.account, error)
                unsaved.add(state.account)
            else:
                lean.append((state.account, requests[0]))
                packs += [(state.account, request) for request in requests[1:]]
        until = inf if run is None else run.lease_until
        unsaved |= self._write(packs, until)
        rest = [(account, request) for account, request in lean if account not in unsaved]
        return unsaved | self._write(rest, until)

    def _write(self, requests: Sequence[tuple[str, WriteRequest]], until: float) -> set[str]:
        """Writes items, each of an account; returns the accounts that it could not write."""
        unsaved: set[str] = set()
        for batch in batches(requests):
            if not self._table.write([request for _, request in batch], until):
                unsaved |= {account for account, _ in batch}
        return unsaved

    def end_alerts(self, account: str, now: datetime) -> bool:
        """Ends the alerts of an account that is no longer watched; returns False on failure.

        The item keeps them aside, in case the account is only on its way to another secret.
        """
        try:
            self._table.client.update_item(
                TableName=self._table.name,
                Key=serialize(state_key(account)),
                UpdateExpression=(
                    "SET removed_at = :now, removed_alerts = alerts,"
                    " removed_rules = if_not_exists(#rules, :none) REMOVE alerts, #rules, jump"
                ),
                ExpressionAttributeNames={"#rules": "rules"},
                ExpressionAttributeValues=serialize({":now": text_of(now), ":none": {}}),
                ConditionExpression="attribute_exists(alerts)",
            )
        except self._table.client.exceptions.ConditionalCheckFailedException:
            return True
        except (BotoCoreError, ClientError) as error:
            facts = {"account": account, "why": type(error).__name__}
            _log.error("alerts not ended", extra=facts)
            return False
        return True

    def transition_puts(self, run: Run, transition: Transition) -> list[Action]:
        """Returns the actions that store a transition's state, and its packs, once in a tick."""
        item, packs = self._items(transition.state)
        put = {
            "TableName": self._table.name,
            "Item": serialize(item),
            "ConditionExpression": "attribute_not_exists(checked_at) OR checked_at <> :tick",
            "ExpressionAttributeValues": serialize({":tick": text_of(run.tick)}),
        }
        return [{"Put": put}, *self._table.puts(packs)]

    def state_put(self, state: AccountState) -> Action:
        """Returns the action that replaces a state by another one of the same tick.

        It fails if the table has the state of another tick, which must not be overwritten.
        """
        put = {"TableName": self._table.name, "Item": serialize(state_to_item(state))}
        if state.checked_at is None:
            condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        else:
            condition = {
                "ConditionExpression": "checked_at = :seen",
                "ExpressionAttributeValues": serialize({":seen": text_of(state.checked_at)}),
            }
        return {"Put": put | condition}

    def _items(self, state: AccountState) -> tuple[Item, list[Item]]:
        """Returns the item of a state, and the packs of the readings that leave it, if some do.

        They leave it when the hour that they are packed in is over, or when they are what makes the
        state cost a write unit more.
        """
        item = state_to_item(state)
        if not state.recent:
            return item, []
        is_one_hour = len({hour_of(state.account, it.observed_at) for it in state.readings}) == 1
        units = ceil(size_of(item) / WRITE_UNIT)
        if is_one_hour and units == 1:
            return item, []
        lean = state_to_item(replace(state, recent=()))
        if is_one_hour and units == ceil(size_of(lean) / WRITE_UNIT):
            return item, []
        return lean, packs_to_items(state.account, state.recent, self._history_days)


def pack_sorts(since: datetime, until: datetime) -> tuple[str, str]:
    """Returns the sort keys that all packs with readings between two times begin and end with."""
    # A pack has the key of its latest reading.
    return reading_sort(since), reading_sort(until + PACK_SPAN)


def log_unserializable(account: str, error: Exception) -> None:
    """Logs that an account could not be stored."""
    _log.error("not stored", extra={"account": account, "why": type(error).__name__})


def _readable_state(item: Item) -> AccountState:
    """Returns the state of an item, or a new state: a malformed one stops no other account."""
    try:
        return state_from_item(item)
    except MALFORMED_ITEM as error:
        account = account_of(item)
        facts = {"account": account, "why": type(error).__name__}
        _log.error("malformed state: the account starts over", extra=facts)
        return AccountState(account)


def _read_pack(item: Serialized) -> tuple[Reading, ...]:
    return _readable_pack(deserialize(item))


def _readable_pack(item: Item) -> tuple[Reading, ...]:
    """Returns the readings of an item of the history; its latest one stands by itself.

    What is malformed is logged and left out: the earlier readings, or else all of it.
    """
    try:
        return readings_of_item(item)
    except MALFORMED_ITEM as error:
        facts = {"account": account_of(item), "item": item["sk"], "why": type(error).__name__}
        _log.error("malformed readings are left out", extra=facts)
    try:
        return readings_of_item(latest_alone(item))
    except MALFORMED_ITEM:
        return ()
