"""The JSON of an alert or a digest, which is the same in every channel that machines read."""

from datetime import datetime
from typing import Any

from balance_watch.domain.digest import Digest, Listed, Sum
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
        **({"digest": _digest(notification.digest)} if notification.digest else {}),
    }


def _digest(digest: Digest) -> dict[str, Any]:
    """Returns the JSON of a digest; `more` counts what its lists do not show."""
    return {
        "at": iso_time(digest.at),
        "since": iso_time(digest.since),
        "until": iso_time(digest.until),
        "accounts": digest.accounts,
        "spent": [_sum(it) for it in digest.spent.lines],
        "left": [_sum(it) for it in digest.left.lines],
        "next": [
            {
                "account": it.account,
                "balance": digits(it.balance),
                "currency": it.currency,
                "estimate": it.is_estimate,
                "spent": digits(it.spent),
                "runs_dry_at": _maybe_time(it.runs_dry_at),
            }
            for it in digest.next.lines
        ],
        "firing": [
            {
                "account": it.account,
                "rule": it.rule,
                "severity": it.severity.value,
                "since": iso_time(it.since),
            }
            for it in digest.firing.lines
        ],
        "topped_up": [
            {"account": it.account, "amount": digits(it.amount), "currency": it.currency}
            for it in digest.topped_up.lines
        ],
        "unreadable": [
            {
                "account": it.account,
                "failure": it.failure.value,
                "since": _maybe_time(it.since),
            }
            for it in digest.unreadable.lines
        ],
        "above_usual": [
            {
                "account": it.account,
                "per_day": digits(it.per_day),
                "usual": digits(it.usual),
                "currency": it.currency,
            }
            for it in digest.leaps.lines
        ],
        "more": {name: listed.more for name, listed in _lists(digest).items()},
    }


def _lists(digest: Digest) -> dict[str, Listed[Any]]:
    return {
        "spent": digest.spent,
        "left": digest.left,
        "next": digest.next,
        "firing": digest.firing,
        "topped_up": digest.topped_up,
        "unreadable": digest.unreadable,
        "above_usual": digest.leaps,
    }


def _sum(it: Sum) -> dict[str, Any]:
    return {
        "currency": it.currency,
        "amount": digits(it.amount),
        "accounts": it.accounts,
        "estimate": it.is_estimate,
    }


def _maybe_time(at: datetime | None) -> str | None:
    return None if at is None else iso_time(at)
