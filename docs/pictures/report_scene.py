"""The report of the pictures: four weeks of six accounts, the same at every drawing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.event import Event
from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Reading
from balance_watch.domain.report import Past, Report, period, report_of
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState, observe

UNTIL = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
DAYS = 30
_HOUR = timedelta(hours=1)
_NIGHT_ENDS, _NIGHT_BEGINS, _SATURDAY = 7, 20, 5


class _Story(NamedTuple):
    """An account: what it begins with, spends by the hour of a working day, and is topped up by."""

    account: Account
    currency: str
    balance: str
    hourly: str
    top_ups: tuple[tuple[int, str], ...] = ()
    silent: tuple[int, ...] = ()


_STORIES = (
    _Story(
        Account("llm-prod", "deepseek", alert_below=Decimal(200), labels={"team": "assistant"}),
        "USD",
        "1400",
        "3.85",
        ((12, "1000"),),
    ),
    _Story(
        Account("search-prod", "you", alert_below=Decimal(500), labels={"team": "search"}),
        "USD",
        "5989.245",
        "11.25",
        silent=(20, 21),
    ),
    _Story(
        Account("images", "stability", labels={"team": "assistant"}), "credits", "52000", "41.5"
    ),
    _Story(
        Account("sms-eu", "vonage", alert_below=Decimal(20), labels={"team": "accounts"}),
        "EUR",
        "55",
        "0.3125",
        ((9, "100"), (25, "50")),
    ),
    _Story(Account("mail", "zerobounce", labels={"team": "accounts"}), "credits", "9000", "3"),
    _Story(
        Account("llm-staging", "openrouter", labels={"team": "assistant"}), "USD", "48.20", "0.0275"
    ),
)


@cache
def report() -> Report:
    """Returns the report."""
    span = period(UNTIL, DAYS)
    return report_of(map(_past, _STORIES), Policy(), span)


def _past(story: _Story) -> Past:
    state, name = AccountState(story.account.name, provider=story.account.provider), story.account
    readings = list(_readings(story))
    for reading in readings:
        state = observe(state, reading, reading.observed_at, account=name)
    return Past(story.account, state, readings, list(_events(story, readings)))


def _readings(story: _Story) -> Iterator[Reading]:
    start = period(UNTIL, DAYS).needed_since
    first_day = period(UNTIL, DAYS).since
    balance, at = Decimal(story.balance), first_day - timedelta(days=1)
    top_ups = dict(story.top_ups)
    at = max(start, at)
    while at <= UNTIL:
        day = (at - first_day).days
        is_night = not _NIGHT_ENDS <= at.hour < _NIGHT_BEGINS
        rate = Decimal(story.hourly) * (Decimal("0.2") if is_night else 1)
        rate *= Decimal("0.4") if at.weekday() >= _SATURDAY else 1
        balance -= rate.quantize(Decimal("0.0001")) + rate * (at.hour * 7 % 5) / 10
        if at.hour == _NIGHT_ENDS and day in top_ups:
            balance += Decimal(top_ups[day])
        if day not in story.silent:
            yield Reading(at, balance.normalize() + 0, story.currency)
        at += _HOUR


def _events(story: _Story, readings: list[Reading]) -> Iterator[Event]:
    """Yields what was said: of a balance below the threshold, and of days without a reading."""
    account, below = story.account, story.account.alert_below
    told = ("slack:default", "sns")
    fired: Notification | None = None
    for reading in readings:
        is_low = below is not None and reading.balance < below
        if is_low == (fired is not None):
            continue
        reason = Reason.FIRED if is_low else Reason.RESOLVED
        at = reading.observed_at
        said = Notification(
            alert_id(account.name, Metric.BALANCE, reason, at),
            account.name,
            account.provider,
            "alert_below",
            Metric.BALANCE,
            Severity.CRITICAL,
            reason,
            fired.since if fired else at,
            at,
        )
        yield Event(said, told)
        fired = said if is_low else None
    if story.silent:
        since = period(UNTIL, DAYS).since + timedelta(days=story.silent[0])
        said = Notification(
            alert_id(account.name, Metric.UNREADABLE, Reason.FIRED, since),
            account.name,
            account.provider,
            "unreadable",
            Metric.UNREADABLE,
            Severity.WARNING,
            Reason.FIRED,
            since,
            since,
        )
        yield Event(said, told)
        end = since + timedelta(days=len(story.silent))
        yield Event(replace(said, reason=Reason.RESOLVED, said_at=end, ended_at=end), told)
