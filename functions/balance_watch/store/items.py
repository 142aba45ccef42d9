"""What the mappings of all kinds of item share. docs/architecture.md has the table's layout.

A mapping between the domain and an item is pure, and is named `x_to_item` or `x_from_item`. Where
the map within an item differs from the item, it has mappings of its own, `x_to_map`, `x_from_map`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from balance_watch.domain.formatting import iso_time

Item = dict[str, Any]
"""An item in boto3's plain form: strings, Decimals, booleans, lists, maps."""

MALFORMED_ITEM = (
    ArithmeticError,
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What `x_from_item` raises for an item that is damaged, or of another version."""

RUN_KEY: Item = {"pk": "RUN", "sk": "RUN"}
"""The key of the item that holds the latest run."""

BATCHES = "BATCHES"
"""The partition of the plan of a tick and its batches."""


def batch_key(number: int) -> Item:
    """Returns the key of a batch by its number, which holds a lease and what its worker left."""
    return {"pk": BATCHES, "sk": f"BATCH#{number:06}"}


def account_key(account: str) -> str:
    """Returns the partition key of an account: its state, its readings, its latest payment."""
    return f"ACCOUNT#{account}"


def account_of(item: Mapping[str, Any]) -> str:
    """Returns the name of the account that an item belongs to."""
    return str(item["pk"]).removeprefix(account_key(""))


def without_none(item: Item) -> Item:
    """Returns an item without its unknown values: they take no room in the table."""
    return {name: value for name, value in item.items() if value is not None}


def number_from(value: object) -> Decimal:
    """Returns a number of an item; raises TypeError for anything else."""
    if not isinstance(value, Decimal):
        raise TypeError("not a number")
    return value


def text_of(at: datetime) -> str:
    """Returns a time as text, to the second, so that texts sort as their times do."""
    return iso_time(at)


def time_of(text: str) -> datetime:
    """Returns the time that `text_of` wrote; raises ValueError for any other text."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


def maybe_text(at: datetime | None) -> str | None:
    """Returns a time as text, or None for None."""
    return None if at is None else text_of(at)


def maybe_time(text: str | None) -> datetime | None:
    """Returns the time that a text stands for, or None for None."""
    return None if text is None else time_of(text)


def seconds_of(at: datetime) -> int:
    """Returns a time as whole seconds since the epoch: six bytes in an item instead of twenty."""
    return int(at.timestamp())


def time_from_seconds(seconds: Decimal) -> datetime:
    """Returns the time that `seconds_of` wrote."""
    return datetime.fromtimestamp(int(seconds), UTC)
