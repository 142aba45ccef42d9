"""The costs of settled days, an item for each account whose provider tells costs."""

import logging
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.account import Account
from balance_watch.domain.credit import SettledCosts
from balance_watch.domain.formatting import digits
from balance_watch.domain.money import exact
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    account_key,
    account_of,
    maybe_text,
    maybe_time,
    number_from,
    seconds_of,
    text_of,
    time_of,
    without_none,
)
from balance_watch.store.table import Table, WriteRequest, batches, serialize

_log = logging.getLogger(__name__)

_SORT = "COSTS"
_KEPT = timedelta(days=30)
"""They are written anew every day, so those of an account that was removed go after a month."""


class Costs:
    """The settled costs in a table; safe to use from several threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def settled(self, accounts: Iterable[Account]) -> dict[str, SettledCosts]:
        """Returns what is known of each account's settled days, by its name.

        What cannot be read, or is of another purse, is not known: it is asked for again.
        """
        by_name = {it.name: it for it in accounts}
        known: dict[str, SettledCosts] = {}
        try:
            items = list(self._table.read([_key(name) for name in by_name]))
        except (BotoCoreError, ClientError, TimeoutError) as error:
            _log.error("costs not read", extra={"why": type(error).__name__})
            return known
        for item in items:
            name = account_of(item)
            try:
                if item.get("purse") == by_name[name].purse:
                    known[name] = costs_from_item(item)
            except MALFORMED_ITEM as error:
                facts = {"account": name, "why": type(error).__name__}
                _log.error("malformed costs: they are asked for again", extra=facts)
        return known

    def save(self, settled: Iterable[tuple[Account, SettledCosts]], until: float) -> None:
        """Stores settled days, 25 items to a call; what fails is asked for again by the next run.

        Args:
            settled: the costs of each account.
            until: a time on the clock; no call begins at or after it.
        """
        requests: list[tuple[str, WriteRequest]] = [
            (account.name, {"PutRequest": {"Item": serialize(costs_to_item(account, costs))}})
            for account, costs in settled
        ]
        for batch in batches(requests):
            if not self._table.write([request for _, request in batch], until):
                _log.warning("costs not stored", extra={"accounts": [name for name, _ in batch]})


def costs_to_item(account: Account, costs: SettledCosts) -> Item:
    """Returns the item of an account's settled days."""
    days = sorted(costs.days.items())
    return without_none(
        {
            **_key(account.name),
            "purse": account.purse,
            "since": costs.since.isoformat(),
            "until": costs.until.isoformat(),
            "asked_at": text_of(costs.asked_at),
            "cur": costs.currency,
            "days": " ".join(f"{day.toordinal()}:{digits(cost)}" for day, cost in days if cost),
            "limit": costs.limit,
            "limit_at": maybe_text(costs.limit_at),
            "expires_at": seconds_of(costs.asked_at + _KEPT),
        }
    )


def costs_from_item(item: Mapping[str, Any]) -> SettledCosts:
    """Returns the settled days of an item; raises one of MALFORMED_ITEM."""
    pairs = (each.split(":") for each in item["days"].split())
    return SettledCosts(
        since=date.fromisoformat(item["since"]),
        until=date.fromisoformat(item["until"]),
        asked_at=time_of(item["asked_at"]),
        currency=str(item["cur"]),
        days={date.fromordinal(int(day)): exact(cost) for day, cost in pairs},
        limit=number_from(item["limit"]) if "limit" in item else None,
        limit_at=maybe_time(item.get("limit_at")),
    )


def _key(account: str) -> Item:
    return {"pk": account_key(account), "sk": _SORT}
