"""Today's code on the items that the release left: three runs, and the commands before them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tests.upgrade.accounts import BLOCKED, BOOKS, KEY_REJECTED, NO_BALANCE, NO_LIMIT, JsonObject
from tests.upgrade.stack import (
    LATER,
    NEXT,
    SOON,
    Item,
    Run,
    Stack,
    find,
    pending_in,
    plain,
    started,
)

INVALID_POLICY = '[[rules]]\nname = "low"\n'
"""In the parameter since 10:05. The rule has no threshold, so the last valid policy applies."""

HISTORIES = ("images", "llm", "sms", "tokens", BOOKS)


@dataclass(frozen=True, repr=False)
class Upgrade:
    """The items that the release left, and what today's code makes of them."""

    items: tuple[Item, ...]
    status: list[JsonObject]
    histories: Mapping[str, list[JsonObject]]
    history_of_tokens: str
    next: Run
    soon: Run
    later: Run

    def item_before(self, partition: str, sort: str) -> JsonObject:
        """Returns an item as the release left it."""
        item: JsonObject | None = find(self.items, partition, sort)
        assert item is not None
        return item

    def state_before(self, account: str) -> JsonObject:
        """Returns an account's state as the release left it."""
        return self.item_before(f"ACCOUNT#{account}", "STATE")

    def pending_before(self, channel: str) -> list[JsonObject]:
        """Returns the notifications that the release left pending for a channel."""
        pending = pending_in(self.items)
        return [notification for name, notification in pending if name == channel]


def upgraded(items: tuple[Item, ...]) -> Upgrade:
    """Does three runs on these items: few balances change before the first, some recover later."""
    with started() as stack:
        stack.load(items)
        stack.aws.put_policy(INVALID_POLICY)
        stack.aws.put_secret("balance-watch/accounts/broken", "no JSON")
        stack.configure()
        status = json.loads(stack.command("status", "--json"))
        every_day = ("--days", "36500")
        histories = {
            name: json.loads(stack.command("history", name, *every_day, "--json"))
            for name in HISTORIES
        }
        history_of_tokens = stack.command("history", "tokens", *every_day)

        _show_what_the_release_read(stack, items)
        stack.configure(without=["leaves"])
        first = stack.run(NEXT)

        stack.providers.show("search", bal="600")
        stack.providers.show("finance", bal="60")
        stack.aws.put_policy(_policy_in(items))
        stack.aws.put_secret("balance-watch/accounts/broken", {"accounts": []})
        stack.configure(archived=False, without=["leaves"])
        second = stack.run(SOON)
        third = stack.run(LATER)
    return Upgrade(items, status, histories, history_of_tokens, first, second, third)


def _show_what_the_release_read(stack: Stack, items: tuple[Item, ...]) -> None:
    """Makes the providers report the stored readings, except for a few that fall or fail."""
    providers = stack.providers
    for state in (plain(item) for item in items if item["sk"]["S"] == "STATE"):
        name, reading = state["pk"].removeprefix("ACCOUNT#"), state.get("reading")
        if reading is not None:
            providers.show(name, **{field: _as_json(value) for field, value in reading.items()})
    providers.replies |= {"no-limit": NO_LIMIT, "revoked": KEY_REJECTED, "walled": BLOCKED}
    providers.replies["breaks"] = NO_BALANCE
    providers.show("returns", bal="18.75")
    for name in ("pays-paid", "pays-unknown", "pays-cleared"):
        providers.show(name, bal="8.5", reload="true")


def _policy_in(items: tuple[Item, ...]) -> str:
    """Returns the last valid policy."""
    (policy,) = (plain(item) for item in items if item["pk"]["S"] == "POLICY")
    return str(policy["text"])


def _as_json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
