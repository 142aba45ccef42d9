"""The two tiers of the built-in rule `runs_dry`, their hysteresis, and their configuration."""

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.evaluation import advance_rule, evaluate
from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.rules import (
    Evaluation,
    Measurements,
    Metric,
    Rule,
    RuleStatus,
    Severity,
)
from balance_watch.domain.silences import Silence
from tests.support.runway import ONE, RULE, THREE, announcements, dries, falls, is_grave, shows
from tests.support.watchman import (
    ACCOUNT,
    DAY,
    HOUR,
    START,
    Watchman,
    reading,
    watching,
)

if TYPE_CHECKING:
    from balance_watch.domain.state import RuleState


def lasting(hours: int, *, firing: bool = False, grave: bool = False) -> Evaluation:
    numbers = {Metric.RUNWAY: Decimal(hours * 3600)}
    measurements = Measurements(reading("8"), numbers=numbers, per_day=Decimal(1))
    return evaluate(RULE, measurements, firing=firing, grave=grave)


@pytest.mark.parametrize(
    ("hours", "firing", "grave", "status", "severity"),
    [
        (72, False, False, "ok", None),
        (71, False, False, "breached", None),
        (24, False, False, "breached", None),
        (23, False, False, "breached", "critical"),
        (79, True, False, "breached", None),
        (80, True, False, "ok", None),
        (24, True, False, "breached", None),
        (26, True, True, "breached", "critical"),
        (27, True, True, "breached", None),
        (80, True, True, "ok", None),
    ],
)
def test_each_tier_is_left_a_tenth_past_its_threshold(
    hours: int, *, firing: bool, grave: bool, status: str, severity: str | None
) -> None:
    evaluation = lasting(hours, firing=firing, grave=grave)
    assert (evaluation.status, evaluation.severity) == (status, severity)
    assert evaluation.threshold == (ONE if severity else THREE)


def used(**policy: object) -> Watchman:
    """Returns a watchman of an account that spends 1 an hour; its balance is the hours it lasts.

    It has 100 left. A top-up moves it up, and counts for nothing in its rate.
    """
    watchman = watching(defaults=Defaults(reminder=None), **policy)
    falls(watchman, "400", "1", 301)
    assert watchman.entries == []
    return watchman


def test_a_runway_that_eases_to_a_warning_says_nothing_and_its_return_is_news() -> None:
    watchman = used()
    falls(watchman, "99", "1", 77)
    shows(watchman, "24")
    assert is_grave(watchman)
    falls(watchman, "40", "1", 10)
    assert not is_grave(watchman)
    falls(watchman, "30", "1", 12)
    assert is_grave(watchman)
    assert announcements(watchman) == [
        ("fired", "warning"),
        ("worsened", "critical"),
        ("worsened", "critical"),
    ]


def test_the_end_is_as_grave_as_the_gravest_announcement() -> None:
    watchman = used()
    falls(watchman, "99", "1", 77)
    shows(watchman, "40", "400")
    assert announcements(watchman) == [
        ("fired", "warning"),
        ("worsened", "critical"),
        ("resolved", "critical"),
    ]
    assert dries(watchman)[-1].threshold == THREE


def test_news_of_a_tier_rests_on_a_read_that_is_below_it_by_itself() -> None:
    """A silence ends while the runway is within the hysteresis of its critical tier."""
    watchman = used()
    until = watchman.now + 78 * HOUR
    watchman.silences = [Silence("s", {"account": "sms"}, until, "known", watchman.now)]
    falls(watchman, "99", "1", 77)
    assert announcements(watchman) == []
    shows(watchman, "25")
    (notification,) = dries(watchman)
    assert (notification.reason, notification.severity, notification.threshold) == (
        "fired",
        "warning",
        THREE,
    )
    shows(watchman, "25")
    assert len(dries(watchman)) == 1
    shows(watchman, "22", "21")
    assert announcements(watchman)[1:] == [("worsened", "critical")]


def test_each_tier_goes_where_its_severity_is_routed() -> None:
    watchman = used(routes=(Route({"severity": "critical"}, ("slack:oncall",)),))
    falls(watchman, "99", "1", 40)
    assert {entry.channel for entry in watchman.entries} == {"sns", "slack:default"}
    watchman.entries.clear()
    falls(watchman, "59", "1", 37)
    assert {entry.channel for entry in watchman.entries} == {"slack:oncall", "sns", "slack:default"}


def test_a_silence_of_warnings_lets_the_critical_tier_through() -> None:
    watchman = used()
    until = watchman.now + 30 * DAY
    match = {"account": "sms", "severity": "warning"}
    watchman.silences = [Silence("s", match, until, "known", watchman.now)]
    falls(watchman, "99", "1", 77)
    assert announcements(watchman) == [("fired", "critical")]


def test_of_two_equally_grave_rules_the_policy_s_own_is_named() -> None:
    own = Rule("short", Metric.RUNWAY, Severity.WARNING, below=THREE)
    watchman = watching(own)
    falls(watchman, "60", "1", 20)
    assert [notification.rule for notification in dries(watchman)] == ["short"]


@given(st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_a_tier_once_reached_holds_until_a_tenth_past_it(hours: list[int]) -> None:
    state: RuleState | None = None
    firing = grave = False
    for each in hours:
        numbers = {Metric.RUNWAY: Decimal(each * 3600)}
        measurements = Measurements(reading("8"), numbers=numbers, per_day=Decimal(1))
        evaluated = advance_rule(RULE, state, measurements, START)
        state = evaluated.state
        firing = each * 10 < (72 * 11 if firing else 72 * 10)
        grave = firing and each * 10 < (24 * 11 if grave else 24 * 10)
        assert (state is not None) is firing
        assert (evaluated.firing and evaluated.firing.severity) == (
            ("critical" if grave else "warning") if firing else None
        )
        assert state is None or state.grave is grave


@pytest.mark.parametrize(
    ("defaults", "own", "tiers"),
    [
        (Defaults(), None, (THREE, ONE)),
        (Defaults(runs_dry=(2 * DAY,)), None, (Decimal(2 * 86400), None)),
        (Defaults(runs_dry=()), None, None),
        (Defaults(runs_dry=()), (2 * DAY, DAY), (Decimal(2 * 86400), ONE)),
        (Defaults(), (), None),
        (Defaults(), (12 * HOUR,), (Decimal(12 * 3600), None)),
    ],
)
def test_an_account_s_own_wins_over_the_policy_s(
    defaults: Defaults,
    own: tuple[timedelta, ...] | None,
    tiers: tuple[Decimal, Decimal | None] | None,
) -> None:
    rules = Policy(defaults).rules_for(replace(ACCOUNT, runs_dry=own))
    found = [(it.below, it.critical_below) for it in rules if it.name == "runs_dry"]
    assert found == ([] if tiers is None else [tiers])


def test_one_duration_is_a_warning_and_never_critical() -> None:
    watchman = watching(defaults=Defaults(reminder=None, runs_dry=(DAY,)))
    falls(watchman, "60", "1", 59)
    assert announcements(watchman) == [("fired", "warning")]


def test_a_rule_of_the_policy_with_its_name_takes_its_place() -> None:
    own = Rule("runs_dry", Metric.RUNWAY, Severity.INFO, below=ONE)
    watchman = watching(own, defaults=Defaults(reminder=None))
    falls(watchman, "60", "1", 59)
    assert announcements(watchman) == [("fired", "info")]


def test_a_rule_of_that_name_on_another_metric_takes_its_place_too() -> None:
    own = Rule("runs_dry", Metric.BALANCE, below=Decimal(50))
    watchman = watching(own)
    falls(watchman, "60", "1", 59)
    assert dries(watchman) == []


def test_the_status_of_an_unknown_runway_is_unknown() -> None:
    measurements = Measurements(reading("8"))
    assert evaluate(RULE, measurements, firing=False).status is RuleStatus.UNKNOWN
