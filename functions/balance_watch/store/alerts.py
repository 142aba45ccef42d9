"""Alerts, as a map within the item of an account's state or of the run: pure."""

from collections.abc import Mapping
from typing import Any

from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.rules import Severity
from balance_watch.store.items import (
    Item,
    number_from,
    seconds_of,
    time_from_seconds,
    without_none,
)


def alert_to_item(alert: Alert) -> Item:
    """Returns the map of an alert."""
    return without_none(
        {
            "rule": alert.rule,
            "severity": alert.severity.value,
            "since": seconds_of(alert.since),
            "firing": alert.firing,
            "told": alert.notified and alert.notified.value,
            "told_at": alert.notified_at and seconds_of(alert.notified_at),
            "fired_at": alert.fired_at and seconds_of(alert.fired_at),
            "fired_as": alert.fired_as and alert.fired_as.value,
            "channels": list(alert.channels),
            "ended_at": alert.ended_at and seconds_of(alert.ended_at),
            "told_by": None if alert.notified_by == alert.rule else alert.notified_by,
            "worse_at": alert.worsened_at and seconds_of(alert.worsened_at),
            "eased_to": alert.eased_to and alert.eased_to.value,
            "number": alert.told_number,
            "partly": True if alert.told_blind is False else None,
        }
    )


def alert_from_item(item: Mapping[str, Any]) -> Alert:
    """Returns the alert of a map; raises one of MALFORMED_ITEM."""
    return Alert(
        rule=item["rule"],
        severity=Severity(item["severity"]),
        since=time_from_seconds(item["since"]),
        firing=item["firing"],
        notified=Severity(item["told"]) if "told" in item else None,
        notified_at=time_from_seconds(item["told_at"]) if "told_at" in item else None,
        fired_at=time_from_seconds(item["fired_at"]) if "fired_at" in item else None,
        fired_as=Severity(item["fired_as"]) if "fired_as" in item else None,
        channels=tuple(item["channels"]),
        ended_at=time_from_seconds(item["ended_at"]) if "ended_at" in item else None,
        notified_by=item.get("told_by"),
        worsened_at=time_from_seconds(item["worse_at"]) if "worse_at" in item else None,
        eased_to=Severity(item["eased_to"]) if "eased_to" in item else None,
        told_number=number_from(item["number"]) if "number" in item else None,
        told_blind=False if item.get("partly") is True else None,
    )
