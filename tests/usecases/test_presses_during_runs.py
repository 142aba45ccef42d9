"""People press buttons while a run stores its decisions: neither hinders the other.

A press updates the run's item, which the transactions of a run check for its lease. Where the two
meet, DynamoDB refuses one of them. Neither moto nor DynamoDB Local does, so these tests refuse it
as DynamoDB does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from msgspec.structs import replace

from balance_watch.wiring import SlackActionsWiring
from tests.support.check_bench import FINE, Bench
from tests.support.dynamodb_clients import Wrapped
from tests.support.examples import NEXT, TICK
from tests.support.pressed_alerts import Make, everything, low, restore
from tests.support.slack_presses import BOB

Argument = Any
"""An argument of a request to DynamoDB."""

REASONS = [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "ongoing"}]


@dataclass
class Refused:
    """An answer of DynamoDB that refuses a request."""

    status_code: int = 400
    headers: dict[str, str] = field(default_factory=dict)


def conflict(operation: str) -> dict[str, Any]:
    """Returns what DynamoDB says if another write to the item is under way."""
    if operation != "TransactWriteItems":
        return {"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}
    return {
        "Error": {"Code": "TransactionCanceledException", "Message": "[None, Conflict]"},
        "CancellationReasons": REASONS,
    }


def refused(operation: str) -> ClientError:
    """Returns the error that botocore makes of it."""
    error: Any = conflict(operation)
    return ClientError(error, operation)


@dataclass
class Meeting:
    """Does something before the nth call to DynamoDB, and refuses the call once if it conflicts."""

    nth: int
    act: Callable[[], object]
    calls: int = 0
    conflicts: int = 0
    is_acting: bool = False

    def before_call(self, model: OperationModel, **_: object) -> tuple[Refused, Any] | None:
        if self.is_acting:
            return None
        self.calls += 1
        if self.calls != self.nth:
            return None
        self.is_acting = True
        self.act()
        self.is_acting = False
        if model.name != "TransactWriteItems":
            return None
        self.conflicts += 1
        return Refused(), conflict(model.name)


@contextmanager
def meeting(bench: Bench, nth: int, act: Callable[[], object]) -> Iterator[Meeting]:
    events, made = bench.wiring.client("dynamodb").meta.events, Meeting(nth, act)
    events.register("before-call.dynamodb", made.before_call)
    yield made
    events.unregister("before-call.dynamodb", made.before_call)


@pytest.mark.parametrize("action", ["acknowledge", "silence:1h"])
def test_a_press_at_any_call_of_a_run_is_kept_and_leaves_the_run_complete(
    bench: Bench, channel: Make, action: str
) -> None:
    low(bench, "called first", "ends")
    slack, items = channel(), everything(bench)
    seen = slack.message
    bench.reads.balances |= {"ends": FINE}

    def press() -> None:
        assert slack.press(action, seen=seen) == ""

    calls, conflicts, nth = 1, 0, 0
    while nth < calls:
        nth += 1
        restore(bench, items)
        bench.delivery.accepted.clear()
        with meeting(bench, nth, press) as made:
            assert bench.run(NEXT).complete, nth
        calls, conflicts = made.calls, conflicts + made.conflicts
        assert [*bench.store.acknowledgements.by_alert(), *bench.store.silences.at(NEXT)], nth
        assert {reason for _, reason in bench.delivery.announced} == {"resolved", "topped_up"}, nth
    assert nth > 5
    assert conflicts >= 1


@pytest.mark.parametrize("action", ["acknowledge", "silence:1h"])
def test_a_press_is_repeated_while_a_run_is_in_its_way(
    bench: Bench, wired: SlackActionsWiring, channel: Make, action: str
) -> None:
    low(bench, "sms")
    client = bench.wiring.client("dynamodb")
    met: list[str] = []

    def update(**request: Argument) -> object:
        key = request["Key"]["pk"]["S"]
        if key == "RUN" and len(met) < 3:
            met.append(key)
            raise refused("UpdateItem")
        return client.update_item(**request)

    store = bench.store_over(Wrapped(client, update_item=update))
    slack = channel()
    busy = replace(wired, make_store=lambda _: store)
    assert slack.press(action, wired=busy) == ""
    assert len(met) == 3
    assert [*bench.store.acknowledgements.by_alert(), *bench.store.silences.at(TICK)]


def test_a_press_that_a_run_is_in_the_way_of_for_too_long_is_completed_by_the_next_one(
    bench: Bench, wired: SlackActionsWiring, channel: Make
) -> None:
    low(bench, "sms")
    client = bench.wiring.client("dynamodb")
    slack = channel()

    def update(**request: Argument) -> object:
        if request["Key"]["pk"]["S"] == "RUN":
            raise refused("UpdateItem")
        return client.update_item(**request)

    store = bench.store_over(Wrapped(client, update_item=update))
    with pytest.raises(ClientError):
        slack.press("silence:1h", wired=replace(wired, make_store=lambda _: store))
    assert bench.store.silences.at(TICK) == ()
    assert slack.press("silence:1h", BOB) == ""
    (silence,) = bench.store.silences.at(TICK)
    assert silence.reason == "pressed by ann in Slack"
