"""The provider's own idea of low: its flag, or its threshold, and never the flag alone."""

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
    (said,) = watching().tells(reading("4", provider_flag=True, status="Payment failed"))
    assert (said.rule, said.metric, said.value) == ("provider_flag", "provider_flag", "4")
    assert said.detail == (
        "The provider has set its low-balance flag. The provider says: Payment failed"
    )


def test_a_balance_under_the_providers_own_threshold_fires_though_the_flag_is_not_set() -> None:
    look = reading("4.068", provider_flag=False, provider_threshold=Decimal(10))
    (said,) = watching().tells(look)
    assert (said.rule, said.value, said.threshold) == ("provider_flag", "4.068", Decimal(10))
    assert said.detail == "The threshold set at the provider is 10.00 EUR."


def test_the_providers_threshold_has_its_hysteresis_too() -> None:
    watchman = watching()
    watchman.sees(reading("9", provider_threshold=Decimal(10)))
    assert watchman.sees(reading("10.99", provider_threshold=Decimal(10))) == []
    gone = resolved("sns", "slack:default")
    assert watchman.sees(reading("11", provider_threshold=Decimal(10))) == gone


def test_the_flag_ends_when_the_provider_takes_it_off() -> None:
    watchman = watching()
    watchman.sees(reading("4", provider_flag=True))
    gone = resolved("sns", "slack:default")
    assert watchman.sees(reading("4", provider_flag=False)) == gone


def test_a_flag_that_is_no_longer_told_resolves_nothing() -> None:
    watchman = watching()
    watchman.sees(reading("4", provider_flag=True))
    assert watchman.sees("4") == []


def test_a_reminder_while_unreadable_does_not_make_up_a_flag() -> None:
    watchman = watching(defaults=Defaults(unreadable_after=99))
    watchman.sees(reading("4", provider_flag=True))
    (said,) = watchman.tells(failure(), after=DAY)
    assert (said.reason, said.rule, said.value) == ("reminder", "provider_flag", "4")
