"""Builds a digest from what is remembered of all accounts: a pure function of their states."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

from balance_watch.domain.configuration_alert import PROVIDER
from balance_watch.domain.credit import midnight
from balance_watch.domain.daily_use import sum_of
from balance_watch.domain.digest import (
    LINES,
    AccountLine,
    Digest,
    FiringLine,
    LeapLine,
    Listed,
    Sum,
    TopUpLine,
    UnreadableLine,
)
from balance_watch.domain.forecast import runs_dry_at
from balance_watch.domain.gravity import refill_before_dry
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.money import CURRENCIES
from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.policy import CONFIGURATION, DIGEST
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.spending import WEEK, spent_since
from balance_watch.domain.state import AccountState, TopUpSeen
from balance_watch.domain.totals import are_apart, purse_of, totals_of

_LEAP = 3
"""So many times the usual spending of a day is far above usual."""

_LAST = datetime.max.replace(tzinfo=UTC)

_T = TypeVar("_T")


class Standings(NamedTuple):
    """How everything stands at the end of a digest.

    Attributes:
        states: what is remembered of each watched account.
        quotas: the names of the accounts whose balance is a quota.
        outages: the alerts of outages, by name.
        configuration: the alert about the configuration.
    """

    states: Sequence[AccountState]
    quotas: Collection[str] = ()
    outages: Mapping[str, Alert] = {}
    configuration: Alert | None = None


def looks_back(since: datetime, now: datetime) -> datetime:
    """Returns from when on a digest tells: a week ago, by days of UTC, at the earliest."""
    return max(since, midnight((now - timedelta(days=WEEK)).date()))


def topped_up_since(states: Iterable[AccountState], since: datetime) -> list[str]:
    """Returns the names of the accounts that were topped up since a time."""
    return sorted(
        state.account
        for state in states
        if (state.top_up is not None and state.top_up.at > since)
        or (state.top_up_notified_at is not None and state.top_up_notified_at > since)
    )


def digest_of(
    standings: Standings,
    at: datetime,
    since: datetime,
    now: datetime,
    top_ups: Mapping[str, Sequence[TopUpSeen]],
) -> Digest:
    """Returns the digest of a time.

    Args:
        standings: how everything stands.
        at: the time of the policy.
        since: from when on it tells.
        now: the tick.
        top_ups: the top-ups since then, by account, of those that were looked up.
    """
    states = standings.states
    known = {it.account: spent_since(it.trend, it.days, since) for it in states}
    spent = {name: None if it is None else sum_of((it,)) for name, it in known.items()}
    rises = topped_up_since(states, since)
    lines = [line for name in rises for line in _top_ups(name, states, top_ups.get(name, ()))]
    unknown = len([name for name in rises if name not in top_ups])
    topped_up = _listed(lines)
    return Digest(
        at,
        since,
        now,
        len(states),
        _listed(_spent(states, spent)),
        _listed(
            Sum(it.currency, it.amount, it.accounts, it.is_estimate)
            for it in totals_of(states, standings.quotas).money
        ),
        _listed(sorted(_accounts(states, spent), key=_next_first)),
        _listed(sorted(_firing(standings), key=_gravest_first)),
        Listed(topped_up.lines, topped_up.more + unknown),
        _listed(
            UnreadableLine(it.account, it.failure.kind, it.failing_since)
            for it in sorted(states, key=_by_name)
            if it.failure is not None
        ),
        _listed(sorted(_leaps(states), key=_greatest_first)),
    )


def merged_digest(
    parts: Sequence[Digest],
    at: datetime,
    since: datetime,
    now: datetime,
    outages: Mapping[str, Alert],
    configuration: Alert | None,
) -> Digest:
    """Returns the digest of all accounts, from those of parts of them that share no purse.

    Args:
        parts: the digests of the parts.
        at: the time of the policy.
        since: from when on it tells.
        now: the tick.
        outages: the alerts of outages, by name.
        configuration: the alert about the configuration.
    """
    own = _listed(_firing(Standings((), (), outages, configuration)))
    return Digest(
        at,
        since,
        now,
        sum(it.accounts for it in parts),
        _listed(_added(line for it in parts for line in it.spent.lines)),
        _listed(_added(line for it in parts for line in it.left.lines)),
        _together([it.next for it in parts], _next_first),
        _together([*(it.firing for it in parts), own], _gravest_first),
        _together([it.topped_up for it in parts], _by_account),
        _together([it.unreadable for it in parts], _by_account),
        _together([it.leaps for it in parts], _greatest_first),
    )


def _together(
    parts: Iterable[Listed[_T]], key: Callable[[_T], "tuple[object, ...] | str"]
) -> Listed[_T]:
    """Returns the lists as one, in order, with so many lines as a digest has."""
    parts = tuple(parts)
    lines = sorted((line for it in parts for line in it.lines), key=key)
    return Listed(tuple(lines), sum(it.more for it in parts)).cut(LINES)


def _added(sums: Iterable[Sum]) -> list[Sum]:
    """Returns the sums by unit; currencies come first."""
    found: dict[str, list[Sum]] = defaultdict(list)
    for it in sums:
        found[it.currency].append(it)
    added = [
        Sum(
            unit,
            sum_of(it.amount for it in parts),
            sum(it.accounts for it in parts),
            any(it.is_estimate for it in parts),
        )
        for unit, parts in found.items()
    ]
    return sorted(added, key=_currencies_first)


def _currencies_first(line: Sum) -> tuple[bool, str]:
    return line.currency not in CURRENCIES, line.currency


def digest_notification(digest: Digest) -> Notification:
    """Returns the notification of a digest; its id is the same whenever it is decided."""
    return Notification(
        alert_id=alert_id(DIGEST, Metric.DIGEST, Reason.DIGEST, digest.at),
        account=DIGEST,
        provider=PROVIDER,
        rule=DIGEST,
        metric=Metric.DIGEST,
        severity=Severity.INFO,
        reason=Reason.DIGEST,
        since=digest.since,
        said_at=digest.until,
        digest=digest,
    )


def _listed(lines: Iterable[_T]) -> Listed[_T]:
    return Listed(tuple(lines)).cut(LINES)


def _by_account(line: TopUpLine | UnreadableLine) -> str:
    return line.account


def _greatest_first(line: LeapLine) -> tuple[Decimal, str]:
    return -line.per_day / line.usual, line.account


def _by_name(state: AccountState) -> str:
    return state.account


def _once_per_purse(states: Iterable[AccountState]) -> Iterator[tuple[AccountState, Reading]]:
    """Yields the accounts with a reading, of those that share a purse the first."""
    found: dict[tuple[str, ...], list[Reading]] = defaultdict(list)
    for state in sorted(states, key=_by_name):
        reading = state.reading
        if reading is None:
            continue
        same = found[purse_of(state, reading)]
        if all(are_apart(reading, other) for other in same):
            same.append(reading)
            yield state, reading


def _spent(states: Iterable[AccountState], spent: Mapping[str, Decimal | None]) -> list[Sum]:
    """Returns what was spent by unit; currencies come first."""
    found: dict[str, list[tuple[Decimal, bool]]] = defaultdict(list)
    for state, reading in _once_per_purse(states):
        if amount := spent[state.account]:
            found[reading.currency].append((amount, reading.estimate is not None))
    sums = [
        Sum(unit, sum_of(amount for amount, _ in parts), len(parts), any(it for _, it in parts))
        for unit, parts in found.items()
    ]
    return sorted(sums, key=_currencies_first)


def _accounts(
    states: Iterable[AccountState], spent: Mapping[str, Decimal | None]
) -> Iterator[AccountLine]:
    """Yields the accounts that can be read."""
    for state in states:
        reading, runway = state.reading, state.runway
        if reading is None or state.failure is not None or state.checked_at is None:
            continue
        is_kept = refill_before_dry(state, runway) is not None
        dry_at = None if runway is None or is_kept else runs_dry_at(state.checked_at, runway)
        yield AccountLine(
            state.account,
            reading.currency,
            reading.balance,
            spent[state.account],
            dry_at,
            reading.estimate is not None,
        )


def _next_first(line: AccountLine) -> tuple[datetime, str]:
    return line.runs_dry_at or _LAST, line.account


def _firing(standings: Standings) -> Iterator[FiringLine]:
    alerts = [
        *((state.account, alert) for state in standings.states for alert in state.alerts.values()),
        *standings.outages.items(),
    ]
    if standings.configuration is not None:
        alerts.append((CONFIGURATION, standings.configuration))
    for name, alert in alerts:
        if alert.firing:
            yield FiringLine(name, alert.rule, alert.severity, alert.since)


def _gravest_first(line: FiringLine) -> tuple[int, datetime, str, str]:
    return line.severity.rank, line.since, line.account, line.rule


def _top_ups(
    name: str, states: Iterable[AccountState], seen: Sequence[TopUpSeen]
) -> Iterator[TopUpLine]:
    """Yields what an account was topped up by, if that is known and in one unit."""
    reading = next(it.reading for it in states if it.account == name)
    if reading is not None and seen:
        amounts = (sum_of((it.after, it.before.copy_negate())) for it in seen)
        yield TopUpLine(name, reading.currency, sum_of(amounts))


def _leaps(states: Iterable[AccountState]) -> Iterator[LeapLine]:
    for state in states:
        pace, reading = state.pace, state.reading
        if reading is None or state.failure is not None or not pace.today or not pace.usual:
            continue
        if pace.today >= _LEAP * pace.usual:
            yield LeapLine(state.account, reading.currency, pace.today, pace.usual)
