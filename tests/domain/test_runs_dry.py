"""The built-in rule `runs_dry`: a warning below three days, critical below one, each once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.evaluation import advance_rule, evaluate
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.reading import AutoReload, ReadFailure, Reading, Unlimited
from balance_watch.domain.rules import (
    Evaluation,
    Measurements,
    Metric,
    Rule,
    RuleStatus,
    Severity,
)
from balance_watch.domain.silences import Silence
from balance_watch.notifiers.text import summary_line
from tests.support.watchman import (
    ACCOUNT,
    DAY,
    HOUR,
    START,
    Watchman,
    failure,
    reading,
    watching,
)

if TYPE_CHECKING:
    from balance_watch.domain.state import RuleState

THREE, ONE = Decimal(3 * 86400), Decimal(86400)
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


# An account with nothing but a name and a key.


def test_it_warns_below_three_days_and_is_critical_below_one() -> None:
    watchman = watching()
    falls(watchman, "300", "1", 301)
    first, second = (
        notification
        for notification in dries(watchman)
        if notification.reason is not Reason.REMINDER
    )
    assert (first.reason, first.severity, first.threshold) == ("fired", "warning", THREE)
    assert first.value is not None
    assert 2.9 * 86400 < int(first.value) < THREE
    assert (second.reason, second.severity, second.threshold) == ("worsened", "critical", ONE)
    assert second.value is not None
    assert 0.9 * 86400 < int(second.value) < ONE
    assert first.rule == second.rule == "runs_dry"


def test_then_it_is_empty_which_its_own_rule_announces_once() -> None:
    watchman = watching(defaults=Defaults(reminder=None))
    falls(watchman, "100", "1", 110)
    notifications = [entry.notification for entry in watchman.entries if entry.channel == "sns"]
    assert [(each.rule, each.reason.value) for each in notifications] == [
        ("runs_dry", "fired"),
        ("runs_dry", "worsened"),
        ("empty", "fired"),
    ]


def test_the_text_of_its_alerts() -> None:
    watchman = watching(defaults=Defaults(reminder=None))
    falls(watchman, "90", "1", 75)
    shows(watchman, "500")
    assert [summary_line(notification) for notification in dries(watchman)] == [
        "sms lasts 2 d 23 h, below 3 d",
        "Worse: sms lasts 23 h, below 1 d",
        "sms has recovered and lasts 20 d 20 h",
    ]


def test_an_account_that_leaps_below_a_day_is_critical_at_once() -> None:
    watchman = watching()
    falls(watchman, "300", "1", 24)
    shows(watchman, "20")
    assert announcements(watchman) == [("fired", "critical")]
    assert dries(watchman)[0].threshold == ONE


def test_an_account_that_leaps_to_nothing_is_announced_as_empty_alone() -> None:
    watchman = watching()
    falls(watchman, "300", "1", 24)
    shows(watchman, "0")
    notifications = [
        entry.notification.rule for entry in watchman.entries if entry.channel == "sns"
    ]
    assert notifications == ["empty"]


def test_a_balance_so_small_that_it_lasts_no_second_is_announced() -> None:
    watchman = watching()
    falls(watchman, "300", "1", 24)
    shows(watchman, "0.000001")
    assert announcements(watchman) == [("fired", "critical")]
    assert dries(watchman)[0].value == "0"


def test_an_empty_account_stays_as_it_was_and_ends_with_a_top_up() -> None:
    watchman = watching(defaults=Defaults(reminder=None))
    falls(watchman, "60", "1", 60)
    for _ in range(24 * 9):
        watchman.check("0", HOUR)
    assert watchman.state.pace.per_day == 0, "nothing is spent of nothing"
    assert announcements(watchman) == [("fired", "warning"), ("worsened", "critical")]
    shows(watchman, "500")
    assert announcements(watchman)[2:] == [("resolved", "critical")]


# What keeps it quiet.


def test_less_than_half_a_day_of_reads_announces_nothing() -> None:
    watchman = watching()
    falls(watchman, "30", "1", 12)
    assert announcements(watchman) == []
    shows(watchman, "18")
    assert announcements(watchman) == [("fired", "critical")]


@pytest.mark.parametrize("balance", ["0.01", "5", "1000000"])
def test_a_balance_that_is_not_spent_never_runs_dry(balance: str) -> None:
    watchman = watching()
    falls(watchman, balance, "0", 100)
    assert announcements(watchman) == []


def test_ten_years_are_enough_whatever_the_policy_says() -> None:
    watchman = watching(defaults=Defaults(runs_dry=(DAY * 36_500, DAY * 7_300)))
    falls(watchman, "500000", "1", 20)
    assert watchman.state.runway == timedelta(days=3650)
    assert announcements(watchman) == []


def test_auto_reload_keeps_it_quiet() -> None:
    watchman = watching()
    falls(watchman, "100", "1", 90, auto_reload=RELOADS)
    assert announcements(watchman) == []


def test_auto_reload_that_is_off_does_not() -> None:
    watchman = watching()
    falls(watchman, "60", "1", 20, auto_reload=AutoReload(enabled=False))
    assert announcements(watchman) == [("fired", "warning")]


def test_auto_reload_that_is_turned_on_ends_it_and_is_named() -> None:
    watchman = watching()
    falls(watchman, "60", "1", 20)
    watchman.check(reading("40", auto_reload=RELOADS), HOUR)
    assert announcements(watchman) == [("fired", "warning"), ("resolved", "warning")]
    assert "Auto-reload is on: below 1.00 EUR, the provider adds 50.00 EUR." in (
        dries(watchman)[-1].detail
    )


def test_auto_reload_that_is_turned_on_does_not_end_it_while_nothing_is_left() -> None:
    watchman = watching()
    falls(watchman, "60", "1", 60)
    watchman.check(reading("0", auto_reload=RELOADS), HOUR)
    assert Reason.RESOLVED not in [notification.reason for notification in dries(watchman)]


def test_a_rule_of_the_policy_on_the_runway_is_not_kept_quiet() -> None:
    own = Rule("short", Metric.RUNWAY, below=THREE)
    watchman = watching(own)
    falls(watchman, "60", "1", 20, auto_reload=RELOADS)
    assert [notification.rule for notification in dries(watchman)] == ["short"]


def test_a_quota_that_resets_before_it_would_end_is_quiet() -> None:
    watchman = watching()
    falls(watchman, "60", "1", 20, resets_at=START + 30 * HOUR)
    assert announcements(watchman) == []


def test_a_quota_that_ends_before_it_resets_is_not() -> None:
    watchman = watching()
    falls(watchman, "60", "1", 20, resets_at=START + 30 * DAY)
    assert announcements(watchman) == [("fired", "warning")]


def test_a_failed_read_neither_fires_nor_worsens_nor_ends_it() -> None:
    watchman = watching(defaults=Defaults(reminder=2 * HOUR, unreadable_after=99))
    falls(watchman, "42", "1", 20)
    assert is_grave(watchman)
    before = len(dries(watchman))
    watchman.check(failure(), HOUR)
    watchman.check(failure(), HOUR)
    (reminder,) = dries(watchman)[before:]
    assert (reminder.reason, reminder.severity, reminder.threshold) == ("reminder", "critical", ONE)


def test_an_account_without_a_limit_runs_dry_no_more() -> None:
    watchman = watching()
    falls(watchman, "60", "1", 20)
    watchman.check(Unlimited(START), HOUR)
    assert announcements(watchman) == [("fired", "warning"), ("resolved", "warning")]


def test_a_credit_limit_is_spent_too() -> None:
    watchman = watching()
    falls(watchman, "10", "1", 40, credit_limit=Decimal(110))
    assert announcements(watchman) == []
    falls(watchman, "-30", "1", 20, credit_limit=Decimal(110))
    assert announcements(watchman) == [("fired", "warning")]


# Two tiers, and the hysteresis of each.


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


def test_a_runway_that_eases_to_a_warning_says_nothing_and_neither_does_its_return() -> None:
    watchman = used()
    falls(watchman, "99", "1", 77)
    shows(watchman, "25")
    assert is_grave(watchman)
    falls(watchman, "40", "1", 10)
    assert not is_grave(watchman)
    falls(watchman, "30", "1", 10)
    assert is_grave(watchman)
    assert announcements(watchman) == [("fired", "warning"), ("worsened", "critical")]


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
    shows(watchman, "24", "23")
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


# How it is configured.


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


# Whatever happens.

results = st.one_of(
    st.decimals(0, 200, places=1).map(lambda it: reading(f"{it}")),
    st.decimals(0, 200, places=1).map(lambda it: reading(f"{it}", auto_reload=RELOADS)),
    st.just(failure()),
)


def announced(
    watchman: Watchman, lives: list[Reading | ReadFailure]
) -> Iterator[tuple[Reading | ReadFailure, Notification]]:
    for result in lives:
        before = len(dries(watchman))
        watchman.check(result, 2 * HOUR)
        yield from ((result, notification) for notification in dries(watchman)[before:])


@given(st.lists(results, max_size=40))
def test_bad_news_is_true_and_names_the_tier_that_it_is_below(
    lives: list[Reading | ReadFailure],
) -> None:
    worst: Severity | None = None
    for result, notification in announced(watching(), lives):
        if notification.reason is Reason.RESOLVED:
            assert notification.severity is worst, "as grave as the gravest announcement"
            worst = None
            continue
        if notification.reason is Reason.REMINDER:
            continue
        worst = (
            notification.severity if worst is None else min(worst, notification.severity, key=rank)
        )
        assert isinstance(result, Reading)
        assert result.balance > 0
        assert result.auto_reload is None
        assert notification.value is not None
        assert notification.threshold == (ONE if Decimal(notification.value) < ONE else THREE)
        assert Decimal(notification.value) < notification.threshold
        assert notification.severity is (
            Severity.CRITICAL if notification.threshold == ONE else Severity.WARNING
        )


def rank(severity: Severity) -> int:
    return severity.rank


def test_the_status_of_an_unknown_runway_is_unknown() -> None:
    measurements = Measurements(reading("8"))
    assert evaluate(RULE, measurements, firing=False).status is RuleStatus.UNKNOWN
