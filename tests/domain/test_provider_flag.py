"""The provider's own measure of low: its flag or its threshold, and never the flag alone."""

from decimal import Decimal

from balance_watch.domain.policy import Defaults
from tests.support.watchman import (
    DAY,
    failure,
    reading,
    watching,
)


def resolved(*channels: str) -> list[str]:
    return [f"resolved {channel}" for channel in channels]


def test_the_providers_flag_fires() -> None:
    (notification,) = watching().notifies(reading("4", provider_flag=True, status="Payment failed"))
    assert (notification.rule, notification.metric, notification.value) == (
        "provider_flag",
        "provider_flag",
        "4",
    )
    assert notification.detail == (
        "The provider has set its low-balance flag. The provider says: Payment failed"
    )


def test_a_balance_under_the_providers_own_threshold_fires_though_the_flag_is_not_set() -> None:
    result = reading("4.068", provider_flag=False, provider_threshold=Decimal(10))
    (notification,) = watching().notifies(result)
    assert (notification.rule, notification.value, notification.threshold) == (
        "provider_flag",
        "4.068",
        Decimal(10),
    )
    assert notification.detail == "The threshold set at the provider is 10.00 EUR."


def test_the_providers_threshold_has_hysteresis_too() -> None:
    watchman = watching()
    watchman.announces(reading("9", provider_threshold=Decimal(10)))
    assert watchman.announces(reading("10.99", provider_threshold=Decimal(10))) == []
    resolution = resolved("sns", "slack:default")
    assert watchman.announces(reading("11", provider_threshold=Decimal(10))) == resolution


def test_the_alert_ends_when_the_provider_clears_its_flag() -> None:
    watchman = watching()
    watchman.announces(reading("4", provider_flag=True))
    resolution = resolved("sns", "slack:default")
    assert watchman.announces(reading("4", provider_flag=False)) == resolution


def test_a_flag_that_is_missing_resolves_nothing() -> None:
    watchman = watching()
    watchman.announces(reading("4", provider_flag=True))
    assert watchman.announces("4") == []


def test_a_reminder_while_unreadable_does_not_invent_a_flag() -> None:
    watchman = watching(defaults=Defaults(unreadable_after=99))
    watchman.announces(reading("4", provider_flag=True))
    (notification,) = watchman.notifies(failure(), after=DAY)
    assert (notification.reason, notification.rule, notification.value) == (
        "reminder",
        "provider_flag",
        "4",
    )
