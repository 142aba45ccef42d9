"""What is remembered of an account between two looks, and how a look moves it on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult, Unlimited
from balance_watch.domain.rules import Metric
from balance_watch.domain.spending import Day, Pace, added, is_top_up, pace
from balance_watch.domain.trend import Sample, shifted


@dataclass(frozen=True, slots=True)
class RuleState:
    """A rule that is breached: since when, for how many checks, and whether it fires yet."""

    metric: Metric
    since: datetime
    checks: int
    firing: bool


class TopUpSeen(NamedTuple):
    """A balance that rose by a good part, from one look to the next."""

    at: datetime
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class AccountState:
    """All that is remembered of an account between two checks.

    `reading` is the last good one (None: there was none, or there is no limit now), `window` its
    last day at one sample an hour, `days` what was spent on each of the last eight days; `failure`
    is the latest failed look unless a good one followed; `jump` is a top-up that is yet to be told,
    `jump_told_at` when the last one was; `provider` is whose numbers these are.
    """

    account: str
    checked_at: datetime | None = None
    reading: Reading | None = None
    failures: int = 0
    failure: ReadFailure | None = None
    failing_since: datetime | None = None
    rules: Mapping[str, RuleState] = field(default_factory=dict)
    alerts: Mapping[Metric, Alert] = field(default_factory=dict)
    trend: tuple[Sample, ...] = ()
    days: tuple[Day, ...] = ()
    top_up: TopUpSeen | None = None
    top_up_notified_at: datetime | None = None
    provider: str | None = None

    @property
    def is_alerted(self) -> bool:
        """Whether an alert fires, or its end is still to be announced."""
        return any(alert.firing or alert.notified for alert in self.alerts.values())

    @property
    def pace(self) -> Pace:
        """How fast the balance is spent, as of the last look."""
        if self.checked_at is None:
            return Pace()
        return pace(self.trend, self.days, self.checked_at)


def observe(
    state: AccountState,
    outcome: ReadResult,
    now: datetime,
    lacking: ReadFailure | None = None,
    provider: str | None = None,
) -> AccountState:
    """Returns the state after a look, before any rule is judged on it.

    `lacking` is what a good reading does not say though a rule asks for it: it counts as a failure.
    """
    failure = outcome if isinstance(outcome, ReadFailure) else lacking
    seen = replace(
        state,
        checked_at=now,
        failures=state.failures + 1 if failure else 0,
        failure=failure,
        failing_since=(state.failing_since or now) if failure else None,
    )
    if isinstance(outcome, ReadFailure):
        return seen
    if isinstance(outcome, Unlimited):
        # What was known before is no more: no balance stands for what has no limit.
        return replace(seen, reading=None, trend=(), days=(), top_up=None, provider=provider)
    return replace(_with(seen, outcome, now, provider), provider=provider)


def _with(
    state: AccountState, reading: Reading, now: datetime, provider: str | None
) -> AccountState:
    before = state.reading
    if before is None or (before.currency, state.provider) != (reading.currency, provider):
        # Numbers of another currency or provider cannot stand in one plot, nor make a rate.
        window = shifted((), now, reading.balance)
        return replace(state, reading=reading, trend=window, days=(), top_up=None)
    was, now_is = Sample(before.observed_at, before.balance), Sample(now, reading.balance)
    rose = is_top_up(before.balance, reading.balance)
    return replace(
        state,
        reading=reading,
        trend=shifted(state.trend, now, reading.balance),
        days=added(state.days, was, now_is),
        top_up=TopUpSeen(now, before.balance, reading.balance) if rose else state.top_up,
    )
