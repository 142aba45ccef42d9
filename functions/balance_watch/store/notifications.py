"""A notification as JSON, within an outbox entry or an event."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from balance_watch.domain.formatting import digits
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.money import exact
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.rules import Metric, Severity
from balance_watch.store.digests import maybe_digest_from_json, maybe_digest_to_json
from balance_watch.store.items import maybe_text, maybe_time, text_of, time_of, without_none


def notification_to_json(notification: Notification) -> dict[str, Any]:
    """Returns all of a notification as JSON."""
    runway = notification.runway
    return without_none(
        {
            "alert_id": notification.alert_id,
            "account": notification.account,
            "provider": notification.provider,
            "rule": notification.rule,
            "metric": notification.metric.value,
            "severity": notification.severity.value,
            "reason": notification.reason.value,
            "since": text_of(notification.since),
            "said_at": text_of(notification.said_at),
            "ended_at": maybe_text(notification.ended_at),
            "value": notification.value,
            "threshold": digits(notification.threshold),
            "currency": notification.currency,
            "balance": digits(notification.balance),
            "observed_at": maybe_text(notification.observed_at),
            "labels": dict(notification.labels),
            "detail": notification.detail,
            "trend": [f"{balance:f}" for balance in notification.trend],
            "per_day": digits(notification.per_day),
            "runway": None if runway is None else int(runway.total_seconds()),
            "link": notification.link,
            "another": True if notification.another else None,
            "accounts": list(notification.accounts) or None,
            "mentions": list(notification.mentions) or None,
            "digest": maybe_digest_to_json(notification.digest),
            "purse": notification.purse,
        }
    )


def notification_from_json(fields: Mapping[str, Any]) -> Notification:
    """Returns the notification of its JSON; raises one of MALFORMED_ITEM."""
    runway = fields.get("runway")
    if METRICS[Metric(fields["metric"])].is_number and "value" in fields:
        exact(fields["value"])
    return Notification(
        alert_id=fields["alert_id"],
        account=fields["account"],
        provider=fields["provider"],
        rule=fields["rule"],
        metric=Metric(fields["metric"]),
        severity=Severity(fields["severity"]),
        reason=Reason(fields["reason"]),
        since=time_of(fields["since"]),
        said_at=time_of(fields["said_at"]),
        ended_at=maybe_time(fields.get("ended_at")),
        value=fields.get("value"),
        threshold=_maybe_number(fields.get("threshold")),
        currency=fields.get("currency"),
        balance=_maybe_number(fields.get("balance")),
        observed_at=maybe_time(fields.get("observed_at")),
        labels=dict(fields["labels"]),
        detail=fields["detail"],
        trend=tuple(Decimal(balance) for balance in fields["trend"]),
        per_day=_maybe_number(fields.get("per_day")),
        runway=None if runway is None else timedelta(seconds=runway),
        link=fields.get("link"),
        another=fields.get("another", False),
        accounts=tuple(fields.get("accounts", ())),
        mentions=tuple(fields.get("mentions", ())),
        digest=maybe_digest_from_json(fields.get("digest")),
        purse=fields.get("purse"),
    )


def _maybe_number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
