"""Balances that fall, and what is announced about their runway."""

from decimal import Decimal

from balance_watch.domain.notification import Notification
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import AutoReload
from balance_watch.domain.rules import Metric
from tests.support.watchman import ACCOUNT, HOUR, Watchman, reading

THREE, ONE = Decimal(3 * 86400), Decimal(86400)
"""Three days and one, in seconds: the thresholds of the two tiers."""

RELOADS = AutoReload(enabled=True, threshold=Decimal(1), amount=Decimal(50))
(RULE,) = (rule for rule in Policy().rules_for(ACCOUNT) if rule.name == "runs_dry")


def dries(watchman: Watchman) -> list[Notification]:
    """Returns every notification about the runway, once."""
    notifications = (entry.notification for entry in watchman.entries if entry.channel == "sns")
    return [each for each in notifications if each.metric is Metric.RUNWAY]


def announcements(watchman: Watchman) -> list[tuple[str, str]]:
    """Returns the reason and the severity of each of them."""
    return [
        (notification.reason.value, notification.severity.value) for notification in dries(watchman)
    ]


def falls(watchman: Watchman, balance: str, per_hour: str, hours: int, **facts: object) -> None:
    """Shows a balance that falls hour by hour, for so many hours."""
    for hour in range(hours):
        left = Decimal(balance) - hour * Decimal(per_hour)
        watchman.check(reading(f"{left}", **facts), HOUR)


def is_grave(watchman: Watchman) -> bool:
    """Tells whether the critical tier holds."""
    return watchman.state.rules["runs_dry"].grave


def shows(watchman: Watchman, *balances: str) -> None:
    for balance in balances:
        watchman.check(balance, HOUR)
