"""The gravest account comes first, then the one that runs dry first, then the first by name."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.gravity import (
    Gravity,
    Refill,
    gravest_first,
    gravity_of,
    refill_before_dry,
)
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.reading import AutoReload, FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState, RuleState
from tests.support.examples import TICK, reading, state
from tests.support.strategies import states, ticks, words

FAILURE = ReadFailure(FailureKind.TIMED_OUT, "No whole reply came in time.")
PENDING = {"slow": RuleState(Metric.BALANCE, TICK, 1, firing=False)}
HOUR = timedelta(hours=1)


def firing(*severities: Severity) -> dict[Metric, Alert]:
    metrics = (Metric.BALANCE, Metric.RUNWAY, Metric.CREDITS)
    alerts = (Alert("a rule", severity, TICK) for severity in severities)
    return dict(zip(metrics, alerts, strict=False))


FINE = state()
ENDED = {Metric.BALANCE: Alert("a rule", Severity.CRITICAL, TICK, firing=False)}


@pytest.mark.parametrize(
    ("of", "gravity"),
    [
        (replace(FINE, alerts=firing(Severity.INFO, Severity.CRITICAL)), Gravity.CRITICAL),
        (replace(FINE, alerts=firing(Severity.CRITICAL), failure=FAILURE), Gravity.CRITICAL),
        (replace(FINE, alerts=firing(Severity.WARNING), rules=PENDING), Gravity.WARNING),
        (replace(FINE, alerts=firing(Severity.INFO), failure=FAILURE), Gravity.UNREADABLE),
        (replace(FINE, failure=FAILURE, rules=PENDING), Gravity.UNREADABLE),
        (replace(FINE, alerts=firing(Severity.INFO), rules=PENDING), Gravity.PENDING),
        (replace(FINE, alerts=firing(Severity.INFO)), Gravity.INFO),
        (state(balance="0"), Gravity.EMPTY),
        (replace(FINE, alerts=ENDED), Gravity.OK),
        (replace(FINE, reading=None), Gravity.OK),
        (AccountState("new"), Gravity.UNCHECKED),
    ],
)
def test_an_account_is_as_grave_as_the_gravest_thing_about_it(
    of: AccountState, gravity: Gravity
) -> None:
    assert gravity_of(of, None) is gravity


@pytest.mark.parametrize(
    ("runway", "gravity"),
    [(23 * HOUR, Gravity.LOW), (24 * HOUR, Gravity.OK), (None, Gravity.OK)],
)
def test_an_account_that_lasts_less_than_a_day_is_never_ok(
    runway: timedelta | None, gravity: Gravity
) -> None:
    assert gravity_of(FINE, runway) is gravity


SHORT = 22 * HOUR
RELOADS = replace(FINE, reading=replace(reading(), auto_reload=AutoReload(enabled=True)))
RENEWS = replace(FINE, reading=replace(reading(), resets_at=TICK + 21 * HOUR))


@pytest.mark.parametrize(
    ("of", "refill"),
    [(RELOADS, Refill.AUTO_RELOAD), (RENEWS, Refill.RENEWAL)],
    ids=["auto-reload is on", "a quota that renews before"],
)
def test_an_account_that_is_filled_up_before_it_is_dry_is_not_low(
    of: AccountState, refill: Refill
) -> None:
    assert refill_before_dry(of, SHORT) is refill
    assert gravity_of(of, SHORT) is Gravity.OK


@pytest.mark.parametrize(
    "read",
    [
        replace(reading(), auto_reload=AutoReload(enabled=False)),
        replace(reading(), resets_at=TICK + 23 * HOUR),
        replace(reading(), resets_at=TICK - HOUR),
    ],
    ids=["auto-reload is off", "a quota that renews after", "a renewal that is past"],
)
def test_what_does_not_fill_an_account_up_in_time_leaves_it_low(read: Reading) -> None:
    of = replace(FINE, reading=read)
    assert refill_before_dry(of, SHORT) is None
    assert gravity_of(of, SHORT) is Gravity.LOW


@pytest.mark.parametrize("metric", [Metric.RUNWAY, Metric.AUTO_RELOAD, Metric.EMPTY])
def test_no_refill_is_told_while_an_alert_tells_that_the_account_runs_dry(metric: Metric) -> None:
    of = replace(RELOADS, alerts={metric: Alert("a rule", Severity.CRITICAL, TICK)})
    assert refill_before_dry(of, SHORT) is None


def test_auto_reload_of_an_account_with_nothing_left_has_filled_up_nothing() -> None:
    empty = replace(reading("0"), auto_reload=AutoReload(enabled=True))
    of = replace(FINE, reading=empty)
    assert refill_before_dry(of, timedelta()) is None
    assert gravity_of(of, timedelta()) is Gravity.EMPTY


def test_a_credit_limit_is_not_empty_before_it_is_used_up() -> None:
    assert FINE.reading is not None
    owing = replace(FINE.reading, balance=Decimal(-5), credit_limit=Decimal(100))
    assert gravity_of(replace(FINE, reading=owing), None) is Gravity.OK
    beyond = replace(owing, balance=Decimal(-100))
    assert gravity_of(replace(FINE, reading=beyond), None) is Gravity.EMPTY


def test_the_order_of_the_words_is_the_order_of_the_accounts() -> None:
    keys = [gravest_first(gravity, None, "a") for gravity in Gravity]
    assert keys == sorted(keys)
    assert [gravity.value for gravity in Gravity][:5] == [
        "critical",
        "warning",
        "unreadable",
        "pending",
        "info",
    ]


@given(st.lists(st.tuples(st.sampled_from(Gravity), st.none() | ticks, words), min_size=2))
def test_within_a_gravity_the_first_to_run_dry_comes_first_and_then_the_name(
    accounts: list[tuple[Gravity, datetime | None, str]],
) -> None:
    ordered = sorted(accounts, key=lambda it: gravest_first(*it))
    for (gravity, dry_at, name), (next_gravity, next_dry_at, next_name) in pairwise(ordered):
        assert gravity.rank <= next_gravity.rank
        if gravity is next_gravity and dry_at == next_dry_at:
            assert name <= next_name
        elif gravity is next_gravity:
            assert next_dry_at is None or (dry_at is not None and dry_at < next_dry_at)


@given(states())
def test_whatever_fires_is_graver_than_whatever_does_not(of: AccountState) -> None:
    severities = {alert.severity for alert in of.alerts.values() if alert.firing}
    gravity = gravity_of(of, of.runway)
    assert (gravity is Gravity.CRITICAL) is (Severity.CRITICAL in severities)
    if Severity.WARNING in severities:
        assert gravity in (Gravity.CRITICAL, Gravity.WARNING)
    if gravity is Gravity.OK:
        assert of.failure is None
        assert not severities
