"""The size of an item, by DynamoDB's documented rules.

"DynamoDB Item sizes and formats", Amazon DynamoDB developer guide:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

WRITE_UNIT = 1024
"""Bytes that one write unit pays for ("Write operation consumption", DynamoDB developer guide)."""

STORAGE_OVERHEAD = 100
"""Bytes added to every item for the storage that is billed (same guide, "Data storage")."""


def size_of(item: Mapping[str, Any]) -> int:
    """Returns the size of an item in bytes, names and values."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(value: object) -> int:
    match value:
        case bool() | None:
            return 1
        case str():
            return len(value.encode())
        case bytes():
            return len(value)
        case int() | Decimal():
            digits = len(Decimal(value).normalize().as_tuple().digits)
            # "1 byte per two significant digits, plus 1 byte", one more for a sign; 21 at most.
            return min(21, (digits + 1) // 2 + 1 + (value < 0))
        case Mapping():
            return 3 + len(value) + size_of(value)
        case list() | tuple():
            return 3 + sum(1 + _size_of_value(element) for element in value)
        case _:
            raise TypeError(type(value).__name__)
