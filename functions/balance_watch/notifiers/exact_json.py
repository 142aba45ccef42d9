"""The JSON of an alert, which is the same in every channel that machines read."""

from typing import Any

from balance_watch.domain.formatting import digits, iso_time
from balance_watch.domain.notification import Notification


def for_machines(notification: Notification) -> dict[str, Any]:
    """Returns the JSON of the contract: exact numbers as strings, times in UTC, null for unknown.

    Durations are in seconds: `runway`, and `value` and `threshold` of a metric that is a duration.
    """
    observed_at, runway = notification.observed_at, notification.runway
    return {
        "alert_id": notification.alert_id,
        "account": notification.account,
        "provider": notification.provider,
        "rule": notification.rule,
        "metric": notification.metric.value,
        "severity": notification.severity.value,
        "reason": notification.reason.value,
        "value": notification.value,
        "threshold": digits(notification.threshold),
        "currency": notification.currency,
        "balance": digits(notification.balance),
        "observed_at": None if observed_at is None else iso_time(observed_at),
        "since": iso_time(notification.since),
        "runway": None if runway is None else str(int(runway.total_seconds())),
        "labels": dict(notification.labels),
        **({"accounts": list(notification.accounts)} if notification.accounts else {}),
    }
