"""Presses of buttons, one item an alert: the first press for each deed, so that none is done twice.

A press is stored first, then its effect, and then that the effect is stored. A process that dies in
between leaves a press that is not done: whoever presses next stores its effect, which is the same
however often it is stored.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from balance_watch.domain.press import Deed, Person, Press
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    maybe_text,
    maybe_time,
    text_of,
    time_of,
    without_none,
)
from balance_watch.store.table import Table, serialize

_PREFIX = "PRESS#"

_KEPT = timedelta(days=400)
"""How long a press is kept: longer than people press buttons of a message."""

_log = logging.getLogger(__name__)


class Presses:
    """The presses in a table; safe to use from several threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, alert_ids: Iterable[str]) -> dict[str, tuple[Press, ...]]:
        """Returns the presses of each of these alerts that has any, by the alert's id."""
        keys = [_key(alert_id) for alert_id in dict.fromkeys(alert_ids)]
        items = self._table.read(keys) if keys else ()
        return {str(item["pk"]).removeprefix(_PREFIX): _from_item(item) for item in items}

    def claim(self, alert_id: str, press: Press) -> bool:
        """Stores the first press for a deed; False if there is one already."""
        try:
            self._table.client.update_item(
                TableName=self._table.name,
                Key=serialize(_key(alert_id)),
                UpdateExpression="SET #deed = :press, expires_at = :expires_at",
                ConditionExpression="attribute_not_exists(#deed)",
                ExpressionAttributeNames={"#deed": press.deed.value},
                ExpressionAttributeValues=serialize(
                    {
                        ":press": _to_map(press),
                        ":expires_at": int((press.at + _KEPT).timestamp()),
                    }
                ),
            )
        except self._table.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def mark_done(self, alert_id: str, deed: Deed) -> None:
        """Stores that the effect of a press is stored."""
        self._table.client.update_item(
            TableName=self._table.name,
            Key=serialize(_key(alert_id)),
            UpdateExpression="SET #deed.done = :yes",
            ExpressionAttributeNames={"#deed": deed.value},
            ExpressionAttributeValues=serialize({":yes": True}),
        )


def _key(alert_id: str) -> Item:
    return {"pk": f"{_PREFIX}{alert_id}", "sk": "PRESS"}


def _to_map(press: Press) -> Item:
    return without_none(
        {
            "by": press.by.id,
            "name": press.by.name,
            "at": text_of(press.at),
            "until": maybe_text(press.until),
            "done": press.is_done,
        }
    )


def _from_item(item: Mapping[str, Any]) -> tuple[Press, ...]:
    presses = []
    for deed in Deed:
        if deed.value not in item:
            continue
        try:
            presses.append(_from_map(deed, item[deed.value]))
        except MALFORMED_ITEM as error:
            facts = {"item": item["pk"], "why": type(error).__name__}
            _log.error("malformed press", extra=facts)
    return tuple(presses)


def _from_map(deed: Deed, item: Mapping[str, Any]) -> Press:
    return Press(
        deed,
        Person(str(item["by"]), str(item["name"])),
        time_of(item["at"]),
        maybe_time(item.get("until")),
        item.get("done") is True,
    )
