"""What is owed, as the outbox's items and back: pure."""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from balance_watch.domain.metrics import METRICS
from balance_watch.domain.money import exact
from balance_watch.domain.notification import Notification, OutboxEntry, Reason
from balance_watch.domain.rules import Metric, Severity
from balance_watch.store.items import (
    Item,
    maybe_text,
    maybe_time,
    text_of,
    time_of,
    without_none,
)

OUTBOX = "OUTBOX"


def entry_key(owed: OutboxEntry) -> Item:
    """Returns the key of what is owed: in the order in which it was said, once per channel."""
    said = owed.notification
    return {"pk": OUTBOX, "sk": f"{text_of(said.said_at)}#{said.alert_id}#{owed.channel}"}


def entry_to_item(owed: OutboxEntry) -> Item:
    """Returns the outbox's item: everything that a channel needs to send it."""
    said = owed.notification
    return {
        **entry_key(owed),
        "channel": owed.channel,
        "channels": list(owed.channels),
        "notification": json.dumps(
            without_none(
                {
                    "alert_id": said.alert_id,
                    "account": said.account,
                    "provider": said.provider,
                    "rule": said.rule,
                    "metric": said.metric.value,
                    "severity": said.severity.value,
                    "reason": said.reason.value,
                    "since": text_of(said.since),
                    "said_at": text_of(said.said_at),
                    "ended_at": maybe_text(said.ended_at),
                    "value": said.value,
                    "threshold": _maybe_digits(said.threshold),
                    "currency": said.currency,
                    "balance": _maybe_digits(said.balance),
                    "observed_at": maybe_text(said.observed_at),
                    "labels": dict(said.labels),
                    "detail": said.detail,
                    "trend": [f"{each:f}" for each in said.trend],
                    "per_day": _maybe_digits(said.per_day),
                    "runway": None if said.runway is None else int(said.runway.total_seconds()),
                    "link": said.link,
                }
            ),
            ensure_ascii=False,
        ),
    }


def entry_from_item(item: Mapping[str, Any]) -> OutboxEntry:
    """Returns what an outbox's item owes; one that cannot be understood raises."""
    said = json.loads(item["notification"])
    seconds = said.get("runway")
    if METRICS[Metric(said["metric"])].is_number and "value" in said:
        exact(said["value"])
    return OutboxEntry(
        Notification(
            alert_id=said["alert_id"],
            account=said["account"],
            provider=said["provider"],
            rule=said["rule"],
            metric=Metric(said["metric"]),
            severity=Severity(said["severity"]),
            reason=Reason(said["reason"]),
            since=time_of(said["since"]),
            said_at=time_of(said["said_at"]),
            ended_at=maybe_time(said.get("ended_at")),
            value=said.get("value"),
            threshold=_maybe_number(said.get("threshold")),
            currency=said.get("currency"),
            balance=_maybe_number(said.get("balance")),
            observed_at=maybe_time(said.get("observed_at")),
            labels=dict(said["labels"]),
            detail=said["detail"],
            trend=tuple(Decimal(each) for each in said["trend"]),
            per_day=_maybe_number(said.get("per_day")),
            runway=None if seconds is None else timedelta(seconds=seconds),
            link=said.get("link"),
        ),
        item["channel"],
        tuple(item.get("channels", ())),
    )


def _maybe_digits(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _maybe_number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
