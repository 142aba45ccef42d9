"""Readings, as items of an account's history or as a map within its state: pure."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from balance_watch.domain.credit import OpenCosts
from balance_watch.domain.formatting import digits
from balance_watch.domain.money import exact
from balance_watch.domain.reading import AutoReload, Estimate, Reading
from balance_watch.store.items import (
    Item,
    account_key,
    maybe_text,
    maybe_time,
    number_from,
    text_of,
    time_of,
    without_none,
)

_PREFIX = "AT#"


def reading_sort(at: datetime) -> str:
    """Returns the sort key of a tick's reading; readings sort by time.

    A tick has one reading of an account, however often it is written.
    """
    return f"{_PREFIX}{text_of(at)}"


def reading_time(sort: str) -> datetime:
    """Returns the time of the reading with this sort key."""
    return time_of(sort.removeprefix(_PREFIX))


def reading_to_item(account: str, reading: Reading, days: int) -> Item:
    """Returns the item of a reading in an account's history; it expires after so many days."""
    return {
        "pk": account_key(account),
        "sk": reading_sort(reading.observed_at),
        **reading_to_map(reading),
        "expires_at": int((reading.observed_at + timedelta(days=days)).timestamp()),
    }


def reading_from_item(item: Mapping[str, Any]) -> Reading:
    """Returns the reading of an item in an account's history."""
    return reading_from_map(item, reading_time(item["sk"]))


def reading_to_map(reading: Reading) -> Item:
    """Returns the attributes of a reading, all but its time.

    Their names are short: over 400 days of readings, names are a good part of what is stored and
    paid for.
    """
    auto = reading.auto_reload
    return without_none(
        {
            "bal": reading.balance,
            "cur": reading.currency,
            "credits": reading.credits,
            "points": reading.points,
            "flag": reading.provider_flag,
            "limit": reading.provider_threshold,
            "reload": auto and auto.enabled,
            "reload_at": auto and auto.threshold,
            "reload_by": auto and auto.amount,
            "as_of": maybe_text(reading.provider_time),
            "status": reading.status,
            "credit": reading.credit_limit,
            "expires": maybe_text(reading.expires_at),
            "costs": _estimate_to_text(reading.estimate),
            "open": _open_to_text(reading.estimate),
            "renews": reading.renews,
            "resets": maybe_text(reading.resets_at),
        }
    )


def reading_from_map(item: Mapping[str, Any], observed_at: datetime) -> Reading:
    """Returns the reading of these attributes; raises one of MALFORMED_ITEM."""
    reload = item.get("reload")
    return Reading(
        observed_at=observed_at,
        balance=number_from(item["bal"]),
        currency=item["cur"],
        credits=item.get("credits"),
        points=item.get("points"),
        provider_flag=item.get("flag"),
        provider_threshold=item.get("limit"),
        auto_reload=None
        if reload is None
        else AutoReload(reload, item.get("reload_at"), item.get("reload_by")),
        provider_time=maybe_time(item.get("as_of")),
        status=item.get("status"),
        credit_limit=item.get("credit"),
        expires_at=maybe_time(item.get("expires")),
        estimate=_estimate_from_text(item.get("costs"), item.get("open")),
        renews=item.get("renews"),
        resets_at=maybe_time(item.get("resets")),
    )


def _estimate_to_text(estimate: Estimate | None) -> str | None:
    if estimate is None:
        return None
    return f"{estimate.since.toordinal()} {digits(estimate.cost)} {digits(estimate.bought)}"


def _open_to_text(estimate: Estimate | None) -> str | None:
    if estimate is None or estimate.open is None:
        return None
    since, cost = estimate.open
    return f"{since.toordinal()} {digits(cost)} {digits(estimate.corrected)}"


def _estimate_from_text(text: str | None, open_text: str | None) -> Estimate | None:
    if text is None:
        return None
    day, cost, bought = text.split(" ")
    estimate = Estimate(date.fromordinal(int(day)), exact(cost), exact(bought))
    if open_text is None:
        return estimate
    since, open_cost, corrected = open_text.split(" ")
    still_open = OpenCosts(date.fromordinal(int(since)), exact(open_cost))
    return estimate._replace(open=still_open, corrected=exact(corrected))
