"""The role of SlackActions may do what presses do, by partition keys, and hardly more."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.model import OperationModel

from tests.support.check_bench import Bench
from tests.support.examples import TICK
from tests.support.pressed_alerts import Make
from tests.support.templates import OURS

Asked = list[tuple[str, str]]
"""Operations with the partition keys that they name."""

ALLOWED = {
    (action.removeprefix("dynamodb:"), key)
    for it in OURS.statements("SlackActionsRole")
    for action in ([it["Action"]] if isinstance(it["Action"], str) else it["Action"])
    for condition in it.get("Condition", {}).values()
    for key in condition.get("dynamodb:LeadingKeys", ())
}


@pytest.fixture
def asked(bench: Bench) -> Iterator[Asked]:
    found: Asked = []

    def note(params: dict[str, Any], model: OperationModel, **_: object) -> None:
        reads = params.get("RequestItems", {}).values() if model.name == "BatchGetItem" else ()
        keys = [key for table in reads for key in table["Keys"]]
        keys += [params[name] for name in ("Key", "Item") if name in params]
        found.extend((model.name, key["pk"]["S"]) for key in keys)

    events = bench.wiring.client("dynamodb").meta.events
    events.register("provide-client-params.dynamodb", note)
    yield found
    events.unregister("provide-client-params.dynamodb", note)


def patterns(operation: str, key: str) -> list[str]:
    """Returns the patterns by which a request is allowed."""
    return [it for allowed, it in ALLOWED if allowed == operation and fnmatchcase(key, it)]


@pytest.mark.usefixtures("payable")
def test_the_role_may_name_each_key_that_a_press_names_and_write_no_other(
    channel: Make, asked: Asked
) -> None:
    slack = channel()
    asked.clear()
    for action in ("acknowledge", "silence:1h", "top_up"):
        assert slack.press(action) == ""
    used = {(operation, key): patterns(operation, key) for operation, key in asked}
    assert all(used.values()), used
    written = {(name, it) for (name, _), found in used.items() for it in found}
    assert {it for it in ALLOWED if it[0] in ("UpdateItem", "PutItem")} <= written


def test_the_role_may_name_each_key_of_an_alert_on_the_configuration(
    bench: Bench, channel: Make, asked: Asked
) -> None:
    bench.put_secret("accounts", "no JSON")
    bench.run(TICK)
    slack = channel()
    asked.clear()
    assert slack.press("acknowledge") == ""
    assert ("BatchGetItem", "EVENTS") in asked
    assert all(patterns(*it) for it in asked), asked
