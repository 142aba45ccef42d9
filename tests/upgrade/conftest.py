"""The dump of release 0.1.0, and the three runs of today's code on it.

The function of that release made the items, on the embedded stack, in five simulated days that end
at 2026-11-24 10:10 with every channel down. The tests check the same accounts on. They look at the
product from outside alone (results, messages, attributes of the table, commands), so that they hold
whatever the code looks like inside.
"""

import json

import pytest

from tests.upgrade.accounts import JsonObject
from tests.upgrade.stack import DUMP
from tests.upgrade.upgrade import Upgrade, upgraded


@pytest.fixture(scope="session")
def dump() -> JsonObject:
    loaded: JsonObject = json.loads((DUMP / "items.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def upgrade(dump: JsonObject) -> Upgrade:
    return upgraded(tuple(dump["items"]))
