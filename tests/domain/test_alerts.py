"""What an alert does: fired once, reminded of, made worse, resolved to all who were told."""

from dataclasses import replace
from decimal import Decimal

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


def test_a_breach_is_told_once_to_every_channel() -> None:
    watchman = watching(below("20"))
    assert watchman.sees("19.99") == EVERYWHERE
    assert watchman.sees("18") == []
    assert watchman.sees("17") == []


def test_an_accounts_own_threshold_is_critical() -> None:
    watchman = Watchman(account=replace(ACCOUNT, alert_below=Decimal(50)))
    (said,) = watchman.tells("49")
    assert (said.rule, said.severity, said.threshold) == ("alert_below", "critical", Decimal(50))


def test_a_notification_holds_the_facts_needed_to_act() -> None:
    watchman = watching(below("20"))
    watchman.sees("31.2")
    (said,) = watchman.tells("8.2", after=HOUR)
    assert (said.account, said.provider, said.rule) == ("sms", "vonage", "low balance")
    assert (said.value, said.balance, said.threshold) == ("8.2", Decimal("8.2"), Decimal(20))
    assert (said.currency, said.labels, said.link) == ("EUR", {"team": "messaging"}, LINK)
    assert said.trend == (Decimal("31.2"), Decimal("8.2"))
    assert said.since == said.said_at == said.observed_at == START + HOUR


def test_a_reminder_comes_after_the_silence_that_was_asked_for() -> None:
    watchman = watching(below("20"))
    watchman.sees("10")
    assert watchman.sees("9", after=DAY - TICK) == []
    assert watchman.sees("8") == ["reminder sns", "reminder slack:default"]
    assert watchman.sees("7", after=DAY - TICK) == []
    assert watchman.sees("6") == ["reminder sns", "reminder slack:default"]


def test_a_reminder_says_since_when() -> None:
    watchman = watching(below("20"))
    watchman.sees("10")
    (said,) = watchman.tells("9", after=DAY)
    assert (said.since, said.said_at) == (START, START + DAY)


def test_reminders_can_be_left_out() -> None:
    watchman = watching(below("20"), defaults=Defaults(reminder=None))
    watchman.sees("10")
    assert watchman.sees("9", after=365 * DAY) == []


def test_a_graver_rule_makes_it_worse_at_once() -> None:
    watchman = watching(below("20"), CRITICAL)
    watchman.sees("10")
    (said,) = watchman.tells("4")
    assert (said.reason, said.rule, said.severity) == ("worsened", "nearly empty", "critical")
    assert said.threshold == Decimal(5)


def test_two_rules_breached_at_once_are_one_alert_at_the_gravest_severity() -> None:
    watchman = watching(below("20"), CRITICAL)
    (said,) = watchman.tells("4")
    assert (said.reason, said.severity) == ("fired", "critical")


def test_an_equally_grave_rule_says_nothing_new() -> None:
    watchman = watching(below("20"), below("10", name="lower"))
    watchman.sees("15")
    assert watchman.sees("9") == []


def test_a_less_grave_state_is_no_news() -> None:
    watchman = watching(below("20"), CRITICAL)
    watchman.sees("4")
    assert watchman.sees("10") == []
    assert watchman.sees("4") == []


def test_metrics_are_alerts_of_their_own() -> None:
    points = below("100", name="few points", metric=Metric.POINTS)
    watchman = watching(below("20"), points)
    watchman.sees(reading("10", points=Decimal(500)))
    (said,) = watchman.tells(reading("10", points=Decimal(99)))
    assert (said.reason, said.metric, said.value) == ("fired", "points", "99")


def test_what_is_worse_is_also_told_to_those_who_heard_of_it_first() -> None:
    watchman = watching(below("20"), CRITICAL, routes=(ONCALL,))
    watchman.sees("10")
    assert watchman.sees("4") == ["worsened sns", "worsened slack:oncall", "worsened slack:default"]


def test_everyone_who_was_told_is_told_that_it_is_over() -> None:
    watchman = watching(below("20"), CRITICAL, routes=(ONCALL,))
    watchman.sees("10")
    watchman.sees("4")
    assert watchman.sees("100") == resolved("sns", "slack:oncall", "slack:default")
    assert watchman.sees("101") == []


def test_who_was_told_is_told_the_end_though_the_routes_have_changed() -> None:
    watchman = watching(below("20"), CRITICAL, routes=(ONCALL,))
    watchman.sees("4")
    watchman.policy = replace(watchman.policy, routes=(Route({}, ("slack:default",)),))
    assert watchman.sees("100") == resolved("sns", "slack:oncall")


def test_a_rule_that_is_gone_resolves_its_alert_and_says_why() -> None:
    watchman = watching(below("20"))
    watchman.sees("10")
    watchman.policy = Policy()
    (said,) = watchman.tells("10")
    assert (said.reason, said.rule) == ("resolved", "low balance")
    assert said.detail == "The rule no longer applies to this account."


def test_numbers_of_another_currency_do_not_stand_in_one_plot() -> None:
    watchman = watching(below("20"))
    watchman.sees("500")
    (said,) = watchman.tells(reading("10", currency="USD"), after=HOUR)
    assert (said.currency, said.trend) == ("USD", (Decimal(10),))
