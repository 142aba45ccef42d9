"""No value in a stored item raises out of its own parsing: it is read, or malformed."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from balance_watch.domain.changes import Fall
from balance_watch.domain.credit import SettledCosts
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.event import Event
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.run import RunRecord
from balance_watch.store.costs import costs_from_item, costs_to_item
from balance_watch.store.events import event_from_item, event_to_item
from balance_watch.store.items import MALFORMED_ITEM
from balance_watch.store.outbox import entry_from_item, entry_to_item
from balance_watch.store.readings import reading_from_item, reading_to_item
from balance_watch.store.runs import record_from_item, record_to_item
from balance_watch.store.states import state_from_item, state_to_item
from tests.support.digests import notification_of
from tests.support.examples import TICK, entry, full_reading, full_trend, low_balance, quiet_state
from tests.support.watchman import ACCOUNT, HOUR, below, watching

VARIANTS = 10_000
VALUES: list[Any] = [
    None, True, False, Decimal(0), Decimal(-1), Decimal("1E+125"), Decimal("1.5"), Decimal("NaN"),
    "", " ", "x" * 500, "\ud800", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday",
    "1:2", "1:2:3", "a:b", ":::", "99999999999999:1", "-1:-1", "1E+999999:1", "{}", "[]", "null",
    "[" * 5000, '{"metric": "balance"}', [], {}, [[]], [None], {"": None}, {"x": {}}, b"",
    b"\xff" * 168,
    "NaN", "Infinity 1 2 3 4 5 6 7 8", "1 1 1 1 1 1 1 1 1", "critical", "balance",
]  # fmt: skip


def _state() -> dict[str, Any]:
    watchman = watching(below("100"))
    for hour in range(40):
        watchman.announces(f"{90 - hour}", HOUR)
    state = replace(watchman.state, trend=full_trend(TICK), fall=Fall(TICK, Decimal(2)))
    return state_to_item(replace(state, top_up_notified_at=TICK - timedelta(days=1)))


COSTS = SettledCosts(
    since=TICK.date() - timedelta(days=9),
    until=TICK.date(),
    asked_at=TICK,
    currency="USD",
    days={TICK.date() - timedelta(days=n): Decimal(n) for n in range(1, 9)},
)

DIGEST_ENTRY = OutboxEntry(notification_of(), "sns", ("sns",))


def digest_entry_from_item(item: dict[str, Any]) -> object:
    """Returns the entry of an item in which a value of its digest is damaged, too."""
    random = Random(str(item))  # noqa: S311 (no secret)
    notification = json.loads(item["notification"])
    digest = damaged(notification["digest"], random)
    text = json.dumps({**notification, "digest": digest}, default=str)
    return entry_from_item({**item, "notification": text})


ITEMS: dict[str, tuple[dict[str, Any], Callable[[Any], object]]] = {
    "state": (_state(), state_from_item),
    "quiet state": (state_to_item(quiet_state()), state_from_item),
    "reading": (reading_to_item("a", full_reading(), 400), reading_from_item),
    "outbox entry": (entry_to_item(entry()), entry_from_item),
    "digest": (entry_to_item(DIGEST_ENTRY), digest_entry_from_item),
    "event": (event_to_item(Event(low_balance(), ("sns",)), 400), event_from_item),
    "costs": (costs_to_item(ACCOUNT, COSTS), costs_from_item),
    "run": (record_to_item(RunRecord(alerted=("a",), channels={"sns": "x"})), record_from_item),
    "run with a digest": (
        {
            "tick": "2026-11-22T10:05:00Z",
            **record_to_item(RunRecord(digest=DigestMark(TICK, TICK))),
        },
        record_from_item,
    ),
}


def damaged(item: dict[str, Any], random: Random) -> dict[str, Any]:
    """Returns the item with some attributes replaced or removed, within its maps too."""
    item = deepcopy(item)
    for _ in range(random.choice([1, 1, 2, 3])):
        table = item
        while True:
            names = [name for name in table if name not in ("pk", "sk")]
            if not names:
                break
            name = random.choice(names)
            if isinstance(table[name], dict) and table[name] and random.random() < 0.7:
                table = table[name]
                continue
            if random.random() < 0.85:
                table[name] = deepcopy(random.choice(VALUES))
            else:
                del table[name]
            break
    return item


@pytest.mark.parametrize("kind", ITEMS)
def test_no_value_of_an_item_raises(kind: str) -> None:
    item, parse = ITEMS[kind]
    read = 0
    for number in range(VARIANTS):
        random = Random(number)  # noqa: S311 (no secret)
        try:
            parse(damaged(item, random))
            read += 1
        except MALFORMED_ITEM:
            pass
    assert 0 < read < VARIANTS or kind.startswith("run")
