"""What is stored of the accounts: the state of each, and its readings."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from math import inf

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.reading import Reading
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState
from balance_watch.store.items import MALFORMED_ITEM, Item, account_key, account_of, text_of
from balance_watch.store.readings import reading_from_item, reading_sort, reading_to_item
from balance_watch.store.states import state_from_item, state_key, state_to_item
from balance_watch.store.table import (
    UNSERIALIZABLE,
    Action,
    Table,
    WriteRequest,
    batches,
    serialize,
)

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
        """Returns an account's readings between two times, both included, the oldest first."""
        sorts = reading_sort(since), reading_sort(until)
        items = self._table.query(account_key(account), sorts)
        return [reading_from_item(item) for item in items]

    def save(
        self, changes: Iterable[tuple[AccountState, Reading | None]], run: Run | None = None
    ) -> set[str]:
        """Stores states and readings that have no outbox entries, 25 items to a call.

        Returns the accounts that it could not store. Once the run's lease has ended, it stores no
        more of them, since another run may hold the lease by then.

        A state and its reading may fall into two calls. If a run dies between the two, the next
        one restores the reading out of the state.
        """
        requests: list[tuple[str, WriteRequest]] = []
        unsaved: set[str] = set()
        for state, reading in changes:
            try:
                items = [serialize(item) for item in self._items(state, reading)]
            except UNSERIALIZABLE as error:
                log_unserializable(state.account, error)
                unsaved.add(state.account)
            else:
                requests += [(state.account, {"PutRequest": {"Item": item}}) for item in items]
        until = inf if run is None else run.lease_until
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
        """Returns the actions that store a transition's state and reading, once in a tick."""
        state, reading = transition.state, transition.reading
        put = {
            "TableName": self._table.name,
            "Item": serialize(state_to_item(state)),
            "ConditionExpression": "attribute_not_exists(checked_at) OR checked_at <> :tick",
            "ExpressionAttributeValues": serialize({":tick": text_of(run.tick)}),
        }
        return [{"Put": put}, *self._table.puts(self._reading_items(state.account, reading))]

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

    def _items(self, state: AccountState, reading: Reading | None) -> Iterator[Item]:
        yield from self._reading_items(state.account, reading)
        yield state_to_item(state)

    def _reading_items(self, account: str, reading: Reading | None) -> list[Item]:
        return [reading_to_item(account, reading, self._history_days)] if reading else []


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
