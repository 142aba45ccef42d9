"""The run's item: which tick is claimed, by whose lease, and what one run leaves to the next."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from math import ceil, inf
from typing import Any

from msgspec.structs import replace

from balance_watch.domain.configuration_alert import (
    FAULT_WORDING,
    ConfigurationState,
    MoreFaults,
)
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.run import Run, RunRecord
from balance_watch.errors import FutureTickError, RunUnderWayError
from balance_watch.store.acknowledgements import acknowledgements_from_item
from balance_watch.store.alerts import alert_from_item, alert_to_item
from balance_watch.store.hearing import hearing_from_item, hearing_to_item
from balance_watch.store.items import (
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
from balance_watch.store.silences import FoundSilences, Silences, silence_attribute
from balance_watch.store.table import Action, Table, deserialize, serialize

_NEAR = timedelta(hours=1)
"""A tick as near to the clock as this is current."""

_DAY = timedelta(days=1)

_SKEW = timedelta(minutes=1)
"""A tick further ahead of the clock than this is in the future: clocks of AWS differ by less."""

_CLAIM = "SET tick = :tick, done = :no, whole = :no, lease = :lease, lease_until = :until"
# `lease = :lease` is this very request, sent again because its reply was lost.
_CLAIMABLE = (
    "lease = :lease OR ("
    "(attribute_not_exists(tick) OR tick < :tick OR (tick = :tick AND done = :no))"
    " AND (attribute_not_exists(lease_until) OR lease_until <= :now))"
)
_CLOSE = (
    "SET done = :done, whole = :whole, configuration = :configuration,"
    " policy_digest = :policy_digest, alerted = :alerted, rejecting = :rejecting,"
    " subscribers = :subscribers, secrets = :secrets, lost = :lost, channels = :channels,"
    " outages = :outages, paused = :paused, inventory = :inventory"
)
# This very request may have closed the run already, and lost its reply.
_CLOSABLE = "lease = :lease OR (attribute_not_exists(lease) AND tick = :tick)"

_log = logging.getLogger(__name__)


class Runs:
    """Claims and closes the runs of a table: one at a time, and none twice.

    Args:
        table: the table.
        silences: the silences in it.
        clock: seconds since the epoch, for leases.
    """

    def __init__(
        self, table: Table, silences: Silences, clock: Callable[[], float] = time.time
    ) -> None:
        self._table, self._silences, self._clock = table, silences, clock

    def claim(self, tick: datetime, lease_seconds: float) -> Run | None:
        """Claims a tick with one conditional write; None if it, or a later one, is done already.

        A tick whose run died or stayed incomplete can be claimed again once its lease has ended.

        Raises:
            RunUnderWayError: another run holds the lease.
            FutureTickError: the latest tick is in the future, and this one is current.
        """
        token, now = uuid.uuid4().hex, self._clock()
        lease_until = now + lease_seconds
        values = {
            ":tick": text_of(tick),
            ":no": False,
            ":lease": token,
            ":until": ceil(lease_until),
            ":now": int(now),
        }
        try:
            response = self._table.client.update_item(
                TableName=self._table.name,
                Key=serialize(RUN_KEY),
                UpdateExpression=_CLAIM,
                ConditionExpression=_CLAIMABLE,
                ExpressionAttributeValues=serialize(values),
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._table.client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item", {})
            self._check_is_done(tick, deserialize(item))
            return None
        before = deserialize(response.get("Attributes", {}))
        silences = self._silences.found_by_run(before, tick)
        return run_from_item(before, tick, token, silences, lease_until)

    def record(self) -> RunRecord:
        """Returns the record that the latest run left."""
        return record_from_item(self._table.get(RUN_KEY))

    def latest(self, now: datetime) -> Run:
        """Returns what a run at this time would find, without a lease.

        It is one read, and one more if there may be silences.
        """
        item = self._table.get(RUN_KEY)
        silences = self._silences.beside(item, now)
        return replace(run_from_item(item, now, "", silences), unfinished=False)

    def _check_is_done(self, tick: datetime, item: Item) -> None:
        """Raises the reason why a tick was not claimed, unless it, or a later one, is done."""
        text, latest = text_of(tick), item.get("tick", "")
        if latest > text:
            self._check_is_not_future(latest, tick)
        elif not (latest == text and item.get("done")):
            raise RunUnderWayError(
                f"a run for {item.get('tick')} is under way: try again in a minute"
            ) from None

    def _check_is_not_future(self, latest: str, tick: datetime) -> None:
        """Raises if the latest tick is in the future, so that every current one is skipped."""
        now, near = self._clock(), _NEAR.total_seconds()
        try:
            is_future = time_of(latest).timestamp() - now > _SKEW.total_seconds()
        except ValueError:
            is_future = True  # it sorts after every possible tick
        if is_future and abs(tick.timestamp() - now) < near:
            raise FutureTickError(
                f"the latest tick in the table, {latest}, is in the future, so current ticks are"
                " skipped until then: see docs/operations.md, A tick of the future"
            ) from None

    def close(
        self,
        run: Run,
        record: RunRecord,
        *,
        done: bool,
        stored: bool | None = None,
        digest_is_known: bool = True,
    ) -> None:
        """Stores the run's record and ends its lease. A tick that is not done can be claimed again.

        Args:
            run: the run.
            record: what it leaves.
            done: nothing is left to do for its tick.
            stored: every change was stored; it defaults to `done`.
            digest_is_known: False if it is not known whether the mark of a digest was stored, so
                that the one in the table stays.
        """
        names = {
            f"#ended{index}": silence_attribute(name)
            for index, name in enumerate(run.ended_silences)
        }
        # An earlier release kept dead channels in `gone`.
        removes = ["lease", "lease_until", "gone", *names]
        sets = _CLOSE
        if digest_is_known and record.digest is None:
            removes.append("digested")
        elif digest_is_known:
            sets += ", digested = :digested"
        stored_record = record_to_item(record)
        for name in ("split_by", "judged", "unfinished", "outages_found"):
            if name in stored_record:
                sets += f", {name} = :{name}"
            else:
                removes.append(name)
        removed = ", ".join(removes)
        optional: Any = {"ExpressionAttributeNames": names} if names else {}
        values = {
            ":done": done,
            ":whole": done if stored is None else stored,
            ":lease": run.token,
            ":tick": text_of(run.tick),
            **{f":{name}": value for name, value in stored_record.items()},
        }
        if not digest_is_known:
            values.pop(":digested", None)
        self._table.client.update_item(
            TableName=self._table.name,
            Key=serialize(RUN_KEY),
            UpdateExpression=f"{sets} REMOVE {removed}",
            ConditionExpression=_CLOSABLE,
            ExpressionAttributeValues=serialize(values),
            **optional,
        )

    def fence(self, run: Run) -> Action:
        """Returns the action that makes a transaction fail if the run no longer has its lease.

        The lease of a worker is that of its batch.
        """
        key = RUN_KEY if run.batch is None else batch_key(run.batch)
        check = {
            "TableName": self._table.name,
            "Key": serialize(key),
            "ConditionExpression": "lease = :lease",
            "ExpressionAttributeValues": serialize({":lease": run.token}),
        }
        return {"ConditionCheck": check}

    def configuration_update(self, run: Run, state: ConfigurationState) -> Action:
        """Returns the action that stores the configuration's state, while the run has its lease."""
        return self._update(run, "configuration", configuration_to_item(state))

    def digest_update(self, run: Run, mark: DigestMark) -> Action:
        """Returns the action that stores which digests are told, while the run has its lease."""
        return self._update(run, "digested", mark_to_item(mark))

    def outages_update(self, run: Run, outages: Mapping[str, Alert]) -> Action:
        """Returns the action that stores the alerts of outages, while the run has its lease."""
        return self._update(run, "outages", outages_to_item(outages))

    def _update(self, run: Run, attribute: str, value: Item) -> Action:
        update = {
            "TableName": self._table.name,
            "Key": serialize(RUN_KEY),
            "UpdateExpression": f"SET {attribute} = :value",
            "ConditionExpression": "lease = :lease",
            "ExpressionAttributeValues": serialize({":value": value, ":lease": run.token}),
        }
        return {"Update": update}


def run_from_item(
    before: Mapping[str, Any],
    tick: datetime,
    token: str,
    silences: FoundSilences,
    lease_until: float = inf,
) -> Run:
    """Returns a run that finds the run's item like this.

    Args:
        before: the item, as the run before has left it.
        tick: the tick.
        token: identifies the lease.
        silences: those beside the item.
        lease_until: its end, in seconds since the epoch.
    """
    return Run(
        tick,
        token,
        unfinished=not before.get("whole", True),
        record=record_from_item(before),
        silences=silences.active,
        ended_silences=silences.ended,
        acknowledgements=acknowledgements_from_item(before),
        lease_until=lease_until,
        is_again=before.get("tick") == text_of(tick),
        is_left_over="split_by" in before and before.get("judged") != before.get("tick"),
    )


def outages_to_item(outages: Mapping[str, Alert]) -> Item:
    """Returns the map of the alerts of outages."""
    return {name: alert_to_item(alert) for name, alert in outages.items()}


def record_to_item(record: RunRecord) -> Item:
    """Returns the attributes of the run's item that hold the record."""
    return {
        "configuration": configuration_to_item(record.configuration),
        "policy_digest": record.policy_digest or "",
        "inventory": record.inventory_digest or "",
        "alerted": list(record.alerted),
        **hearing_to_item(record),
        "outages": outages_to_item(record.outages),
        **({"digested": mark_to_item(record.digest)} if record.digest else {}),
        **without_none(
            {
                "split_by": record.plan,
                "judged": maybe_text(record.judged_at),
                "unfinished": record.unfinished or None,
                "outages_found": list(record.found) or None,
            }
        ),
    }


def mark_to_item(mark: DigestMark) -> Item:
    """Returns the map of which digests are told."""
    return without_none({"until": text_of(mark.until), "told_at": maybe_text(mark.told_at)})


def _mark_from_item(item: Mapping[str, Any]) -> DigestMark | None:
    """Returns which digests are told, by the run's item.

    Without a mark, the policy has had no digest: those after the latest run are still to be told.
    A run that died may have been the first with one. Before a run has ended there are none.
    """
    if (mark := item.get("digested")) is not None:
        return DigestMark(time_of(mark["until"]), maybe_time(mark.get("told_at")))
    if "configuration" not in item or "tick" not in item:
        return None
    latest = time_of(item["tick"])
    return DigestMark(latest if item.get("whole", True) else latest - _DAY)


def record_from_item(item: Mapping[str, Any]) -> RunRecord:
    """Returns the record in the run's item; a malformed one is logged and left out."""
    try:
        return RunRecord(
            configuration_from_item(item.get("configuration", {})),
            item.get("policy_digest"),
            tuple(map(str, item.get("alerted", ()))),
            **hearing_from_item(item),
            outages={name: alert_from_item(it) for name, it in item.get("outages", {}).items()},
            inventory_digest=item.get("inventory") or None,
            digest=_mark_from_item(item),
            plan=item.get("split_by"),
            judged_at=maybe_time(item.get("judged")),
            unfinished=int(item.get("unfinished", 0)),
            found=tuple(map(str, item.get("outages_found", ()))),
        )
    except MALFORMED_ITEM as error:
        facts = {"why": type(error).__name__}
        _log.error("malformed record of the last run", extra=facts)
        return RunRecord()


def configuration_to_item(state: ConfigurationState) -> Item:
    """Returns the map of the configuration's state."""
    alert = None if state.alert is None else alert_to_item(state.alert)
    notified = [[fault, text_of(at)] for fault, at in state.notified]
    return without_none(
        {
            "faults": list(state.faults),
            "alert": alert,
            "told": notified,
            "wording": state.wording,
            "more": None if state.more is None else _more_to_map(state.more),
        }
    )


def configuration_from_item(item: Mapping[str, Any]) -> ConfigurationState:
    """Returns the configuration's state of a map; raises one of MALFORMED_ITEM."""
    alert = item.get("alert")
    faults = tuple(map(str, item.get("faults", ())))
    notified = tuple((str(fault), time_of(at)) for fault, at in item.get("told", ()))
    # Release 0.1.0 stored no version.
    wording = int(item.get("wording", 1 if notified else FAULT_WORDING))
    more = _more_from_map(item["more"]) if "more" in item else None
    alert = alert_from_item(alert) if alert else None
    return ConfigurationState(faults, alert, notified, wording, more)


def _more_to_map(more: MoreFaults) -> Item:
    buckets = {name: f"{number} {digest:x}" for name, (number, digest) in more.buckets.items()}
    return {"at": text_of(more.at), "buckets": buckets}


def _more_from_map(item: Mapping[str, Any]) -> MoreFaults:
    pairs = {name: str(text).split() for name, text in item["buckets"].items()}
    buckets = {str(name): (int(number), int(it, 16)) for name, (number, it) in pairs.items()}
    return MoreFaults(time_of(item["at"]), buckets)
