"""Hypothesis strategies for everything that the table stores."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.changes import Fall
from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.credit import OpenCosts
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.money import NotAnAmountError, exact
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import OutboxEntry, PaymentOrder
from balance_watch.domain.reading import AutoReload, Estimate, FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.spending import Day
from balance_watch.domain.state import AccountState, Removed, RuleState, TopUpSeen
from balance_watch.domain.trend import Sample
from balance_watch.domain.use_profile import NO_PROFILE, Profile, Sums


def _amount(digits: int, exponent: int) -> Decimal | None:
    try:
        return exact(Decimal(digits).scaleb(exponent))
    except NotAnAmountError:
        return None


amounts = (
    st.builds(_amount, st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-160, 125))
    .filter(lambda amount: amount is not None)
    .map(lambda amount: amount or Decimal(0))
)
times = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 (hypothesis wants naive bounds)
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=0))
ticks = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=0))
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
lines = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
severities, metrics = st.sampled_from(Severity), st.sampled_from(Metric)

auto_reloads = st.builds(AutoReload, st.booleans(), st.none() | amounts, st.none() | amounts)
closed_estimates = st.builds(Estimate, st.dates(), amounts, amounts, st.none(), st.just(Decimal(0)))
open_estimates = st.builds(
    Estimate, st.dates(), amounts, amounts, st.builds(OpenCosts, st.dates(), amounts), amounts
)
readings = st.builds(
    Reading,
    observed_at=ticks,
    balance=amounts,
    currency=st.sampled_from(["USD", "EUR", "credits"]),
    credits=st.none() | amounts,
    points=st.none() | amounts,
    provider_flag=st.none() | st.booleans(),
    provider_threshold=st.none() | amounts,
    auto_reload=st.none() | auto_reloads,
    provider_time=st.none() | times,
    status=st.none() | words,
    credit_limit=st.none() | amounts.map(Decimal.copy_abs),
    expires_at=st.none() | times,
    estimate=st.none() | closed_estimates | open_estimates,
    renews=st.none() | st.booleans(),
    resets_at=st.none() | times,
)
alerts = st.builds(
    Alert,
    rule=words,
    severity=severities,
    since=ticks,
    firing=st.booleans(),
    notified=st.none() | severities,
    notified_at=st.none() | ticks,
    fired_at=st.none() | ticks,
    fired_as=st.none() | severities,
    channels=st.lists(words, max_size=3).map(tuple),
    ended_at=st.none() | ticks,
)
minutes = ticks.map(lambda at: at.replace(second=0))
estimates = st.decimals(-(10**9), 10**9, places=3, allow_nan=False, allow_infinity=False)
covered = st.integers(0, 10**6).map(lambda seconds: timedelta(0, seconds))
falls = st.builds(Fall, minutes, estimates, st.booleans())
top_ups_seen = st.builds(TopUpSeen, ticks, amounts, amounts)
rule_states = st.builds(
    RuleState, metrics, ticks, st.integers(1, 10**6), st.booleans(), st.booleans()
)

removals = st.builds(
    Removed,
    ticks,
    st.dictionaries(words, rule_states, max_size=2),
    st.dictionaries(metrics, alerts, max_size=2),
)


@st.composite
def trends(draw: st.DrawFn) -> tuple[Sample, ...]:
    """Draws trends with balances of ordinary length, so that no sample is dropped for space."""
    hour = draw(ticks).replace(minute=0, second=0)
    balances = draw(st.lists(st.integers(-(10**6), 10**6), max_size=24))
    samples = [
        Sample(hour + timedelta(hours=index), exact(Decimal(balance) / 1000))
        for index, balance in enumerate(balances)
    ]
    return tuple(samples[:1]) + tuple(
        replace(
            after,
            spent=before.balance - after.balance + draw(st.sampled_from([0, 0, 0, 5])),
            covered=timedelta(minutes=draw(st.sampled_from([60, 60, 55]))),
        )
        for before, after in pairwise(samples)
    )


@st.composite
def weeks(draw: st.DrawFn) -> tuple[Day, ...]:
    """Draws days in their order, some of them missing."""
    first = draw(ticks).date()
    numbers = draw(st.lists(st.integers(0, 7), unique=True, max_size=8).map(sorted))
    return tuple(Day(first + timedelta(n), draw(estimates), draw(covered)) for n in numbers)


profiles = st.just(NO_PROFILE) | st.builds(
    Profile,
    hours=st.binary(min_size=168, max_size=168),
    top=st.integers(-300, 300),
    began=st.integers(480_000, 500_000),
    hour=st.integers(480_000, 500_000),
    spent=st.integers(-(10**5), 10**5).map(float),
    covered=st.integers(0, 3600),
    week=st.builds(Sums, st.integers(0, 10**5).map(float), st.integers(0, 10**5).map(float)),
    day=st.builds(Sums, st.integers(0, 10**5).map(float), st.integers(0, 10**5).map(float)),
)


@st.composite
def states(draw: st.DrawFn) -> AccountState:
    """Draws states as `observe` makes them: with a failure, its count and beginning, or none."""
    failing = draw(st.booleans())
    # `retry_after` is for the client's own pauses, and is not stored.
    failures = st.builds(ReadFailure, st.sampled_from(FailureKind), lines)
    return AccountState(
        account=draw(words),
        checked_at=draw(st.none() | ticks),
        reading=draw(st.none() | readings),
        failures=draw(st.integers(1, 10**6)) if failing else 0,
        failure=draw(failures) if failing else None,
        failing_since=draw(ticks) if failing else None,
        rules=draw(st.dictionaries(words, rule_states, max_size=4)),
        alerts=draw(st.dictionaries(metrics, alerts, max_size=4)),
        trend=draw(trends()),
        days=draw(weeks()),
        profile=draw(profiles),
        fall=draw(st.none() | falls),
        top_up=draw(st.none() | top_ups_seen),
        top_up_notified_at=draw(st.none() | ticks),
        provider=draw(st.none() | words),
        removed=draw(st.none() | removals),
    )


configurations = st.builds(
    ConfigurationState,
    st.lists(lines, max_size=3).map(tuple),
    st.none() | alerts,
    st.lists(st.tuples(lines, ticks), max_size=3).map(tuple),
)


def _notification(**fields: Any) -> Notification:  # noqa: ANN401 (of many types)
    """Returns a notification: `builds` would look up a type that is imported for mypy alone."""
    return Notification(**fields)


notifications = st.builds(
    _notification,
    alert_id=st.uuids().map(str),
    account=words,
    provider=words,
    rule=words,
    metric=metrics,
    severity=severities,
    reason=st.sampled_from(Reason),
    since=ticks,
    said_at=ticks,
    value=st.none() | amounts.map("{:f}".format),
    threshold=st.none() | amounts,
    currency=st.none() | words,
    balance=st.none() | amounts,
    observed_at=st.none() | ticks,
    labels=st.dictionaries(words, words, max_size=3),
    detail=lines,
    trend=st.lists(amounts, max_size=25).map(tuple),
    per_day=st.none() | amounts,
    runway=st.none() | st.integers(0, 10**8).map(lambda it: timedelta(0, it)),
    link=st.none() | words,
)
entries = st.builds(
    OutboxEntry,
    notifications,
    words,
    *[st.lists(words, max_size=3).map(tuple)] * 2,
    st.just(()),
    st.none(),
) | st.builds(PaymentOrder, notifications)
