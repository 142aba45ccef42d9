"""Properties of `decide`: whatever an account goes through, no channel gets nonsense."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.metrics import METRICS
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, PendingPeriod, Rule, Severity
from tests.support.watchman import HOUR, START, TICK, Watchman, failure

GAP = 6 * HOUR


class Step(NamedTuple):
    """One read, and how long after the last."""

    result: Reading | ReadFailure
    after: timedelta


balances = st.sampled_from([Decimal(n) for n in (-1, 0, 4, 5, 6, 9, 19, 20, 21, 22, 30, 500)])
good = st.builds(
    Reading,
    observed_at=st.just(START),
    balance=balances,
    currency=st.sampled_from(["EUR", "USD"]),
    credits=st.none() | balances,
    provider_flag=st.sampled_from([None, True, False]),
    provider_threshold=st.sampled_from([None, Decimal(10)]),
)
bad = st.builds(failure, st.sampled_from(FailureKind))
spans = st.sampled_from([TICK, HOUR, 3 * HOUR, 7 * HOUR, 25 * HOUR])
lives = st.lists(st.builds(Step, good | bad, spans), max_size=12)

names = st.sampled_from("abcdef")
thresholds = st.sampled_from([Decimal(5), Decimal(20)])
pending_periods = st.sampled_from(
    [PendingPeriod(), PendingPeriod(2), PendingPeriod(lasting=2 * HOUR)]
)
rules = st.builds(
    Rule,
    name=names,
    metric=st.sampled_from([Metric.BALANCE, Metric.CREDITS]),
    severity=st.sampled_from(Severity),
    below=thresholds,
    pending_period=pending_periods,
) | st.builds(
    Rule,
    name=names,
    metric=st.just(Metric.BALANCE),
    severity=st.sampled_from(Severity),
    above=st.just(Decimal(100)),
    pending_period=pending_periods,
)
policies = st.builds(
    Policy,
    defaults=st.builds(
        Defaults,
        reminder=st.sampled_from([None, HOUR, 24 * HOUR]),
        minimum_gap=st.just(GAP),
        unreadable_after=st.integers(1, 3),
    ),
    rules=st.lists(rules, max_size=3, unique_by=lambda rule: rule.name).map(tuple),
    routes=st.sampled_from([(), (Route({"severity": "critical"}, ("sns", "slack:oncall")),)]),
)


class Announcement(NamedTuple):
    """A notification that one read led to, and the channels it went to."""

    step: Step
    at: datetime
    notification: Notification
    channels: tuple[str, ...]


def live(policy: Policy, life: list[Step]) -> tuple[Watchman, list[Announcement]]:
    """Lives a life; returns the watchman at its end, and everything that was announced."""
    watchman, announcements = Watchman(policy), []
    for step in life:
        entries = [
            entry
            for entry in watchman.check(step.result, step.after)
            if entry.notification.reason is not Reason.TOPPED_UP
        ]
        for alert_id in dict.fromkeys(entry.notification.alert_id for entry in entries):
            copies = [entry for entry in entries if entry.notification.alert_id == alert_id]
            channels = tuple(entry.channel for entry in copies)
            notification = copies[0].notification
            announcements.append(Announcement(step, watchman.now, notification, channels))
    return watchman, announcements


def by_metric(announcements: list[Announcement]) -> Iterator[list[Announcement]]:
    """Yields the announcements of each metric, in order."""
    return ([it for it in announcements if it.notification.metric is metric] for metric in Metric)


@settings(max_examples=40)
@given(policies, lives)
def test_every_notification_goes_somewhere_and_to_no_channel_twice(
    policy: Policy, life: list[Step]
) -> None:
    _, announcements = live(policy, life)
    for announcement in announcements:
        assert announcement.channels
        assert len(set(announcement.channels)) == len(announcement.channels)


@settings(max_examples=40)
@given(policies, lives)
def test_a_read_announces_at_most_one_thing_per_metric(policy: Policy, life: list[Step]) -> None:
    watchman = Watchman(policy)
    for step in life:
        announced = watchman.notifies(step.result, step.after)
        assert len({it.metric for it in announced}) == len(announced)


@settings(max_examples=40)
@given(policies, lives)
def test_each_channel_is_notified_of_an_episode_in_order(policy: Policy, life: list[Step]) -> None:
    _, announcements = live(policy, life)
    for of_metric in by_metric(announcements):
        notified: set[str] = set()
        for announcement in of_metric:
            if announcement.notification.reason is Reason.RESOLVED:
                assert set(announcement.channels) == notified, "the notified channels, and no other"
                notified = set()
                continue
            if announcement.notification.reason is Reason.FIRED:
                assert not notified, "an episode fires once"
            if announcement.notification.reason is Reason.REMINDER:
                assert notified, "no reminder comes before the announcement"
            assert notified <= set(announcement.channels), (
                "the channels notified before get the rest"
            )
            notified |= set(announcement.channels)


@settings(max_examples=40)
@given(policies, lives)
def test_there_is_one_announcement_in_a_minimum_gap(policy: Policy, life: list[Step]) -> None:
    _, announcements = live(policy, life)
    for of_metric in by_metric(announcements):
        held = [it for it in of_metric if not METRICS[it.notification.metric].no_minimum_gap]
        told, fired_at = None, None
        for it in held:
            if it.notification.reason is Reason.FIRED:
                is_late = fired_at is None or it.at - fired_at >= GAP
                assert is_late or _is_half(told, it.notification.value)
                fired_at = it.at
            told = it.notification.value if it.notification.reason is not Reason.RESOLVED else told


@settings(max_examples=40)
@given(policies, lives)
def test_only_a_graver_alert_is_announced_within_a_minimum_gap(
    policy: Policy, life: list[Step]
) -> None:
    _, announcements = live(policy, life)
    for of_metric in by_metric(announcements):
        gravest, told, at = None, None, None
        for notification in (announcement.notification for announcement in of_metric):
            if notification.reason is Reason.WORSENED:
                assert gravest is not None
                assert at is not None
                is_graver = notification.severity.rank < gravest
                is_late = notification.said_at - at >= policy.defaults.minimum_gap
                assert is_graver or is_late or _is_half(told, notification.value)
            if notification.reason in (Reason.FIRED, Reason.WORSENED):
                gravest, at = notification.severity.rank, notification.said_at
            if notification.reason is not Reason.RESOLVED:
                told = notification.value


def _is_half(told: str | None, value: str | None) -> bool:
    return told is not None and value is not None and Decimal(value) <= Decimal(told) / 2


@settings(max_examples=40)
@given(policies, lives)
def test_a_failed_read_announces_only_itself_and_reminders(
    policy: Policy, life: list[Step]
) -> None:
    _, announcements = live(policy, life)
    for announcement in announcements:
        failed = isinstance(announcement.step.result, ReadFailure)
        if failed and announcement.notification.metric is not Metric.UNREADABLE:
            assert announcement.notification.reason is Reason.REMINDER


@settings(max_examples=40)
@given(policies, lives)
def test_a_missing_number_announces_only_reminders(policy: Policy, life: list[Step]) -> None:
    _, announcements = live(policy, life)
    for announcement in announcements:
        missing = (
            isinstance(announcement.step.result, Reading)
            and announcement.step.result.credits is None
        )
        if missing and announcement.notification.metric is Metric.CREDITS:
            assert announcement.notification.reason is Reason.REMINDER


@settings(max_examples=40)
@given(policies, lives)
def test_bad_news_names_a_number_that_is_past_its_threshold(
    policy: Policy, life: list[Step]
) -> None:
    _, announcements = live(policy, life)
    by_name = {rule.name: rule for rule in policy.rules}
    for announcement in announcements:
        notification = announcement.notification
        rule = by_name.get(notification.rule)
        if rule is None or notification.reason not in (Reason.FIRED, Reason.WORSENED):
            continue
        assert notification.value is not None
        value = Decimal(notification.value)
        assert value < rule.below if rule.below is not None else value > (rule.above or 0)


def without_runways(policy: Policy) -> Policy:
    """Returns a policy that a single good reading satisfies: a runway depends on many."""
    return replace(policy, defaults=replace(policy.defaults, runs_dry=()))


@settings(max_examples=40)
@given(policies.map(without_runways), lives)
def test_every_open_alert_resolves_at_a_good_reading(policy: Policy, life: list[Step]) -> None:
    watchman, announcements = live(policy, life)
    good_reading = Reading(START, Decimal(50), "EUR", credits=Decimal(50), provider_flag=False)
    watchman.account = replace(watchman.account, currency="EUR")
    latest = {it.notification.metric: it.notification.reason for it in announcements}
    still_open = {metric for metric, reason in latest.items() if reason is not Reason.RESOLVED}
    announced = watchman.notifies(good_reading)
    assert {it.metric for it in announced} == still_open
    assert {it.reason for it in announced} <= {Reason.RESOLVED}
    assert not any(alert.firing or alert.notified for alert in watchman.state.alerts.values())
    assert watchman.notifies(good_reading) == ()


@settings(max_examples=40)
@given(policies.map(without_runways), lives)
def test_nothing_is_remembered_a_minimum_gap_after_a_good_reading(
    policy: Policy, life: list[Step]
) -> None:
    watchman, _ = live(policy, life)
    good_reading = Reading(START, Decimal(50), "EUR", credits=Decimal(50), provider_flag=False)
    watchman.account = replace(watchman.account, currency="EUR")
    watchman.notifies(good_reading)
    watchman.notifies(good_reading, GAP)
    assert (watchman.state.alerts, watchman.state.rules) == ({}, {})


@settings(max_examples=40)
@given(policies, lives)
def test_the_same_life_yields_the_same_announcements(policy: Policy, life: list[Step]) -> None:
    assert live(policy, life)[1] == live(policy, life)[1]


@settings(max_examples=40)
@given(policies, lives)
def test_no_two_notifications_share_an_id(policy: Policy, life: list[Step]) -> None:
    _, announcements = live(policy, life)
    assert len({it.notification.alert_id for it in announcements}) == len(announcements)
