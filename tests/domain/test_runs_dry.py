"""The built-in rule `runs_dry`: a warning below three days, critical below one, each once."""

from datetime import timedelta
from decimal import Decimal

import pytest

from balance_watch.domain.notification import Reason
from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import AutoReload, Unlimited
from balance_watch.domain.rules import (
    Metric,
    Rule,
)
from balance_watch.notifiers.text import summary_line
from tests.support.runway import ONE, RELOADS, THREE, announcements, dries, falls, is_grave, shows
from tests.support.watchman import (
    DAY,
    HOUR,
    START,
    failure,
    reading,
    watching,
)

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
        "sms runs dry in about 2 d 23 h · 71.00 EUR left",
        "Worse: sms runs dry in about 23 h · 23.00 EUR left",
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


def test_what_is_left_and_cannot_be_spent_is_no_recovery() -> None:
    watchman = watching(defaults=Defaults(reminder=None))
    falls(watchman, "100", "1", 100)
    for _ in range(5 * 24):
        shows(watchman, "0.03")
    assert not any(reason == "resolved" for reason, *_ in announcements(watchman))
    assert watchman.state.alerts[Metric.RUNWAY].firing
    shows(watchman, "200")
    assert announcements(watchman)[-1][0] == "resolved"


def test_the_number_of_an_account_that_cannot_be_read_gets_shorter() -> None:
    watchman = watching(defaults=Defaults(unreadable_after=99))
    falls(watchman, "90", "1", 40)
    before = watchman.state.runway
    for _ in range(10):
        watchman.announces(failure(), HOUR)
    assert before is not None
    assert watchman.state.runway is not None
    assert before - watchman.state.runway >= 10 * HOUR


def test_it_is_critical_that_an_account_cannot_be_read_once_it_should_be_dry() -> None:
    watchman = watching(defaults=Defaults(reminder=None, unreadable_after=3))
    falls(watchman, "60", "1", 50)
    said = [watchman.announces(failure(), HOUR) for _ in range(20)]
    notification = watchman.entries[-1].notification
    assert said.count(["worsened sns", "worsened slack:default"]) == 1
    assert (notification.metric, notification.severity) == (Metric.UNREADABLE, "critical")
    assert notification.detail.endswith(
        " At the last known pace, the 11.00 EUR of the latest reading are spent by now."
    )
