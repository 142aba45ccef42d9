"""What is worse again is news: a tier that had cleared, and a number far past the one told."""

from datetime import UTC, time, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric, Rule, Severity
from balance_watch.domain.silences import MuteTime, Silence
from tests.support.watchman import DAY, HOUR, START, Watchman, below, reading, watching

FIRED = ["fired sns", "fired slack:default"]
WORSENED = ["worsened sns", "worsened slack:default"]
RESOLVED = ["resolved sns", "resolved slack:default"]
QUIET = Defaults(reminder=None, runs_dry=(), empty=False)
GAP = QUIET.minimum_gap
ALWAYS = MuteTime(frozenset(range(7)), time(0), time(0), UTC, {})
LOW, DRY = below("100", name="low"), below("20", name="dry", severity=Severity.CRITICAL)


def tiers() -> Watchman:
    """Warning below 100, critical below 20, no reminder, nothing else."""
    return watching(LOW, DRY, defaults=QUIET)


def test_a_second_fall_below_the_graver_threshold_is_told_once_in_the_gap() -> None:
    """From the issue: 15, then 60, then 15, 5, 0 said nothing but the first."""
    watchman = tiers()
    assert watchman.announces("15") == FIRED
    assert watchman.announces("60") == []
    assert watchman.announces("15", GAP) == WORSENED
    assert watchman.entries[-1].notification.severity is Severity.CRITICAL
    assert watchman.announces("15") == []


def test_within_the_gap_the_second_fall_waits_for_its_end() -> None:
    watchman = tiers()
    watchman.announces("15")
    watchman.announces("60")
    assert watchman.announces("15") == []
    assert watchman.announces("15", GAP) == WORSENED


def test_a_graver_rule_that_has_not_recovered_is_no_news_when_it_falls_again() -> None:
    watchman = tiers()
    watchman.announces("15")
    watchman.announces("21")
    assert watchman.announces("15", 2 * GAP) == []


def test_a_third_fall_is_told_a_gap_after_the_second() -> None:
    watchman = tiers()
    watchman.announces("15")
    watchman.announces("60")
    watchman.announces("15", GAP)
    watchman.announces("60")
    assert watchman.announces("15") == []
    assert watchman.announces("15", GAP) == WORSENED


@pytest.mark.parametrize("number", ["7.5", "7", "0", "-3"])
def test_a_number_at_half_of_the_one_told_speaks_within_the_gap(number: str) -> None:
    watchman = tiers()
    watchman.announces("15")
    assert watchman.announces("7.6") == []
    assert watchman.announces(number) == WORSENED
    assert watchman.announces(number) == []


def test_a_balance_that_falls_by_and_by_speaks_at_each_half_and_at_nothing() -> None:
    watchman = watching(below("100"), defaults=QUIET)
    said = [n for n in range(99, -1, -1) if watchman.announces(str(n))]
    assert said == [99, 49, 24, 12, 6, 3, 1, 0]


def test_a_number_that_is_below_nothing_says_no_more() -> None:
    watchman = tiers()
    watchman.announces("0")
    assert watchman.announces("-5") == []
    assert watchman.announces("-50") == []


def test_an_episode_within_the_gap_speaks_if_its_number_is_far_past_the_one_told() -> None:
    watchman = watching(below("100"), defaults=QUIET)
    assert watchman.announces("90") == FIRED
    assert watchman.announces("120") == RESOLVED
    assert watchman.announces("80") == []
    assert watchman.announces("45") == FIRED


def test_a_rate_that_falls_is_no_bad_news() -> None:
    rule = Rule("high", Metric.BALANCE, above=Decimal(10))
    watchman = watching(rule, defaults=QUIET)
    watchman.announces("100")
    assert watchman.announces("40") == []


def test_the_end_carries_the_gravest_severity_and_the_rule_it_was_told_by() -> None:
    watchman = tiers()
    watchman.announces("15")
    watchman.announces("60")
    (notification,) = watchman.notifies("150")
    assert (notification.severity, notification.rule) == ("critical", "dry")
    assert notification.threshold == 20


def test_a_mute_time_does_not_hold_back_the_end_of_what_was_told() -> None:
    watchman = watching(below("20"), defaults=QUIET)
    assert watchman.announces("8") == FIRED
    watchman.policy = replace(watchman.policy, mute_times=(ALWAYS,))
    assert watchman.announces("50") == RESOLVED


def test_a_mute_time_holds_back_the_beginning_and_then_there_is_no_end() -> None:
    watchman = watching(below("20"), defaults=QUIET, mute_times=(ALWAYS,))
    assert watchman.announces("8") == []
    assert watchman.announces("50") == []


def test_a_silence_holds_back_the_end_until_it_is_over() -> None:
    watchman = watching(below("20"), defaults=QUIET)
    watchman.announces("8")
    until = START + 2 * HOUR
    watchman.silences = [Silence("s", {"account": "sms"}, until, "known", START)]
    assert watchman.announces("50") == []
    assert watchman.announces("50", 3 * HOUR) == RESOLVED


def edited(watchman: Watchman, rule: Rule) -> None:
    watchman.policy = replace(watchman.policy, rules=(rule,))


def test_an_alert_whose_threshold_is_lowered_under_the_balance_ends() -> None:
    watchman = watching(below("100"), defaults=QUIET)
    watchman.announces("50")
    edited(watchman, below("48"))
    assert watchman.announces("50") == RESOLVED


def test_an_alert_whose_own_threshold_is_lowered_under_the_balance_ends() -> None:
    watchman = Watchman(Policy(QUIET))
    watchman.account = replace(watchman.account, alert_below=Decimal(100))
    assert watchman.announces("50") == FIRED
    watchman.account = replace(watchman.account, alert_below=Decimal(48))
    assert watchman.announces("50") == RESOLVED


def test_a_threshold_that_the_provider_lowers_under_the_balance_ends_its_alert() -> None:
    def shown(threshold: str) -> Reading:
        return reading("50", provider_threshold=Decimal(threshold))

    watchman = watching(defaults=QUIET)
    assert watchman.announces(shown("100")) == FIRED
    assert watchman.announces(shown("48")) == RESOLVED


def test_an_alert_whose_threshold_is_lowered_above_the_balance_goes_on_in_silence() -> None:
    watchman = watching(below("100"), defaults=QUIET)
    watchman.announces("50")
    edited(watchman, below("60"))
    assert watchman.announces("50") == []
    assert watchman.state.alerts[Metric.BALANCE].since == START


def test_a_threshold_that_is_raised_keeps_the_alert_until_its_recovery() -> None:
    watchman = watching(below("100"), defaults=QUIET)
    watchman.announces("50")
    watchman.announces("105")
    edited(watchman, below("104"))
    assert watchman.announces("105") == []


def test_a_critical_tier_that_is_lowered_under_the_number_eases() -> None:
    rule = below("100", critical_below=Decimal(50))
    watchman = watching(rule, defaults=QUIET)
    watchman.announces("45")
    edited(watchman, replace(rule, critical_below=Decimal(44)))
    watchman.announces("45")
    assert watchman.state.alerts[Metric.BALANCE].severity is Severity.WARNING


@pytest.mark.parametrize("reminder", [None, DAY])
def test_a_number_that_was_reminded_of_is_the_one_told(reminder: timedelta | None) -> None:
    watchman = watching(below("100"), defaults=replace(QUIET, reminder=reminder))
    watchman.announces("90")
    watchman.announces("50", DAY)
    assert bool(watchman.announces("40")) is (reminder is None)


def test_each_worsening_goes_where_its_severity_is_routed() -> None:
    route = Route({"severity": "critical"}, ("slack:oncall",))
    watchman = watching(LOW, DRY, defaults=QUIET, routes=(route,))
    watchman.announces("60")
    assert watchman.announces("15") == [
        "worsened slack:oncall",
        "worsened sns",
        "worsened slack:default",
    ]
