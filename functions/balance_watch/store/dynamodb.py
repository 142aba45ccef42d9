"""What is kept: claims of ticks, states, readings, what is owed, the policy."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.notification import OutboxEntry
from balance_watch.domain.payment import Payment
from balance_watch.domain.reading import Reading
from balance_watch.domain.silences import Silence
from balance_watch.domain.state import AccountState
from balance_watch.errors import FutureTickError, RunUnderWayError
from balance_watch.store import items, outbox
from balance_watch.store.items import MALFORMED_ITEM, Item
from balance_watch.store.runs import (
    RunRecord,
    configuration_to_item,
    ended_silences,
    record_from_item,
    record_to_item,
    silences_from_item,
)
from balance_watch.store.table import (
    TRANSACTION,
    WRITE_BATCH,
    Table,
    deserialize,
    grouped,
    serialize,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NEAR = timedelta(hours=1)

_NOT_PACKED = (ArithmeticError, OverflowError, TypeError, ValueError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A claimed tick. `unfinished`: the run before, for this tick or another, left something."""

    tick: datetime
    token: str
    unfinished: bool
    record: RunRecord = field(default_factory=RunRecord)
    silences: tuple[Silence, ...] = ()
    lease_until: float = field(default=inf, compare=False)


class Transition(NamedTuple):
    """A change of an account's state that owes notifications, with the reading it rests on."""

    state: AccountState
    reading: Reading | None
    entries: tuple[OutboxEntry, ...]


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
        self._client, self._table = client, Table(client, table, sleep)
        self._days, self._clock = history_days, clock

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
                TableName=self._table.name,
                Key=serialize(items.RUN),
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
                ExpressionAttributeValues=serialize(
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
            held = deserialize(dict(error.response.get("Item", {})))  # type: ignore[call-overload]
            if held.get("tick", "") > text:
                self._refuse_a_tick_of_the_future(held["tick"], tick)
                return None
            if held.get("tick") == text and held.get("done"):
                return None
            raise RunUnderWayError(
                f"a run for {held.get('tick')} is under way: try again in a minute"
            ) from None
        run = deserialize(answer.get("Attributes", {}))
        return Run(
            tick,
            token,
            not run.get("whole", True),
            record_from_item(run),
            silences_from_item(run),
            now + lease_seconds,
        )

    def _refuse_a_tick_of_the_future(self, held: str, tick: datetime) -> None:
        """Raises where one wrong `scheduled_time` would have every real tick skipped in silence."""
        now, near = self._clock(), _NEAR.total_seconds()
        try:
            ahead = items.time_of(held).timestamp() - now > near
        except ValueError:
            ahead = True  # it sorts behind every tick there can be
        if ahead and abs(tick.timestamp() - now) < near:
            raise FutureTickError(
                f"the table has a check of {held}, which is in the future, so no check of today is"
                " done: see docs/operations.md, A tick of the future"
            )

    def close(self, run: Run, notes: RunRecord, *, done: bool, stored: bool | None = None) -> None:
        """Gives the lease back. A tick that is not done can be claimed again at once.

        `stored` tells whether every state that was written has its reading; by default, if done.
        """
        values = {f":{name}": value for name, value in record_to_item(notes).items()}
        forgotten = ended_silences(run.silences, run.tick)
        ended = {f"#over{index}": name for index, name in enumerate(forgotten)}
        names: Any = {"ExpressionAttributeNames": ended} if ended else {}
        self._client.update_item(
            TableName=self._table.name,
            Key=serialize(items.RUN),
            UpdateExpression=(
                "SET done = :done, whole = :whole, configuration = :configuration,"
                " policy_digest = :policy_digest, alerted = :alerted, gone = :gone"
                f" REMOVE {', '.join(('lease', 'lease_until', *ended))}"
            ),
            # Closed already by this very request (its reply was lost) is as good.
            ConditionExpression="lease = :lease OR (attribute_not_exists(lease) AND tick = :tick)",
            ExpressionAttributeValues=serialize(
                {
                    ":done": done,
                    ":whole": done if stored is None else stored,
                    ":lease": run.token,
                    ":tick": items.text_of(run.tick),
                    **values,
                }
            ),
            **names,
        )

    def states(self, accounts: Sequence[str]) -> dict[str, AccountState]:
        """Returns the states of accounts by name, a hundred to a call; a new account has none."""
        found: dict[str, AccountState] = {}
        for item in self._table.read([items.state_key(name) for name in accounts]):
            state = _state(item)
            found[state.account] = state
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
                mine = [serialize(item) for item in self._items(state, reading)]
            except _NOT_PACKED as error:
                _log_notpacked(state.account, error)
                unsaved.add(state.account)
            else:
                puts += [(state.account, {"PutRequest": {"Item": item}}) for item in mine]
        for start in range(0, len(puts), WRITE_BATCH):
            batch = puts[start : start + WRITE_BATCH]
            until = inf if run is None else run.lease_until
            if not self._table.write([request for _, request in batch], self._clock, until):
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
                _log_notpacked(name, error)
                unsaved.add(name)
        for group in grouped(actions, TRANSACTION - 1):
            if self._table.transact([fence, *(action for _, mine in group for action in mine)]):
                continue
            alone = group if len(group) > 1 else []
            unsaved |= {name for name, _ in group} - {
                name for name, mine in alone if self._table.transact([fence, *mine])
            }
        return unsaved

    def _fence(self, run: Run) -> Any:  # noqa: ANN401 (DynamoDB's own shape)
        check = {
            "TableName": self._table.name,
            "Key": serialize(items.RUN),
            "ConditionExpression": "lease = :lease",
            "ExpressionAttributeValues": serialize({":lease": run.token}),
        }
        return {"ConditionCheck": check}

    def _transition(self, run: Run, change: Transition) -> list[Any]:
        state, reading, owed = change
        put = {
            "TableName": self._table.name,
            "Item": serialize(items.state_to_item(state)),
            "ConditionExpression": "attribute_not_exists(checked_at) OR checked_at <> :tick",
            "ExpressionAttributeValues": serialize({":tick": items.text_of(run.tick)}),
        }
        history = [items.reading_to_item(state.account, reading, self._days)] if reading else []
        return [{"Put": put}, *self._table.puts([*history, *map(outbox.entry_to_item, owed)])]

    def settle_payment(
        self, run: Run, paid: OutboxEntry, change: Transition, payment: Payment | None
    ) -> bool:
        """Stores how a payment ended with all that it owes, and takes it off; False: nothing of it.

        Args:
            run: the run that holds the table.
            paid: the payment, as it was owed.
            change: the account's state, and what is owed of the end.
            payment: the payment with its outcome; None: it was not made.
        """
        state, table = change.state, self._table.name
        seen = state.checked_at and items.text_of(state.checked_at)
        put = {
            "TableName": table,
            "Item": serialize(items.state_to_item(state)),
            # Only over the state that it was made of: an older one must not win.
            "ConditionExpression": "checked_at = :seen" if seen else "attribute_not_exists(pk)",
            **({"ExpressionAttributeValues": serialize({":seen": seen})} if seen else {}),
        }
        actions = [
            self._fence(run),
            {"Put": put},
            *self._table.puts(map(outbox.entry_to_item, change.entries)),
            {"Delete": {"TableName": table, "Key": serialize(outbox.entry_key(paid))}},
        ]
        if payment is None:
            return self._table.transact(actions)
        # A person may have paid meanwhile, over this claim: theirs is the latest payment then.
        end = self._end_of(state.account, payment)
        return self._table.transact([*actions, end]) or self._table.transact(actions)

    def _end_of(self, account: str, payment: Payment) -> Any:  # noqa: ANN401 (DynamoDB's own shape)
        item = items.payment_to_item(account, payment)
        mine = {":at": item["claimed_at"], ":answers": item["answers"]}
        put = {
            "TableName": self._table.name,
            "Item": serialize(item),
            "ConditionExpression": "claimed_at = :at AND answers = :answers",
            "ExpressionAttributeValues": serialize(mine),
        }
        return {"Put": put}

    def end_alerts(self, account: str) -> bool:
        """Forgets the alerts of an account that is watched no more; False: not now."""
        try:
            self._client.update_item(
                TableName=self._table.name,
                Key=serialize(items.state_key(account)),
                UpdateExpression="REMOVE alerts, #rules, jump",
                ExpressionAttributeNames={"#rules": "rules"},
                ConditionExpression="attribute_exists(pk)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return True
        except (BotoCoreError, ClientError) as error:
            facts = {"account": account, "why": type(error).__name__}
            _log.error("alerts not ended", extra=facts)
            return False
        return True

    def save_configuration(
        self, run: Run, configuration: ConfigurationState, owed: Iterable[OutboxEntry]
    ) -> bool:
        """Stores the alert on the configuration with all that it owes; False: nothing of it."""
        update = {
            "TableName": self._table.name,
            "Key": serialize(items.RUN),
            "UpdateExpression": "SET configuration = :configuration",
            "ConditionExpression": "lease = :lease",
            "ExpressionAttributeValues": serialize(
                {
                    ":configuration": configuration_to_item(configuration),
                    ":lease": run.token,
                }
            ),
        }
        return self._table.transact(
            [{"Update": update}, *self._table.puts(map(outbox.entry_to_item, owed))]
        )

    def pending(self, broken: list[str] | None = None) -> list[OutboxEntry]:
        """Returns all that is owed, the oldest first; `broken` gets what cannot be understood."""
        found: list[OutboxEntry] = []
        for item in self._table.query(outbox.OUTBOX):
            try:
                found.append(outbox.entry_from_item(item))
            except MALFORMED_ITEM as error:
                facts = {"item": item["sk"], "why": type(error).__name__}
                _log.error("owed, but not understood", extra=facts)
                if broken is not None:
                    broken.append(item["sk"])
        return found

    def remove(self, owed: Iterable[OutboxEntry]) -> bool:
        """Takes off what was accepted; False when that could not be stored: it will be resent."""
        requests = [{"DeleteRequest": {"Key": serialize(outbox.entry_key(each))}} for each in owed]
        starts = range(0, len(requests), WRITE_BATCH)
        marked = [self._table.write(requests[start : start + WRITE_BATCH]) for start in starts]
        return all(marked)

    def history(self, account: str, since: datetime, until: datetime) -> list[Reading]:
        """Returns an account's readings of a span, both ends included, oldest first."""
        sorts = items.reading_sort(since), items.reading_sort(until)
        found = self._table.query(items.account_key(account), sorts)
        return [items.reading_from_item(item) for item in found]

    def last_good_policy(self) -> str | None:
        """Returns the text of the last policy that was in order, if there was one."""
        answer = self._client.get_item(TableName=self._table.name, Key=serialize(items.POLICY))
        return deserialize(answer["Item"])["text"] if "Item" in answer else None

    def keep_policy(self, text: str) -> bool:
        """Keeps a policy that is in order, for the day on which it no longer is; False: not now."""
        item = serialize({**items.POLICY, "text": text})
        try:
            self._client.put_item(TableName=self._table.name, Item=item)
        except (BotoCoreError, ClientError) as error:
            _log.error("policy not kept", extra={"why": type(error).__name__})
            return False
        return True

    def _items(self, state: AccountState, reading: Reading | None) -> Iterator[Item]:
        if reading is not None:
            yield items.reading_to_item(state.account, reading, self._days)
        yield items.state_to_item(state)


def _state(item: Item) -> AccountState:
    """One state that cannot be understood must not stop the others: that account begins anew."""
    try:
        return items.state_from_item(item)
    except MALFORMED_ITEM as error:
        name = str(item["pk"]).removeprefix(items.account_key(""))
        facts = {"account": name, "why": type(error).__name__}
        _log.error("state not understood: begun anew", extra=facts)
        return AccountState(name)


def _log_notpacked(account: str, error: Exception) -> None:
    _log.error("not stored", extra={"account": account, "why": type(error).__name__})
