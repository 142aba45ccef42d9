"""The built-in rule `expires`: a warning two weeks before credit ends, critical three days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import Unlimited
from balance_watch.domain.rules import Metric, Rule
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

OWN = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


def expiries(watchman: Watchman) -> list[Notification]:
    """Returns every notification about the expiry, once."""
    notifications = (entry.notification for entry in watchman.entries if entry.channel == "sns")
    return [each for each in notifications if each.metric is Metric.EXPIRY]


def days_before(watchman: Watchman, expires_at: datetime | None, *spans: timedelta) -> list[str]:
    """Checks so long before the credit expires; returns what each check announces."""
    reasons = []
    for span in spans:
        before = len(expiries(watchman))
        end = watchman.account.expires_at or expires_at
        assert end is not None
        watchman.check(reading("50", expires_at=expires_at), end - span - watchman.now)
        announced = [f"{each.reason} {each.severity}" for each in expiries(watchman)[before:]]
        reasons.append(" ".join(announced))
    return reasons


def test_it_warns_within_two_weeks_and_is_critical_within_three_days_and_past_it() -> None:
    watchman = watching(defaults=Defaults(reminder=None))
    spans = (DAY * 15, DAY * 14, DAY * 14 - HOUR, DAY * 3, DAY * 3 - HOUR, HOUR, -HOUR, -DAY * 40)
    assert days_before(watchman, OWN, *spans) == [
        "",
        "",
        "fired warning",
        "",
        "worsened critical",
        "",
        "",
        "",
    ]
    first, second = expiries(watchman)
    assert (first.rule, first.value) == ("expires", str(14 * 86400 - 3600))
    assert (second.rule, second.value) == ("expires", str(3 * 86400 - 3600))
    assert [notification.threshold for notification in expiries(watchman)] == [
        14 * 86400,
        3 * 86400,
    ]


def test_credit_that_has_expired_is_critical_at_the_first_read() -> None:
    watchman = watching()
    assert days_before(watchman, OWN, -DAY) == ["fired critical"]
    (notification,) = expiries(watchman)
    assert notification.value == "-86400"
    assert summary_line(notification) == "the credit of sms has expired"


def test_the_account_s_own_date_needs_no_provider_that_reports_one() -> None:
    watchman = Watchman(account=replace(ACCOUNT, expires_at=OWN))
    assert days_before(watchman, None, DAY * 2) == ["fired critical"]


@pytest.mark.parametrize("of_provider", [OWN - DAY * 100, OWN + DAY * 100])
def test_the_account_s_own_date_wins(of_provider: datetime) -> None:
    watchman = Watchman(account=replace(ACCOUNT, expires_at=OWN))
    assert days_before(watchman, of_provider, DAY * 15, DAY * 13) == ["", "fired warning"]


def test_credit_without_a_date_never_expires() -> None:
    watchman = watching()
    watchman.check("50")
    assert expiries(watchman) == []


@pytest.mark.parametrize("never", [datetime(1, 1, 2, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_date_that_means_never_is_none(never: datetime) -> None:
    watchman = watching()
    watchman.check(reading("50", expires_at=never))
    assert expiries(watchman) == []


def test_credit_that_is_renewed_ends_the_alert_with_the_gravest_severity_announced() -> None:
    watchman = watching()
    days_before(watchman, OWN, DAY * 2)
    watchman.check(reading("50", expires_at=OWN + DAY * 365), HOUR)
    notification = expiries(watchman)[-1]
    assert (notification.reason, notification.severity) == (Reason.RESOLVED, "critical")
    assert summary_line(notification) == "the credit of sms no longer expires soon"


def test_a_date_that_is_taken_away_ends_the_alert() -> None:
    watchman = Watchman(account=replace(ACCOUNT, expires_at=OWN))
    days_before(watchman, None, DAY * 2)
    watchman.account = ACCOUNT
    watchman.check("50", HOUR)
    notification = expiries(watchman)[-1]
    assert notification.reason is Reason.RESOLVED
    assert summary_line(notification) == "the credit of sms no longer expires soon"


def test_a_date_that_moves_by_a_day_is_not_far_enough_to_end_it() -> None:
    watchman = watching()
    days_before(watchman, OWN, DAY * 14 - HOUR)
    watchman.check(reading("50", expires_at=OWN + DAY), HOUR)
    assert [notification.reason for notification in expiries(watchman)] == [Reason.FIRED]


def test_a_failed_read_fires_nothing_and_ends_nothing() -> None:
    watchman = Watchman(account=replace(ACCOUNT, expires_at=OWN))
    watchman.check(failure(), OWN - DAY - watchman.now)
    assert expiries(watchman) == []
    days_before(watchman, None, DAY - HOUR)
    watchman.check(failure(), HOUR)
    assert [notification.reason for notification in expiries(watchman)] == [Reason.FIRED]


def test_an_account_without_a_limit_has_no_credit_that_expires() -> None:
    watchman = watching()
    days_before(watchman, OWN, DAY * 2)
    watchman.check(Unlimited(START), HOUR)
    assert expiries(watchman)[-1].reason is Reason.RESOLVED


def test_the_text_of_its_alert() -> None:
    watchman = watching()
    days_before(watchman, OWN, DAY * 13 + HOUR * 4)
    (notification,) = expiries(watchman)
    assert summary_line(notification) == "the credit of sms expires in 13 d 4 h, below 14 d"
    assert "The date is 31 Dec 2026 23:59 UTC." in notification.detail


def test_a_rule_of_the_policy_may_ask_for_another_time() -> None:
    month = Rule("a month", Metric.EXPIRY, below=Decimal(30 * 86400))
    watchman = watching(month)
    assert days_before(watchman, OWN, DAY * 29) == ["fired warning"]
    assert [notification.rule for notification in expiries(watchman)] == ["a month"]


def test_a_rule_of_the_policy_with_its_name_takes_its_place() -> None:
    watchman = watching(Rule("expires", Metric.EXPIRY, below=Decimal(86400)))
    assert days_before(watchman, OWN, DAY * 2, HOUR) == ["", "fired warning"]
