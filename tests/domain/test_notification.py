"""Notifications are sorted so that the most urgent comes first."""

from datetime import timedelta
from itertools import product

from balance_watch.domain.notification import Reason, alert_id, in_order
from balance_watch.domain.rules import Metric, Severity
from tests.support.notifications import low
from tests.support.watchman import START


def test_gravest_comes_first() -> None:
    notifications = [low(severity=severity) for severity in ("info", "critical", "warning")]
    assert [it.severity for it in sorted(notifications, key=in_order)] == list(Severity)


def test_good_news_comes_last() -> None:
    resolved, problem = low(reason=Reason.RESOLVED), low(severity=Severity.INFO)
    assert sorted([resolved, problem], key=in_order) == [problem, resolved]


def test_among_equally_grave_ones_the_earliest_comes_first() -> None:
    later, earlier = low(said_at=START + timedelta(hours=1)), low(said_at=START)
    assert sorted([later, earlier], key=in_order) == [earlier, later]


def test_account_metric_reason_and_tick_each_make_another_id() -> None:
    axes = (("sms", "search"), Metric, Reason, (START, START + timedelta(seconds=1)))
    ids = [alert_id(*each) for each in product(*axes)]
    assert len(set(ids)) == len(ids)


def test_an_id_never_changes_between_versions() -> None:
    known = alert_id("sms", Metric.BALANCE, Reason.FIRED, START)
    assert known == "f8a82c76-7ca9-5632-a65f-13f1e76d4772"
