"""Makes moto fast enough for thousands of tests: what it yields stays the same.

Without it, `make test` takes half as much time again (measured on moto 5.2).
"""

import inspect
from contextlib import suppress
from copy import deepcopy
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from moto import backends
from moto.core import responses
from moto.dynamodb import models as dynamodb
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.kms import models as kms

if TYPE_CHECKING:
    from collections.abc import Callable

_Operation = dict[str, Any]
"""A write of a transaction, as DynamoDB's API has it: `{"Put": {"TableName": …, "Item": …}}`."""


# As types of any kind: mypy forbids to replace their methods, and what they import.
_backend: Any = dynamodb.DynamoDBBackend
_table: Any = Table
_keys: Any = kms
_responses: Any = responses


@cache
def install() -> None:
    """Changes moto in this process, once."""
    _copy_no_tables()
    # For each key moto makes one of RSA, for a symmetric one too: a tenth of a second. None signs.
    _keys.generate_private_key = cache(_keys.generate_private_key)
    # At each request, moto lists its own folder, and the methods of the class that answers.
    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    _responses.method_names_from_class = cache(_method_names)


def _method_names(of: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(of, inspect.isfunction)]


def _copy_no_tables() -> None:
    """Lets a transaction keep the items that it writes, in place of copies of their whole tables.

    moto copies the table once for each write of a transaction, to put the copy back if it fails.
    """
    write: Callable[[dynamodb.DynamoDBBackend, list[_Operation]], None]
    write = _backend.transact_write_items

    @wraps(write)
    def transact_write_items(
        backend: dynamodb.DynamoDBBackend, transact_items: list[_Operation]
    ) -> None:
        before = []
        for operation in transact_items:
            # moto says what is wrong with an operation that has no item here.
            with suppress(KeyError, ValueError):
                before.append(_item_of(backend, operation))
        try:
            write(backend, transact_items)
        except Exception:
            for table, key, item in before:
                _put_back(table, key, item)
            raise

    _backend.transact_write_items = transact_write_items
    # What moto then puts back is the table itself. It also copies tables for backups: none is made.
    _table.__deepcopy__ = lambda table, _: table


_Key = tuple[DynamoType, DynamoType | None]


def _item_of(
    backend: dynamodb.DynamoDBBackend, operation: _Operation
) -> tuple[Table, _Key, Item | None]:
    """Returns a copy of the item that an operation writes, or None, with its table and its key."""
    (write,) = operation.values()
    table, attributes = backend.tables[write["TableName"]], write.get("Key") or write["Item"]
    by_hash = DynamoType(attributes[table.hash_key_attr])
    by_range = DynamoType(attributes[table.range_key_attr]) if table.range_key_attr else None
    return table, (by_hash, by_range), deepcopy(table.get_item(by_hash, by_range))


def _put_back(table: Table, key: _Key, item: Item | None) -> None:
    by_hash, by_range = key
    if item is None:
        table.delete_item(by_hash, by_range)
    else:
        rows: dict[Any, Any] = table.items if by_range is None else table.items[by_hash]
        rows[by_range or by_hash] = item
