"""The last valid policy, which is in force while the parameter is invalid or cannot be read."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.store.items import Item
from balance_watch.store.table import Table, deserialize, serialize

_KEY: Item = {"pk": "POLICY", "sk": "LAST_GOOD"}

_log = logging.getLogger(__name__)


class Policies:
    """The last valid policy in a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def last_good(self) -> str | None:
        """Returns the text of the last valid policy, or None if none was kept yet."""
        response = self._table.client.get_item(TableName=self._table.name, Key=serialize(_KEY))
        return deserialize(response["Item"])["text"] if "Item" in response else None

    def keep(self, text: str) -> bool:
        """Keeps the text of a valid policy; returns False if it could not be stored."""
        item = serialize({**_KEY, "text": text})
        try:
            self._table.client.put_item(TableName=self._table.name, Item=item)
        except (BotoCoreError, ClientError) as error:
            _log.error("policy not stored", extra={"why": type(error).__name__})
            return False
        return True
