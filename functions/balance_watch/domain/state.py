"""What is remembered of an account between two checks, and how a read changes it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.changes import Fall, change_between, spent_between, with_corrections
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult, Unlimited
from balance_watch.domain.rules import Metric
from balance_watch.domain.spending import Day, Pace, add_spending, pace
from balance_watch.domain.trend import Sample, add_sample
from balance_watch.domain.use_profile import NO_PROFILE, Profile


class RuleState(Struct, frozen=True):
    """A rule that is breached: since when, for how many checks, and whether it fires yet.

    Attributes:
        grave: it fires critically, by its critical threshold, and has not recovered from that.
        thresholds: the one it was last breached by, and the critical one; empty if they move by
            themselves.
        seen_at: when a pending rule was last seen to be breached.
    """

    metric: Metric
    since: datetime
    checks: int
    firing: bool
    grave: bool = False
    thresholds: tuple[Decimal, ...] = ()
    seen_at: datetime | None = None


_GAPS = 4
"""A schedule such as `0,5 8,20 * * *` has gaps of two kinds, and the longer one is its period."""

_RETURNS_WITHIN = timedelta(hours=1)
"""An account that is watched again after this time has its alerts again: it moved, or was renamed
and named back, between two runs."""


class Removed(Struct, frozen=True):
    """When an account was taken out of the secrets, and what was remembered of its rules then."""

    at: datetime
    rules: Mapping[str, RuleState]
    alerts: Mapping[Metric, Alert]


class TopUpSeen(NamedTuple):
    """A balance that rose so much from one reading to the next that it was topped up."""

    at: datetime
    before: Decimal
    after: Decimal


class AccountState(Struct, frozen=True):
    """Everything that is remembered of an account between two checks.

    Attributes:
        reading: the latest one; None: there was none, or the account has no limit now.
        recent: the readings before it that are not in the history yet, the oldest first.
        failures: how many reads in a row have failed.
        failure: why the latest read failed, if it did.
        rules: the rules that are breached, by name.
        trend: the balances of the last day, one sample per hour.
        days: what was spent on each of the last eight days.
        profile: what is used in each hour of the week.
        fall: the latest fall of the balance, which a rise may take back.
        top_up: a top-up that was seen and is not announced yet.
        top_up_notified_at: when the latest top-up was announced.
        provider: the provider that the numbers are from.
        purse: the purse that they are from, as far as it is known.
        removed: what ended when the account was taken out of the secrets.
        gaps: the times between the latest checks, four at most.
    """

    account: str
    checked_at: datetime | None = None
    reading: Reading | None = None
    recent: tuple[Reading, ...] = ()
    failures: int = 0
    failure: ReadFailure | None = None
    failing_since: datetime | None = None
    rules: Mapping[str, RuleState] = field(default_factory=dict)
    alerts: Mapping[Metric, Alert] = field(default_factory=dict)
    trend: tuple[Sample, ...] = ()
    days: tuple[Day, ...] = ()
    profile: Profile = NO_PROFILE
    fall: Fall | None = None
    top_up: TopUpSeen | None = None
    top_up_notified_at: datetime | None = None
    provider: str | None = None
    purse: str | None = None
    removed: Removed | None = None
    gaps: tuple[timedelta, ...] = ()

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Returns the recent readings and the latest one, the oldest first."""
        return self.recent if self.reading is None else (*self.recent, self.reading)

    @property
    def period(self) -> timedelta | None:
        """Returns the usual time between two checks, as far as it is known.

        It is the longest of the latest few, so a schedule with a pause in it has its own period,
        and a slower schedule is known after one check.
        """
        return max(self.gaps) if self.gaps[1:] else None

    @property
    def is_alerted(self) -> bool:
        """Whether an alert fires, or its end is still to be announced."""
        return any(alert.firing or alert.notified for alert in self.alerts.values())

    @property
    def pace(self) -> Pace:
        """Returns how fast the balance is spent, as of the latest check."""
        if self.checked_at is None:
            return Pace()
        return pace(self.trend, self.days, self.checked_at, self.profile)

    @property
    def runway(self) -> timedelta | None:
        """Returns how long what can be spent lasts, as of the latest check, if that is known."""
        reading = self.reading
        return None if reading is None else self.pace.lasts(reading.usable, reading.observed_at)


def followed_by(before: AccountState, after: AccountState) -> AccountState:
    """Returns a state that keeps the readings of the one before it for the history.

    A tick has one reading, the latest. A tick of the future that was removed from the table may
    have left one that is later than what follows it, or that comes again.
    """
    if after.reading is before.reading:
        return after
    at = None if after.reading is None else after.reading.observed_at
    kept = (it for it in before.readings if it.observed_at != at)
    return replace(after, recent=tuple(sorted(kept, key=lambda it: it.observed_at)))


def returned(state: AccountState, now: datetime) -> AccountState:
    """Returns the state of an account that is watched, with its old alerts if it was away briefly.

    An account that moves from one secret to another may be in neither of them for a run.
    """
    removed = state.removed
    if removed is None or now - removed.at > _RETURNS_WITHIN:
        return replace(state, removed=None)
    return replace(state, removed=None, rules=removed.rules, alerts=removed.alerts)


def observe(
    state: AccountState,
    result: ReadResult,
    now: datetime,
    lacking: ReadFailure | None = None,
    account: Account | None = None,
    *,
    another: bool = False,
) -> AccountState:
    """Returns the state after a read, before any rule is evaluated.

    Args:
        state: the state before it.
        result: what the read yielded.
        now: the tick.
        lacking: what a reading lacks that a rule needs: it counts as a failure.
        account: the account, as configured.
        another: the reading is of another purse or unit than the numbers that are remembered.
    """
    failure = result if isinstance(result, ReadFailure) else lacking
    observed = replace(
        state,
        checked_at=now,
        gaps=_gaps(state, now),
        failures=_failures(state, lacking) if failure else 0,
        failure=failure,
        failing_since=(state.failing_since or now) if failure else None,
    )
    match result:
        case ReadFailure():
            return observed
        case Unlimited():
            # Without a limit there is no balance, so the old numbers mean nothing any longer.
            observed = _begun_anew(observed, None)
        case Reading():
            observed = _with_reading(observed, result, now, another=another)
    if account is None:
        return observed
    return replace(observed, provider=account.provider, purse=account.purse)


def _failures(state: AccountState, lacking: ReadFailure | None) -> int:
    """Returns how many reads in a row have failed as this one has: wholly, or in part."""
    last = state.reading
    was_partial = last is not None and last.observed_at == state.checked_at
    return 1 if was_partial and lacking is None else state.failures + 1


def _gaps(state: AccountState, now: datetime) -> tuple[timedelta, ...]:
    if state.checked_at is None or now <= state.checked_at:
        return state.gaps
    return (now - state.checked_at, *state.gaps)[:_GAPS]


def _begun_anew(state: AccountState, reading: Reading | None) -> AccountState:
    """Returns the state without any number from before: it shares no plot and no rate with them."""
    trend = () if reading is None else (Sample(reading.observed_at, reading.balance),)
    return replace(
        state, reading=reading, trend=trend, days=(), profile=NO_PROFILE, fall=None, top_up=None
    )


def _with_reading(
    state: AccountState, reading: Reading, now: datetime, *, another: bool
) -> AccountState:
    last = state.reading
    if last is None or another:
        return _begun_anew(state, replace(reading, observed_at=now, costs=None))
    reading = with_corrections(last, reading)
    before, after = Sample(last.observed_at, last.balance), Sample(now, reading.balance)
    change = spent_between(last, reading, now) or change_between(
        before, after, state.fall, state.period
    )
    profile, top_up = state.profile, state.top_up
    if change.topped_up_from is not None:
        top_up = TopUpSeen(now, change.topped_up_from, after.balance)
    elif change.covered:
        profile = profile.added(before.at, now, change.spent)
    return replace(
        state,
        reading=reading,
        trend=add_sample(state.trend, replace(after, spent=change.spent, covered=change.covered)),
        days=add_spending(state.days, change, now),
        profile=profile,
        fall=change.fall,
        top_up=top_up,
    )
