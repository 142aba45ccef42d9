"""The table: claims, states, readings, what is owed. All calls of the product to DynamoDB."""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.alerts import AccountState
from balance_watch.domain.configuration import ConfigurationState
from balance_watch.domain.money import exact
from balance_watch.domain.notification import Owed
from balance_watch.domain.reading import Reading
from balance_watch.errors import FutureTickError, RunUnderWayError
from balance_watch.store import items
from balance_watch.store.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_GET_BATCH, _WRITE_BATCH, _TRANSACTION = 100, 25, 100
"""Items in one BatchGetItem, BatchWriteItem and TransactWriteItems, at most (API reference)."""

_BACKOFF_SECONDS, _BACKOFFS = 0.05, 8

_NEAR = timedelta(hours=1)
_PAYMENT_UNDER_WAY = timedelta(minutes=2)

_NOT_PACKED = (ArithmeticError, OverflowError, TypeError, ValueError)
_NOT_UNDERSTOOD = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """A claimed tick. `unfinished`: the run before, for this tick or another, left something."""

    tick: datetime
    token: str
    unfinished: bool
    configuration: ConfigurationState
    policy_digest: str | None
    lease_until: float = field(default=inf, compare=False)


class Transition(NamedTuple):
    """A change of an account's state that owes notifications, with the reading it rests on."""

    state: AccountState
    reading: Reading | None
    owed: tuple[Owed, ...]


class Store:
    """The table, for one process; safe to use from several threads.

    Args:
        client: a low-level DynamoDB client.
        table: the table's name.
        history_days: how long a reading is kept.
        clock: seconds since the epoch, for leases alone.
        sleep: waits between tries of what DynamoDB did not process.
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
        self._client, self._table, self._days = client, table, history_days
        self._clock, self._sleep = clock, sleep

    def claim(self, tick: datetime, lease_seconds: float) -> Run | None:
        """Claims a tick with one conditional write; None when it, or a later one, is done already.

        A tick whose run died or was left incomplete can be claimed again once its lease is over.

        Raises:
            RunUnderWayError: another run holds the lease.
            FutureTickError: a tick of the far future is in the way.
        """
        token, now = uuid.uuid4().hex, self._clock()
        text = items.text_of(tick)
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_packed(items.RUN),
                UpdateExpression=(
                    "SET tick = :tick, done = :no, whole = :no,"
                    " lease = :lease, lease_until = :until"
                ),
                # `lease = :lease` is this very request, sent again because its reply was lost.
                ConditionExpression=(
                    "lease = :lease OR ("
                    "(attribute_not_exists(tick) OR tick < :tick OR (tick = :tick AND done = :no))"
                    " AND (attribute_not_exists(lease_until) OR lease_until <= :now))"
                ),
                ExpressionAttributeValues=_packed(
                    {
                        ":tick": text,
                        ":no": False,
                        ":lease": token,
                        ":until": int(now + lease_seconds),
                        ":now": int(now),
                    }
                ),
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            held = _unpacked(dict(error.response.get("Item", {})))  # type: ignore[call-overload]
            if held.get("tick", "") > text:
                self._refuse_a_tick_of_the_future(held["tick"], tick)
                return None
            if held.get("tick") == text and held.get("done"):
                return None
            raise RunUnderWayError(
                f"a run for {held.get('tick')} is under way: try again in a minute"
            ) from None
        run = _unpacked(answer.get("Attributes", {}))
        return Run(
            tick,
            token,
            not run.get("whole", True),
            _configuration(run),
            run.get("policy_digest"),
            now + lease_seconds,
        )

    def _refuse_a_tick_of_the_future(self, held: str, tick: datetime) -> None:
        """Raises where one wrong `scheduled_time` would have every real tick skipped in silence."""
        now, near = self._clock(), _NEAR.total_seconds()
        ahead = datetime.fromisoformat(held).timestamp() - now > near
        if ahead and abs(tick.timestamp() - now) < near:
            raise FutureTickError(
                f"the table has a check of {held}, which is in the future, so no check of today is"
                " done: see docs/operations.md, A tick of the future"
            )

    def close(
        self,
        run: Run,
        *,
        done: bool,
        configuration: ConfigurationState,
        policy_digest: str | None,
        stored: bool | None = None,
    ) -> None:
        """Gives the lease back. A tick that is not done can be claimed again at once.

        `stored` tells whether every state that was written has its reading; by default, if done.
        """
        self._client.update_item(
            TableName=self._table,
            Key=_packed(items.RUN),
            UpdateExpression=(
                "SET done = :done, whole = :whole, configuration = :configuration,"
                " policy_digest = :digest"
                " REMOVE lease, lease_until"
            ),
            # Closed already by this very request (its reply was lost) is as good.
            ConditionExpression="lease = :lease OR (attribute_not_exists(lease) AND tick = :tick)",
            ExpressionAttributeValues=_packed(
                {
                    ":done": done,
                    ":whole": done if stored is None else stored,
                    ":configuration": items.configuration_map(configuration),
                    ":digest": policy_digest or "",
                    ":lease": run.token,
                    ":tick": items.text_of(run.tick),
                }
            ),
        )

    def states(self, accounts: Sequence[str]) -> dict[str, AccountState]:
        """Returns the states of accounts by name, a hundred to a call; a new account has none."""
        found: dict[str, AccountState] = {}
        for batch in _batches(accounts, _GET_BATCH):
            keys = [_packed(items.state_key(name)) for name in batch]
            for attempt in range(_BACKOFFS):
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
                )
                for item in answer["Responses"].get(self._table, []):
                    state = _state(_unpacked(item))
                    found[state.account] = state
                left = answer.get("UnprocessedKeys", {}).get(self._table)
                if not left:
                    break
                keys = list(left["Keys"])
                self._back_off(attempt)
            else:
                raise TimeoutError("DynamoDB left keys unread however often it was asked")
        return found

    def save(
        self, changes: Iterable[tuple[AccountState, Reading | None]], run: Run | None = None
    ) -> set[str]:
        """Stores states and readings that owe nothing, 25 items to a call.

        Returns the accounts that it could not store: all that are left when the run's lease ends,
        since another run may hold the table then.

        A state and its reading may fall into two calls: who finds a state without its reading
        writes the reading again out of the state.
        """
        puts: list[tuple[str, Any]] = []
        unsaved: set[str] = set()
        for state, reading in changes:
            try:
                mine = [_packed(item) for item in self._items(state, reading)]
            except _NOT_PACKED as error:
                _log_not_packed(state.account, error)
                unsaved.add(state.account)
            else:
                puts += [(state.account, {"PutRequest": {"Item": item}}) for item in mine]
        for batch in _batches(puts, _WRITE_BATCH):
            over = run is not None and self._clock() >= run.lease_until
            if over or not self._write([request for _, request in batch]):
                unsaved |= {account for account, _ in batch}
        return unsaved

    def save_owing(self, run: Run, changes: Sequence[Transition]) -> set[str]:
        """Stores transitions, each with all that it owes or not at all; returns whose were not.

        Many share one transaction; should it fail, each gets one of its own. All of them hold only
        while the run has its lease: a run that outlived it overwrites nothing.
        """
        fence = self._fence(run)
        actions: list[tuple[str, list[Any]]] = []
        unsaved: set[str] = set()
        for change in changes:
            name = change.state.account
            try:
                actions.append((name, self._transition(run, change)))
            except _NOT_PACKED as error:
                _log_not_packed(name, error)
                unsaved.add(name)
        for group in _grouped(actions):
            if self._transact([fence, *(action for _, mine in group for action in mine)]):
                continue
            alone = group if len(group) > 1 else []
            unsaved |= {name for name, _ in group} - {
                name for name, mine in alone if self._transact([fence, *mine])
            }
        return unsaved

    def _fence(self, run: Run) -> Any:  # noqa: ANN401 (DynamoDB's own shape)
        check = {
            "TableName": self._table,
            "Key": _packed(items.RUN),
            "ConditionExpression": "lease = :lease",
            "ExpressionAttributeValues": _packed({":lease": run.token}),
        }
        return {"ConditionCheck": check}

    def _transition(self, run: Run, change: Transition) -> list[Any]:
        state, reading, owed = change
        put = {
            "TableName": self._table,
            "Item": _packed(items.state_item(state)),
            "ConditionExpression": "attribute_not_exists(checked_at) OR checked_at <> :tick",
            "ExpressionAttributeValues": _packed({":tick": items.text_of(run.tick)}),
        }
        history = [items.reading_item(state.account, reading, self._days)] if reading else []
        return [{"Put": put}, *self._puts([*history, *map(items.owed_item, owed)])]

    def save_configuration(
        self, run: Run, configuration: ConfigurationState, owed: Iterable[Owed]
    ) -> bool:
        """Stores the alert on the configuration with all that it owes; False: nothing of it."""
        update = {
            "TableName": self._table,
            "Key": _packed(items.RUN),
            "UpdateExpression": "SET configuration = :configuration",
            "ConditionExpression": "lease = :lease",
            "ExpressionAttributeValues": _packed(
                {
                    ":configuration": items.configuration_map(configuration),
                    ":lease": run.token,
                }
            ),
        }
        return self._transact([{"Update": update}, *self._puts(map(items.owed_item, owed))])

    def owed(self, broken: list[str] | None = None) -> list[Owed]:
        """Returns all that is owed, the oldest first; `broken` gets what cannot be understood."""
        found: list[Owed] = []
        for item in self._query(items.OUTBOX):
            try:
                found.append(items.owed_from(item))
            except _NOT_UNDERSTOOD as error:
                facts = {"item": item["sk"], "why": type(error).__name__}
                _log.error("owed, but not understood", extra=facts)
                if broken is not None:
                    broken.append(item["sk"])
        return found

    def settle(self, owed: Iterable[Owed]) -> bool:
        """Takes off what was accepted; False when that could not be stored: it will be resent."""
        requests = [{"DeleteRequest": {"Key": _packed(items.owed_key(each))}} for each in owed]
        marked = [self._write(batch) for batch in _batches(requests, _WRITE_BATCH)]
        return all(marked)

    def history(self, account: str, since: datetime, until: datetime) -> list[Reading]:
        """Returns an account's readings of a span, both ends included, oldest first."""
        sorts = items.reading_sort(since), items.reading_sort(until)
        found = self._query(items.account_key(account), sorts)
        return [items.reading_from(item) for item in found]

    def last_good_policy(self) -> str | None:
        """Returns the text of the last policy that was in order, if there was one."""
        answer = self._client.get_item(TableName=self._table, Key=_packed(items.POLICY))
        return _unpacked(answer["Item"])["text"] if "Item" in answer else None

    def keep_policy(self, text: str) -> bool:
        """Keeps a policy that is in order, for the day on which it no longer is; False: not now."""
        item = _packed({**items.POLICY, "text": text})
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except (BotoCoreError, ClientError) as error:
            _log.error("policy not kept", extra={"why": type(error).__name__})
            return False
        return True

    def claim_top_up(self, account: str, at: datetime, *, after_unknown: bool = False) -> bool:
        """Claims a payment before it is made; False while the outcome of another is not known.

        Args:
            account: who is topped up.
            at: when.
            after_unknown: a person has looked and wants to pay whatever became of the last one.
        """
        condition = "attribute_not_exists(outcome) OR NOT outcome IN (:claimed, :unknown)"
        values = {":claimed": "claimed", ":unknown": "unknown"}
        if after_unknown:
            # A claim as young as this is a payment under way, not one of unknown outcome.
            condition += " OR outcome = :unknown OR claimed_at < :over"
            values[":over"] = items.text_of(at - _PAYMENT_UNDER_WAY)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_packed(
                    {
                        **items.top_up_key(account),
                        "claimed_at": items.text_of(at),
                        "outcome": values[":claimed"],
                    }
                ),
                ConditionExpression=condition,
                ExpressionAttributeValues=_packed(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def settle_top_up(self, account: str, at: datetime, outcome: str) -> None:
        """Stores how the payment that was claimed at that time ended; never of another one."""
        self._client.update_item(
            TableName=self._table,
            Key=_packed(items.top_up_key(account)),
            UpdateExpression="SET outcome = :outcome",
            ConditionExpression="claimed_at = :at",
            ExpressionAttributeValues=_packed({":outcome": outcome, ":at": items.text_of(at)}),
        )

    def _items(self, state: AccountState, reading: Reading | None) -> Iterator[Item]:
        if reading is not None:
            yield items.reading_item(state.account, reading, self._days)
        yield items.state_item(state)

    def _puts(self, found: Iterable[Item]) -> list[Any]:
        return [{"Put": {"TableName": self._table, "Item": _packed(item)}} for item in found]

    def _transact(self, actions: list[Any]) -> bool:
        try:
            # The token makes botocore's own tries one transaction, should a reply be lost.
            self._client.transact_write_items(
                TransactItems=actions, ClientRequestToken=str(uuid.uuid4())
            )
        except (BotoCoreError, ClientError) as error:
            _log.error("not stored", extra={"why": type(error).__name__})
            return False
        return True

    def _write(self, requests: Sequence[Any]) -> bool:
        """Writes up to 25 items, trying again those that DynamoDB did not get to."""
        left = list(requests)
        for attempt in range(_BACKOFFS):
            try:
                answer = self._client.batch_write_item(RequestItems={self._table: left})
            except (BotoCoreError, ClientError):
                return False
            left = list(answer.get("UnprocessedItems", {}).get(self._table, []))
            if not left:
                return True
            self._back_off(attempt)
        return False

    def _back_off(self, attempt: int) -> None:
        self._sleep(_BACKOFF_SECONDS * 2**attempt * random.random())  # noqa: S311 (no secret)

    def _query(self, partition: str, sorts: tuple[str, str] | None = None) -> Iterator[Item]:
        condition, values = "pk = :pk", {":pk": partition}
        if sorts is not None:
            condition += " AND sk BETWEEN :since AND :until"
            values |= {":since": sorts[0], ":until": sorts[1]}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=_packed(values),
            ConsistentRead=True,
        )
        return (_unpacked(item) for page in pages for item in page["Items"])


def _batches(sequence: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (sequence[start : start + size] for start in range(0, len(sequence), size))


def _state(item: Item) -> AccountState:
    """One state that cannot be understood must not stop the others: that account begins anew."""
    try:
        return items.state_from(item)
    except _NOT_UNDERSTOOD as error:
        name = str(item["pk"]).removeprefix(items.account_key(""))
        facts = {"account": name, "why": type(error).__name__}
        _log.error("state not understood: begun anew", extra=facts)
        return AccountState(name)


def _configuration(run: Item) -> ConfigurationState:
    try:
        return items.configuration_from(run.get("configuration", {}))
    except _NOT_UNDERSTOOD as error:
        facts = {"why": type(error).__name__}
        _log.error("state of the configuration not understood", extra=facts)
        return ConfigurationState()


def _log_not_packed(account: str, error: Exception) -> None:
    _log.error("not stored", extra={"account": account, "why": type(error).__name__})


def _grouped(actions: Sequence[tuple[str, list[Any]]]) -> Iterator[list[tuple[str, list[Any]]]]:
    """Groups accounts' actions by what one transaction can hold; an account's stay together."""
    group: list[tuple[str, list[Any]]] = []
    for each in actions:
        if group and 1 + sum(len(mine) for _, mine in (*group, each)) > _TRANSACTION:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


class _ExactDeserializer(TypeDeserializer):
    """Takes every number that can be stored: boto3's own refuses more than 38 digits, zeros too.

    DynamoDB writes 1E+100 out in full, so one such balance would make the table unreadable.
    """

    def _deserialize_n(self, value: str) -> Decimal:
        return exact(value)


_serializer, _deserializer = TypeSerializer(), _ExactDeserializer()


def _packed(item: Mapping[str, Any]) -> Any:  # noqa: ANN401 (DynamoDB's own shape)
    return {name: _serializer.serialize(value) for name, value in item.items()}


def _unpacked(item: Mapping[str, Any]) -> Item:
    return {name: _deserializer.deserialize(value) for name, value in item.items()}
