"""The inventory of the latest run that found another one than the run before."""

import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from datetime import timedelta
from decimal import Decimal
from typing import Any

from balance_watch.domain.account import Account
from balance_watch.domain.inventory import Inventory
from balance_watch.store.items import MALFORMED_ITEM, Item, maybe_text, maybe_time, without_none
from balance_watch.store.table import Action, Table

_PARTITION = "INVENTORY"
_PAGE = 300_000
"""Bytes of an item: DynamoDB allows 400 KB."""


class Inventories:
    """The latest inventory in a table: one compressed item for some 10,000 accounts."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def latest(self) -> Inventory | None:
        """Returns the latest inventory; None if no run stored one, or it is damaged."""
        pages = list(self._table.query(_PARTITION))
        try:
            return inventory_from_items(pages)
        except (*MALFORMED_ITEM, zlib.error):
            return None

    def keep(self, fence: Action, inventory: Inventory, until: float) -> bool:
        """Stores an inventory; returns False if it could not be stored.

        Args:
            fence: the action that fails once the run has lost its lease.
            inventory: the inventory.
            until: the end of the lease, a time on the clock.
        """
        items = inventory_to_items(inventory)
        return self._table.transact([fence, *self._table.puts(items)], until)


def digest_of(inventory: Inventory) -> str:
    """Returns what tells an inventory from another one."""
    return hashlib.sha256(_packed(inventory)).hexdigest()[:16]


def inventory_to_items(inventory: Inventory) -> list[Item]:
    """Returns the items of an inventory. The first one says how many there are."""
    data = b64encode(zlib.compress(_packed(inventory), 9)).decode()
    parts = [data[start : start + _PAGE] for start in range(0, len(data), _PAGE)]
    return [
        {"pk": _PARTITION, "sk": f"{number:03}", "pages": len(parts), "data": part}
        for number, part in enumerate(parts)
    ]


def inventory_from_items(items: list[Item]) -> Inventory | None:
    """Returns the inventory of its items, in order; None for no item; raises if it is damaged."""
    if not items:
        return None
    # A longer inventory, stored before, leaves pages behind.
    pages = items[: int(items[0]["pages"])]
    content: Any = json.loads(zlib.decompress(b64decode("".join(page["data"] for page in pages))))
    return Inventory(
        tuple(map(_account_from_map, content["accounts"])),
        tuple(map(_account_from_map, content["disabled"])),
        tuple(map(str, content["channels"])),
        tuple(map(str, content["unread_kinds"])),
        bool(content["is_whole"]),
    )


def _packed(inventory: Inventory) -> bytes:
    content = json.dumps(
        {
            "accounts": list(map(_account_to_map, inventory.accounts)),
            "disabled": list(map(_account_to_map, inventory.disabled)),
            "channels": sorted(inventory.channels),
            "unread_kinds": sorted(inventory.unread_kinds),
            "is_whole": inventory.is_whole,
        },
        separators=(",", ":"),
    )
    return content.encode()


def _account_to_map(account: Account) -> dict[str, Any]:
    runs_dry, below = account.runs_dry, account.alert_below
    return without_none(
        {
            "name": account.name,
            "provider": account.provider,
            "labels": dict(account.labels) or None,
            "alert_below": None if below is None else str(below),
            "currency": account.currency,
            "runs_dry": None if runs_dry is None else [it.total_seconds() for it in runs_dry],
            "empty": account.empty,
            "expires_at": maybe_text(account.expires_at),
        }
    )


def _account_from_map(content: dict[str, Any]) -> Account:
    below, tiers = content.get("alert_below"), content.get("runs_dry")
    return Account(
        content["name"],
        content["provider"],
        labels=content.get("labels", {}),
        alert_below=None if below is None else Decimal(below),
        currency=content.get("currency"),
        runs_dry=None if tiers is None else tuple(timedelta(seconds=it) for it in tiers),
        empty=content.get("empty"),
        expires_at=maybe_time(content.get("expires_at")),
    )
