"""Whatever an account goes through, no channel is told nonsense: `decide` on any run of looks."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, PendingPeriod, Rule, Severity
from tests.support.watchman import HOUR, START, TICK, Watchman, failure

GAP = 6 * HOUR


class Step(NamedTuple):
    """One look, and how long after the last."""

    look: Reading | ReadFailure
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
holds = st.sampled_from([PendingPeriod(), PendingPeriod(2), PendingPeriod(lasting=2 * HOUR)])
rules = st.builds(
    Rule,
    name=names,
    metric=st.sampled_from([Metric.BALANCE, Metric.CREDITS]),
    severity=st.sampled_from(Severity),
    below=thresholds,
    pending_period=holds,
) | st.builds(
    Rule,
    name=names,
    metric=st.just(Metric.BALANCE),
    severity=st.sampled_from(Severity),
    above=st.just(Decimal(100)),
    pending_period=holds,
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


class Heard(NamedTuple):
    """What one look led to, of one metric."""

    step: Step
    at: datetime
    said: Notification
    channels: tuple[str, ...]


def told(policy: Policy, life: list[Step]) -> tuple[Watchman, list[Heard]]:
    """Lives a life; returns the watchman at its end, and all that he said."""
    watchman, heard = Watchman(policy), []
    for step in life:
        every = watchman.owes(step.look, step.after)
        owed = [it for it in every if it.notification.reason is not Reason.TOPPED_UP]
        for said in dict.fromkeys(it.notification.alert_id for it in owed):
            copies = [it for it in owed if it.notification.alert_id == said]
            channels = tuple(it.channel for it in copies)
            heard.append(Heard(step, watchman.now, copies[0].notification, channels))
    return watchman, heard


def by_metric(heard: list[Heard]) -> Iterator[list[Heard]]:
    """What was said of each metric, in order."""
    return ([it for it in heard if it.said.metric is metric] for metric in Metric)


@settings(max_examples=40)
@given(policies, lives)
def test_every_notification_goes_somewhere_and_to_no_channel_twice(
    policy: Policy, life: list[Step]
) -> None:
    _, heard = told(policy, life)
    for it in heard:
        assert it.channels
        assert len(set(it.channels)) == len(it.channels)


@settings(max_examples=40)
@given(policies, lives)
def test_a_look_says_at_most_one_thing_of_a_metric(policy: Policy, life: list[Step]) -> None:
    watchman = Watchman(policy)
    for step in life:
        said = watchman.tells(step.look, step.after)
        assert len({it.metric for it in said}) == len(said)


@settings(max_examples=40)
@given(policies, lives)
def test_each_channel_hears_of_an_episode_in_order(policy: Policy, life: list[Step]) -> None:
    _, heard = told(policy, life)
    for of_metric in by_metric(heard):
        listening: set[str] = set()
        for it in of_metric:
            if it.said.reason is Reason.RESOLVED:
                assert set(it.channels) == listening, "who was told, and nobody else"
                listening = set()
                continue
            if it.said.reason is Reason.FIRED:
                assert not listening, "an episode fires once"
            if it.said.reason is Reason.REMINDER:
                assert listening, "nobody is reminded of what was not announced"
            assert listening <= set(it.channels), "who was told hears the rest"
            listening |= set(it.channels)


@settings(max_examples=40)
@given(policies, lives)
def test_there_is_one_announcement_in_a_minimum_gap(policy: Policy, life: list[Step]) -> None:
    _, heard = told(policy, life)
    for of_metric in by_metric(heard):
        fired = [it.at for it in of_metric if it.said.reason is Reason.FIRED]
        assert all(after - before >= GAP for before, after in pairwise(fired))


@settings(max_examples=40)
@given(policies, lives)
def test_only_the_graver_breaks_into_a_minimum_gap(policy: Policy, life: list[Step]) -> None:
    _, heard = told(policy, life)
    for of_metric in by_metric(heard):
        gravest = None
        for it in of_metric:
            if it.said.reason is Reason.WORSENED:
                assert gravest is not None
                assert it.said.severity.rank < gravest
            if it.said.reason in (Reason.FIRED, Reason.WORSENED):
                gravest = it.said.severity.rank


@settings(max_examples=40)
@given(policies, lives)
def test_a_failed_look_speaks_of_itself_or_reminds(policy: Policy, life: list[Step]) -> None:
    _, heard = told(policy, life)
    for it in heard:
        if isinstance(it.step.look, ReadFailure) and it.said.metric is not Metric.UNREADABLE:
            assert it.said.reason is Reason.REMINDER


@settings(max_examples=40)
@given(policies, lives)
def test_a_number_that_is_missing_says_nothing_but_reminders(
    policy: Policy, life: list[Step]
) -> None:
    _, heard = told(policy, life)
    for it in heard:
        missing = isinstance(it.step.look, Reading) and it.step.look.credits is None
        if missing and it.said.metric is Metric.CREDITS:
            assert it.said.reason is Reason.REMINDER


@settings(max_examples=40)
@given(policies, lives)
def test_bad_news_names_a_number_that_is_past_its_threshold(
    policy: Policy, life: list[Step]
) -> None:
    _, heard = told(policy, life)
    by_name = {rule.name: rule for rule in policy.rules}
    for it in heard:
        rule = by_name.get(it.said.rule)
        if rule is None or it.said.reason not in (Reason.FIRED, Reason.WORSENED):
            continue
        assert it.said.value is not None
        value = Decimal(it.said.value)
        assert value < rule.below if rule.below is not None else value > (rule.above or 0)


@settings(max_examples=40)
@given(policies, lives)
def test_all_is_over_once_everything_is_well(policy: Policy, life: list[Step]) -> None:
    watchman, heard = told(policy, life)
    well = Reading(START, Decimal(50), "EUR", credits=Decimal(50), provider_flag=False)
    latest = {it.said.metric: it.said.reason for it in heard}
    still_open = {metric for metric, reason in latest.items() if reason is not Reason.RESOLVED}
    said = watchman.tells(well)
    assert {it.metric for it in said} == still_open
    assert {it.reason for it in said} <= {Reason.RESOLVED}
    assert not any(alert.firing or alert.notified for alert in watchman.state.alerts.values())
    assert watchman.tells(well) == ()


@settings(max_examples=40)
@given(policies, lives)
def test_nothing_is_remembered_once_all_was_well_for_long(policy: Policy, life: list[Step]) -> None:
    watchman, _ = told(policy, life)
    well = Reading(START, Decimal(50), "EUR", credits=Decimal(50), provider_flag=False)
    watchman.tells(well)
    watchman.tells(well, GAP)
    assert (watchman.state.alerts, watchman.state.rules) == ({}, {})


@settings(max_examples=40)
@given(policies, lives)
def test_the_same_life_is_told_in_the_same_words(policy: Policy, life: list[Step]) -> None:
    assert told(policy, life)[1] == told(policy, life)[1]


@settings(max_examples=40)
@given(policies, lives)
def test_no_two_notifications_share_an_id(policy: Policy, life: list[Step]) -> None:
    _, heard = told(policy, life)
    assert len({it.said.alert_id for it in heard}) == len(heard)
