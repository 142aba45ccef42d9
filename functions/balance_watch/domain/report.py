"""A report on all accounts over a time: exact numbers, gathered from what is stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from operator import sub
from typing import NamedTuple, TypeVar

from balance_watch.domain.account import Account
from balance_watch.domain.alert_spans import AlertSpan, Span, alert_spans, merged
from balance_watch.domain.credit import midnight
from balance_watch.domain.curve import Curve, curve_of
from balance_watch.domain.daily_use import DailyUse, daily_use, sum_of
from balance_watch.domain.event import Event
from balance_watch.domain.forecast import runs_dry_at
from balance_watch.domain.gravity import Refill, refill_before_dry
from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric
from balance_watch.domain.state import AccountState, TopUpSeen, observe
from balance_watch.domain.totals import are_apart, purse_of

LEAD = timedelta(days=9)
"""Readings before the report: what its first day began with, and the pace of its end."""

_GAP = 2.5
"""So many times the usual time between two readings without any is a gap."""

_DAY_SECONDS = Decimal(86400)

_Key = TypeVar("_Key")


class Period(NamedTuple):
    """The time of a report: whole days of UTC, and the last one up to its end."""

    since: datetime
    until: datetime

    @property
    def first_day(self) -> date:
        """Returns the first day."""
        return self.since.date()

    @property
    def last_day(self) -> date:
        """Returns the last day: the one before, if it ends at midnight."""
        return (self.until - timedelta.resolution).date()

    @property
    def month(self) -> date:
        """Returns the first day of the month that the last day is in."""
        return self.last_day.replace(day=1)

    @property
    def month_end(self) -> datetime:
        """Returns the end of that month."""
        after = (self.month + timedelta(days=32)).replace(day=1)
        return midnight(after)

    @property
    def needed_since(self) -> datetime:
        """Returns from when on readings and events are needed."""
        return min(self.since, midnight(self.month)) - LEAD


def period(until: datetime, days: int) -> Period:
    """Returns the whole days before a time, so many of them, and its own day up to it."""
    until = until.astimezone(UTC)
    return Period(midnight((until - timedelta(days=days)).date()), until)


class Past(NamedTuple):
    """What is stored of one account: the readings and events since `Period.needed_since`.

    A few readings may tell the sums of all. Then `times` are those of all, in seconds since the
    epoch, and `curve` has all balances in the latest unit.
    """

    account: Account
    state: AccountState
    readings: Sequence[Reading]
    events: Sequence[Event]
    is_quota: bool = False
    times: Sequence[int] | None = None
    curve: Curve | None = None


class AccountReport(NamedTuple):
    """One account in a report.

    Attributes:
        days: the days of the report.
        month_spent: what was spent in the month so far, by unit.
        month_forecast: what will be spent by the end of the month; None: that is unknown.
        samples: the balances in the latest unit, as many as a plot shows.
        gaps: when nothing was read.
        thresholds: the balances below which a rule fires.
        per_day: the pace of spending.
        runs_dry_at: when nothing is left, as far as that is known.
        floor: the balance at which nothing is left.
        shares_with: the account before it that has the same purse: sums count it there.
        read_since: the day of its first reading, as far back as the report looks.
        refill: what fills it up before it runs dry, if something does.
    """

    name: str
    provider: str
    labels: Mapping[str, str]
    state: AccountState
    latest: Reading | None
    days: tuple[DailyUse, ...]
    month_spent: Mapping[str, Decimal]
    month_forecast: Decimal | None
    samples: tuple[tuple[datetime, Decimal], ...]
    top_ups: tuple[TopUpSeen, ...]
    gaps: tuple[Span, ...]
    alerts: tuple[AlertSpan, ...]
    thresholds: tuple[Decimal, ...]
    per_day: Decimal | None
    runs_dry_at: datetime | None
    floor: Decimal
    is_quota: bool
    shares_with: str | None = None
    read_since: date | None = None
    refill: Refill | None = None

    @property
    def currency(self) -> str:
        """Returns the latest unit; empty without a reading."""
        return self.latest.currency if self.latest else ""

    @property
    def month_lacks(self) -> Decimal | None:
        """Returns what has to be paid in for the month's forecast; None: nothing, or a quota."""
        if self.latest is None or self.month_forecast is None or self.is_quota:
            return None
        spent = self.month_spent.get(self.currency, Decimal(0))
        with localcontext(prec=CALCULATION_DIGITS):
            lacks = self.month_forecast - spent - self.latest.usable
        return lacks if lacks > 0 else None


class Report(NamedTuple):
    """All accounts over a time, those that run dry next first, then those that are filled up."""

    period: Period
    accounts: tuple[AccountReport, ...]


def report_of(pasts: Iterable[Past], policy: Policy, span: Period) -> Report:
    """Returns the report on these accounts."""
    found: list[AccountReport] = []
    purses: dict[tuple[str, ...], list[AccountReport]] = {}
    for past in pasts:
        account = _account(past, policy, span)
        if (latest := account.latest) is not None:
            same = purses.setdefault(purse_of(account.state, latest), [])
            others = (it for it in same if it.latest and not are_apart(it.latest, latest))
            if (other := next(others, None)) is not None:
                account = account._replace(shares_with=other.name)
            else:
                same.append(account)
        found.append(account)
    return Report(span, tuple(sorted(found, key=_next_first)))


def another_at(events: Iterable[Event]) -> set[datetime]:
    """Returns when an account was another balance than before, as far as that was said."""
    return {it.notification.said_at for it in events if it.notification.another}


def _next_first(account: AccountReport) -> tuple[bool, bool, datetime, str]:
    dry = account.runs_dry_at
    return (
        dry is None,
        account.refill is not None,
        dry or datetime.max.replace(tzinfo=UTC),
        account.name,
    )


def _account(past: Past, policy: Policy, span: Period) -> AccountReport:
    last_day = span.last_day
    readings = [it for it in past.readings if it.observed_at.date() <= last_day]
    times = past.times
    if times is None:
        times = [int(it.observed_at.timestamp()) for it in readings]
    state = _state_at(past, readings, span)
    latest = readings[-1] if readings else None
    anew = another_at(past.events)
    first = min(span.first_day, span.month)
    rises = tuple(past_top_ups(readings))
    days = daily_use(readings, first, last_day, rises, is_quota=past.is_quota, anew=anew)
    spent = _sums((it.currency, it.spent) for it in days if it.day >= span.month)
    pace = state.pace
    unit = latest.currency if latest else ""
    others = (it.observed_at for it in reversed(readings) if it.currency != unit)
    unit_since = next(others, span.since)
    lasts = None if latest is None else pace.lasts(latest.usable, latest.observed_at)
    checked_at = state.checked_at
    of_span = (it for it in alert_spans(past.account.name, past.events, state, span.until))
    alerts = tuple(it for it in of_span if it.within(span.since, span.until))
    gaps = tuple(_gaps(times, state, alerts, span))
    curve = curve_of(readings, unit) if past.curve is None else past.curve
    return AccountReport(
        past.account.name,
        past.account.provider,
        past.account.labels,
        state,
        latest,
        tuple(it for it in days if it.day >= span.first_day),
        spent,
        _forecast(spent.get(unit, Decimal(0)), pace.per_day, span) if latest else None,
        curve.points(span.since, gaps),
        ()
        if past.is_quota
        else tuple(
            it for it in rises if it.at >= max(span.since, unit_since) and it.at not in anew
        ),
        gaps,
        alerts,
        _thresholds(past.account, policy, latest),
        pace.per_day,
        None if lasts is None or checked_at is None else runs_dry_at(checked_at, lasts),
        latest.floor if latest else Decimal(0),
        past.is_quota,
        read_since=_time(times[0]).date() if times else None,
        refill=refill_before_dry(state, lasts),
    )


def _state_at(past: Past, readings: Sequence[Reading], span: Period) -> AccountState:
    """Returns what was remembered at the end of the report, from its readings if that is past."""
    state = past.state
    if state.checked_at is None or state.checked_at <= span.until:
        return state
    replayed = AccountState(past.account.name, provider=state.provider, purse=state.purse)
    for reading in readings:
        if reading.observed_at >= span.until - LEAD:
            replayed = observe(replayed, reading, reading.observed_at)
    return replayed


def _forecast(spent: Decimal, per_day: Decimal | None, span: Period) -> Decimal | None:
    """Returns what is spent by the end of the month at this pace."""
    if per_day is None:
        return None
    left = Decimal(int((span.month_end - span.until).total_seconds()))
    with localcontext(prec=CALCULATION_DIGITS):
        return spent + per_day * left / _DAY_SECONDS


def _thresholds(account: Account, policy: Policy, latest: Reading | None) -> tuple[Decimal, ...]:
    found = {
        number
        for rule in policy.rules_for(account)
        if rule.metric is Metric.BALANCE and not rule.relative
        for number in (rule.below, rule.critical_below)
        if number is not None
    }
    if latest is not None and latest.provider_threshold is not None:
        found.add(latest.provider_threshold)
    return tuple(sorted(found))


def _gaps(
    times: Sequence[int], state: AccountState, alerts: Iterable[AlertSpan], span: Period
) -> list[Span]:
    """Returns when nothing was read: between two readings, and as long as was told so."""
    lengths = list(map(sub, times[1:], times))
    longest = sorted(lengths)[len(lengths) // 2] * _GAP if lengths else 0
    is_whole = max(lengths, default=0) <= longest
    spans = [
        (_time(end - length), _time(end))
        for end, length in (() if is_whole else zip(times[1:], lengths, strict=True))
        if length > longest
    ]
    if state.failing_since is not None and state.failing_since <= span.until:
        spans.append((state.failing_since, span.until))
    elif lengths and span.until.timestamp() - times[-1] > longest:
        spans.append((_time(times[-1]), span.until))
    spans += (
        (it.since, it.until or span.until)
        for it in alerts
        if it.metric in (Metric.UNREADABLE, Metric.OUTAGE)
    )
    within = ((max(begin, span.since), min(end, span.until)) for begin, end in spans)
    return merged((begin, end) for begin, end in within if begin < end)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def usual_gap(times: Sequence[datetime]) -> timedelta:
    """Returns the usual time between two readings: the median; no time for a single one."""
    gaps = sorted(after - before for before, after in pairwise(times))
    return gaps[len(gaps) // 2] if gaps else timedelta()


class Spending(NamedTuple):
    """What accounts spent in one unit: on each day, in the month, and by its end.

    Attributes:
        days: without those on which none of the accounts was read.
        read_since: the day of the first reading of any of them.
        forecast: of the accounts whose forecast is known; None: that of none is.
        without: how many accounts are not in the forecast, as theirs is not known yet.
    """

    group: str
    currency: str
    accounts: int
    days: Mapping[date, Decimal]
    topped_up: Decimal
    month: Decimal
    forecast: Decimal | None
    without: int = 0
    read_since: date | None = None

    @property
    def spent(self) -> Decimal:
        """Returns what was spent on all days."""
        return sum_of(self.days.values())


def spending_by(report: Report, group: Callable[[AccountReport], str]) -> list[Spending]:
    """Returns what was spent by each group in each unit, each purse once; units are never mixed."""
    members: dict[tuple[str, str], list[AccountReport]] = {}
    for account in report.accounts:
        if account.shares_with is None:
            for unit in sorted({it.currency for it in account.days if it.spent is not None}):
                members.setdefault((unit, group(account)), []).append(account)
    return [_spending(*key, members[key]) for key in sorted(members)]


def _spending(unit: str, group: str, accounts: Sequence[AccountReport]) -> Spending:
    rows = [it for account in accounts for it in account.days if it.currency == unit]
    months = [it.month_spent.get(unit, Decimal(0)) for it in accounts]
    forecasts = [
        it.month_forecast if it.currency == unit else it.month_spent.get(unit, Decimal(0))
        for it in accounts
    ]
    known = [it for it in forecasts if it is not None]
    return Spending(
        group,
        unit,
        len(accounts),
        _sums((it.day, it.spent) for it in rows),
        sum_of(it.topped_up for it in rows if it.topped_up is not None),
        sum_of(months),
        sum_of(known) if known else None,
        len(forecasts) - len(known),
        min((it.read_since for it in accounts if it.read_since is not None), default=None),
    )


def label_names(report: Report) -> list[str]:
    """Returns the names of all labels."""
    return sorted({name for account in report.accounts for name in account.labels})


def _sums(pairs: Iterable[tuple[_Key, Decimal | None]]) -> dict[_Key, Decimal]:
    sums: dict[_Key, Decimal] = {}
    for key, number in pairs:
        if number is not None:
            sums[key] = sum_of((sums.get(key, Decimal(0)), number))
    return sums
