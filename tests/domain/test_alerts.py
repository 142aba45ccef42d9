"""The life of an alert: fired once, reminded of, worsened, resolved to every notified channel."""

from decimal import Decimal

from msgspec.structs import replace

from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.rules import Metric, Severity
from tests.support.watchman import (
    ACCOUNT,
    DAY,
    HOUR,
    LINK,
    START,
    TICK,
    Watchman,
    below,
    reading,
    watching,
)

EVERYWHERE = ["fired sns", "fired slack:default"]
CRITICAL = below("5", name="nearly empty", severity=Severity.CRITICAL)
ONCALL = Route({"severity": "critical"}, ("sns", "slack:oncall"))


def resolved(*channels: str) -> list[str]:
    return [f"resolved {channel}" for channel in channels]


def test_a_breach_is_announced_once_to_every_channel() -> None:
    watchman = watching(below("20"))
    assert watchman.announces("19.99") == EVERYWHERE
    assert watchman.announces("18") == []
    assert watchman.announces("17") == []


def test_an_accounts_own_threshold_is_critical() -> None:
    watchman = Watchman(account=replace(ACCOUNT, alert_below=Decimal(50)))
    (notification,) = watchman.notifies("49")
    assert (notification.rule, notification.severity, notification.threshold) == (
        "alert_below",
        "critical",
        Decimal(50),
    )


def test_a_notification_contains_the_facts_needed_to_act() -> None:
    watchman = watching(below("20"))
    watchman.announces("31.2")
    (notification,) = watchman.notifies("8.2", after=HOUR)
    assert (notification.account, notification.provider, notification.rule) == (
        "sms",
        "vonage",
        "low balance",
    )
    assert (notification.value, notification.balance, notification.threshold) == (
        "8.2",
        Decimal("8.2"),
        Decimal(20),
    )
    assert (notification.currency, notification.labels, notification.link) == (
        "EUR",
        {"team": "messaging"},
        LINK,
    )
    assert notification.trend == (Decimal("31.2"), Decimal("8.2"))
    assert notification.since == notification.said_at == notification.observed_at == START + HOUR


def test_a_reminder_comes_after_the_time_that_the_policy_sets() -> None:
    watchman = watching(below("20"))
    watchman.announces("10")
    assert watchman.announces("9", after=DAY - TICK) == []
    assert watchman.announces("8") == ["reminder sns", "reminder slack:default"]
    assert watchman.announces("7", after=DAY - TICK) == []
    assert watchman.announces("6") == ["reminder sns", "reminder slack:default"]


def test_a_reminder_says_since_when() -> None:
    watchman = watching(below("20"))
    watchman.announces("10")
    (notification,) = watchman.notifies("9", after=DAY)
    assert (notification.since, notification.said_at) == (START, START + DAY)


def test_reminders_can_be_turned_off() -> None:
    watchman = watching(below("20"), defaults=Defaults(reminder=None))
    watchman.announces("10")
    assert watchman.announces("9", after=365 * DAY) == []


def test_a_graver_rule_worsens_the_alert_at_once() -> None:
    watchman = watching(below("20"), CRITICAL)
    watchman.announces("10")
    (notification,) = watchman.notifies("4")
    assert (notification.reason, notification.rule, notification.severity) == (
        "worsened",
        "nearly empty",
        "critical",
    )
    assert notification.threshold == Decimal(5)


def test_two_rules_breached_at_once_are_one_alert_at_the_gravest_severity() -> None:
    watchman = watching(below("20"), CRITICAL)
    (notification,) = watchman.notifies("4")
    assert (notification.reason, notification.severity) == ("fired", "critical")


def test_an_equally_grave_rule_announces_nothing() -> None:
    watchman = watching(below("20"), below("10", name="lower"))
    watchman.announces("15")
    assert watchman.announces("9") == []


def test_a_less_grave_rule_announces_nothing() -> None:
    watchman = watching(below("20"), CRITICAL)
    watchman.announces("4")
    assert watchman.announces("10") == []
    assert watchman.announces("4") == []


def test_each_metric_has_an_alert_of_its_own() -> None:
    points = below("100", name="few points", metric=Metric.POINTS)
    watchman = watching(below("20"), points)
    watchman.announces(reading("10", points=Decimal(500)))
    (notification,) = watchman.notifies(reading("10", points=Decimal(99)))
    assert (notification.reason, notification.metric, notification.value) == (
        "fired",
        "points",
        "99",
    )


def test_a_worsened_alert_also_goes_to_the_channels_notified_before() -> None:
    watchman = watching(below("20"), CRITICAL, routes=(ONCALL,))
    watchman.announces("10")
    assert watchman.announces("4") == [
        "worsened sns",
        "worsened slack:oncall",
        "worsened slack:default",
    ]


def test_the_end_goes_to_every_channel_that_was_notified() -> None:
    watchman = watching(below("20"), CRITICAL, routes=(ONCALL,))
    watchman.announces("10")
    watchman.announces("4")
    assert watchman.announces("100") == resolved("sns", "slack:oncall", "slack:default")
    assert watchman.announces("101") == []


def test_the_end_goes_to_the_channels_notified_before_though_the_routes_have_changed() -> None:
    watchman = watching(below("20"), CRITICAL, routes=(ONCALL,))
    watchman.announces("4")
    watchman.policy = replace(watchman.policy, routes=(Route({}, ("slack:default",)),))
    assert watchman.announces("100") == resolved("sns", "slack:oncall")


def test_removing_a_rule_resolves_its_alert_and_says_why() -> None:
    watchman = watching(below("20"))
    watchman.announces("10")
    watchman.policy = Policy()
    (notification,) = watchman.notifies("10")
    assert (notification.reason, notification.rule) == ("resolved", "low balance")
    assert notification.detail == "The rule no longer applies to this account."


def test_numbers_of_another_currency_are_not_in_the_same_plot() -> None:
    watchman = watching(below("20"))
    watchman.announces("500")
    watchman.account = replace(watchman.account, currency="USD")
    (notification,) = watchman.notifies(reading("10", currency="USD"), after=HOUR)
    assert (notification.currency, notification.trend) == ("USD", (Decimal(10),))
