"""The plan of a tick that is split into batches, and an item for each of them.

A batch's item holds the lease of its worker and, once the batch has ended, what the worker left.
"""

import json
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from enum import Enum
from math import ceil
from typing import Any, NamedTuple

from msgspec.structs import replace

from balance_watch.domain.batches import BatchMessage, BatchResult, Plan
from balance_watch.domain.place_reports import FailedAccount, PlaceReport
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Severity
from balance_watch.domain.run import Run
from balance_watch.errors import RunUnderWayError
from balance_watch.store.digests import maybe_digest_from_json, maybe_digest_to_json
from balance_watch.store.items import (
    BATCHES,
    MALFORMED_ITEM,
    RUN_KEY,
    Item,
    batch_key,
    maybe_text,
    maybe_time,
    text_of,
    time_of,
    without_none,
)
from balance_watch.store.runs import run_from_item
from balance_watch.store.silences import Silences
from balance_watch.store.table import Action, Table, deserialize, serialize

_PLAN_KEY: Item = {"pk": BATCHES, "sk": "PLAN"}
_NOBODY = -1
"""The plan's set of batches cannot be empty in DynamoDB: this number stands in it until all of its
messages are sent."""


class NotClaimed(Enum):
    """Why a worker need not do a batch: it has ended, or its plan is no longer the latest."""

    ENDED = "it has ended"
    STALE = "a later plan has its accounts"
    LEASED = "another worker has it"


class ClaimedBatch(NamedTuple):
    """A batch that a worker has claimed: the run, and what the worker before it left, and when."""

    run: Run
    before: BatchResult
    before_tick: datetime | None = None


class StoredBatch(NamedTuple):
    """A batch as it is stored: its number, the plan that it ended in, and until when it is leased.

    `lease_until` is in seconds since the epoch; 0: nobody has it.
    """

    number: int
    ended: str | None
    ended_tick: datetime | None
    lease_until: float
    result: BatchResult


class Batches:
    """The plans and batches in a table.

    Args:
        table: the table.
        silences: the silences in it.
        clock: seconds since the epoch, for leases.
    """

    def __init__(
        self, table: Table, silences: Silences, clock: Callable[[], float] = time.time
    ) -> None:
        self._table, self._silences, self._clock = table, silences, clock

    def plan(self) -> Plan | None:
        """Returns the latest plan; None if there was none."""
        return _plan_from_item(self._table.get(_PLAN_KEY))

    def begin(self, fence: Action, tick: datetime, numbers: Iterable[int]) -> Plan | None:
        """Stores a new plan; from then on no batch of an earlier one can be claimed.

        Args:
            fence: the action that fails once the run has lost its lease.
            tick: the tick.
            numbers: the numbers of its batches; none: nothing is split.

        Returns:
            The plan; None if it was not stored.
        """
        plan = Plan(tick, uuid.uuid4().hex, frozenset(numbers))
        item = {
            **_PLAN_KEY,
            "plan": plan.token,
            "tick": text_of(tick),
            "left": {*plan.left, _NOBODY},
        }
        return plan if self._table.transact([fence, *self._table.puts([item])]) else None

    def sent(self, plan: Plan) -> bool:
        """Stores that all messages of a plan are in the queue; tells whether no batch is left."""
        return self._take_off(plan.token, _NOBODY)

    def all(self) -> list[StoredBatch]:
        """Returns every batch of the latest plan and of earlier ones."""
        items = self._table.query(BATCHES, ("BATCH#", "BATCH#~"))
        return [_batch_from_item(item) for item in items]

    def claim(self, message: BatchMessage, lease_seconds: float) -> ClaimedBatch | NotClaimed:
        """Claims a batch, unless it has ended, another worker has it, or its plan is over."""
        key = batch_key(message.number)
        plan, batch, run_item = self._look(key)
        if (why := self._why_not(message, plan, batch)) is not None:
            return why
        token, now = uuid.uuid4().hex, self._clock()
        until = now + lease_seconds
        if not self._table.transact(self._claim(message, key, token, now, until)):
            # Another worker was faster, or the reply was lost.
            plan, batch, run_item = self._look(key)
            if batch.get("lease") != token:
                return self._why_not(message, plan, batch) or NotClaimed.LEASED
        before = _batch_from_item({**batch, **key})
        silences = self._silences.found_by_run(run_item, message.tick)
        run = run_from_item(run_item, message.tick, token, silences, until)
        run = replace(run, unfinished=False, batch=message.number)
        return ClaimedBatch(run, before.result, before.ended_tick)

    def _look(self, key: Item) -> tuple[Item, Item, Item]:
        found = {(it["pk"], it["sk"]): it for it in self._table.read([_PLAN_KEY, key, RUN_KEY])}
        plan, batch, run = (found.get((it["pk"], it["sk"]), {}) for it in (_PLAN_KEY, key, RUN_KEY))
        return plan, batch, run

    def _why_not(self, message: BatchMessage, plan: Item, batch: Item) -> NotClaimed | None:
        if plan.get("plan") != message.plan:
            return NotClaimed.STALE
        if batch.get("ended") == message.plan:
            return NotClaimed.ENDED
        is_leased = _lease_of(batch) > self._clock()
        return NotClaimed.LEASED if is_leased else None

    def _claim(
        self, message: BatchMessage, key: Item, token: str, now: float, until: float
    ) -> list[Action]:
        check = {
            "TableName": self._table.name,
            "Key": serialize(_PLAN_KEY),
            "ConditionExpression": "#plan = :plan",
            "ExpressionAttributeNames": {"#plan": "plan"},
            "ExpressionAttributeValues": serialize({":plan": message.plan}),
        }
        update = {
            "TableName": self._table.name,
            "Key": serialize(key),
            "UpdateExpression": "SET lease = :lease, lease_until = :until",
            "ConditionExpression": (
                "(attribute_not_exists(lease_until) OR lease_until <= :now)"
                " AND (attribute_not_exists(ended) OR ended <> :plan)"
            ),
            "ExpressionAttributeValues": serialize(
                {
                    ":lease": token,
                    ":until": ceil(until),
                    ":now": int(now),
                    ":plan": message.plan,
                }
            ),
        }
        return [{"ConditionCheck": check}, {"Update": update}]

    def release(self, run: Run) -> None:
        """Ends the lease of a worker that could not do its batch, so that another one can.

        A lease that another worker has by now stays.
        """
        with suppress(self._table.client.exceptions.ConditionalCheckFailedException):
            self._table.client.update_item(
                TableName=self._table.name,
                Key=serialize(batch_key(run.batch or 0)),
                UpdateExpression="REMOVE lease, lease_until",
                ConditionExpression="lease = :lease",
                ExpressionAttributeValues=serialize({":lease": run.token}),
            )

    def end(self, run: Run, message: BatchMessage, result: BatchResult) -> None:
        """Stores what a worker leaves of its batch, and ends its lease.

        Raises:
            RunUnderWayError: it has lost its lease, so that its batch is another worker's.
        """
        item = _result_to_item(result)
        names = {f"#{name}": name for name in (*item, "ended", "tick")}
        sets = ", ".join(f"#{name} = :{name}" for name in (*item, "ended", "tick"))
        sets += ", ended_by = :lease"
        removed = ["lease", "lease_until", *(it for it in _OPTIONAL if it not in item)]
        values = {
            ":lease": run.token,
            ":ended": message.plan,
            ":tick": text_of(message.tick),
            **{f":{name}": value for name, value in item.items()},
        }
        try:
            self._table.client.update_item(
                TableName=self._table.name,
                Key=serialize(batch_key(message.number)),
                UpdateExpression=f"SET {sets} REMOVE {', '.join(removed)}",
                # This very request may have ended the batch already, and lost its reply.
                ConditionExpression=(
                    "lease = :lease OR (attribute_not_exists(lease) AND ended_by = :lease)"
                ),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=serialize(values),
            )
        except self._table.client.exceptions.ConditionalCheckFailedException:
            raise RunUnderWayError(
                f"batch {message.number} took longer than its lease: another worker has it"
            ) from None

    def take_off(self, message: BatchMessage) -> bool:
        """Takes a batch that has ended off its plan; tells whether no batch is left.

        It may be done again: once none is left, none is left.
        """
        return self._take_off(message.plan, message.number)

    def _take_off(self, token: str, number: int) -> bool:
        try:
            response = self._table.client.update_item(
                TableName=self._table.name,
                Key=serialize(_PLAN_KEY),
                UpdateExpression="DELETE #left :number",
                ConditionExpression="#plan = :plan",
                ExpressionAttributeNames={"#left": "left", "#plan": "plan"},
                ExpressionAttributeValues=serialize({":number": {number}, ":plan": token}),
                ReturnValues="ALL_NEW",
            )
        except self._table.client.exceptions.ConditionalCheckFailedException:
            return False  # A later plan has taken its place.
        return not deserialize(response["Attributes"]).get("left")


def _plan_from_item(item: Mapping[str, Any]) -> Plan | None:
    try:
        left = frozenset(int(number) for number in item.get("left", ()))
        return Plan(
            time_of(item["tick"]), item["plan"], left - {_NOBODY}, is_sent=_NOBODY not in left
        )
    except MALFORMED_ITEM:
        return None


def _batch_from_item(item: Mapping[str, Any]) -> StoredBatch:
    """Returns the batch of an item, which may be malformed; its key is not."""
    try:
        tick = maybe_time(item.get("tick"))
    except MALFORMED_ITEM:
        tick = None
    return StoredBatch(
        int(str(item["sk"]).removeprefix("BATCH#")),
        item.get("ended"),
        tick,
        _lease_of(item),
        _result_from_item(item),
    )


def _lease_of(item: Mapping[str, Any]) -> float:
    """Returns until when a batch is leased; 0: nobody has it."""
    until = item.get("lease_until", 0)
    return float(until) if isinstance(until, Decimal) else 0.0


_OPTIONAL = ("unsaved", "paused", "suspects", "places", "digest")


def _result_to_item(result: BatchResult) -> Item:
    """Returns the attributes of a batch's item that hold what its worker left."""
    places = {name: _report_to_json(report) for name, report in result.places.items()}
    return without_none(
        {
            "counts": dict(result.counts),
            "unsaved": sorted(result.unsaved) or None,
            "paused": _times_to_map(result.paused) or None,
            "suspects": _times_to_map(result.suspects) or None,
            "places": _packed(places) if places else None,
            "digest": None
            if result.digest is None
            else _packed(maybe_digest_to_json(result.digest)),
        }
    )


def _result_from_item(item: Mapping[str, Any]) -> BatchResult:
    """Returns what a worker left, by its batch's item; what is malformed counts as nothing."""
    try:
        places = _unpacked(item["places"]) if "places" in item else {}
        return BatchResult(
            {name: int(value) for name, value in item.get("counts", {}).items()},
            frozenset(map(str, item.get("unsaved", ()))),
            _times_from_map(item.get("paused", {})),
            _times_from_map(item.get("suspects", {})),
            {name: _report_from_json(report) for name, report in places.items()},
            maybe_digest_from_json(_unpacked(item["digest"]) if "digest" in item else None),
        )
    except (*MALFORMED_ITEM, zlib.error):
        return BatchResult()


def _times_to_map(times: Mapping[str, datetime]) -> dict[str, str]:
    return {name: text_of(at) for name, at in times.items()}


def _times_from_map(times: Mapping[str, str]) -> dict[str, datetime]:
    return {name: time_of(at) for name, at in times.items()}


def _report_to_json(report: PlaceReport) -> list[Any]:
    failed = [
        [it.name, it.kind.value, it.severity and it.severity.value, maybe_text(it.since)]
        for it in report.failed
    ]
    return [report.provider, report.host, report.read, failed]


def _report_from_json(fields: list[Any]) -> PlaceReport:
    provider, host, read, failed = fields
    return PlaceReport(
        provider,
        host,
        int(read),
        tuple(
            FailedAccount(
                name, FailureKind(kind), None if sev is None else Severity(sev), maybe_time(since)
            )
            for name, kind, sev, since in failed
        ),
    )


def _packed(content: object) -> bytes:
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 6)


def _unpacked(data: Any) -> Any:  # noqa: ANN401 (it is JSON)
    return json.loads(zlib.decompress(bytes(data)))
