"""A run of an earlier release that was killed is resumed.

It had stored a transition with its outbox entries, and a state without its reading.
"""

import json
from collections.abc import Iterator

import pytest

from tests.upgrade.accounts import PROVIDERS, JsonObject
from tests.upgrade.stack import DEFAULT, LAST, TOPIC, Stack, find, pending_in, started

WATCHED = {"quiet", "fires", "search"}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with started() as running:
        yield running


def _history(stack: Stack, account: str) -> dict[str, str]:
    """Returns the balances of an account by time, as the command shows them."""
    shown = json.loads(stack.command("history", account, "--days", "36500", "--json"))
    return {reading["observed_at"]: reading["balance"] for reading in shown}


def test_a_killed_run_is_resumed(stack: Stack, dump: JsonObject) -> None:
    items = tuple(dump["items_of_a_run_that_died"])
    stack.load(items)
    stack.aws.put_policy("# Empty.\n")
    stack.configure(archived=False, without=PROVIDERS.keys() - WATCHED)
    assert "lease" in find(items, "RUN", "RUN")
    assert find(items, "ACCOUNT#quiet", f"AT#{LAST}") is None
    balance_before = find(items, "ACCOUNT#quiet", "STATE")["reading"]["bal"]
    stack.providers.show("quiet", bal="1")
    stack.providers.show("fires", bal="1")
    stack.providers.show("search", bal="600")
    run = stack.run(LAST)
    assert _history(stack, "quiet")[LAST] == str(balance_before)
    assert LAST in _history(stack, "search")
    pending = [message["alert_id"] for channel, message in pending_in(items) if channel == TOPIC]
    assert [message["alert_id"] for message in run.topic] == pending
    assert run.channels_notified_of("fires") == {TOPIC: 1, DEFAULT: 1}
    assert (run.result["read"], run.result["delivered"]) == (1, 2)
