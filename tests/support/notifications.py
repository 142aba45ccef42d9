"""Notifications for tests: a plain one whose fields a test can change, and arbitrary ones."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.forecast import LONGEST
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.money import NotAnAmountError, exact
from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.rules import Metric, Severity

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
LINK = "https://example.com/billing"


def low(**changes: object) -> Notification:
    """Returns a low balance that fired, with changes; enumerations can be given as text."""
    enumerations = {"severity": Severity, "reason": Reason, "metric": Metric}
    for name, enumeration in enumerations.items():
        if name in changes:
            changes[name] = enumeration(str(changes[name]))
    notification = Notification(
        alert_id="",
        account="sms",
        provider="vonage",
        rule="low balance",
        metric=Metric.BALANCE,
        severity=Severity.CRITICAL,
        reason=Reason.FIRED,
        since=START,
        said_at=NOW,
        value="8.2",
        threshold=Decimal(20),
        currency="EUR",
        balance=Decimal("8.2"),
        observed_at=NOW,
        labels={"team": "messaging"},
        trend=(Decimal("31.2"), Decimal(20), Decimal("8.2")),
        link=LINK,
    )
    changed = replace(notification, **changes)
    identity = (changed.account, changed.metric, changed.reason, changed.said_at)
    return replace(changed, alert_id=alert_id(*identity))


def faulty(*faults: str, **changes: object) -> Notification:
    """Returns the alert about a configuration with these faults."""
    return low(
        account="configuration",
        provider="balance-watch",
        rule="configuration",
        metric="configuration",
        value=str(len(faults)),
        detail="\n".join(faults),
        threshold=None,
        currency=None,
        balance=None,
        observed_at=None,
        labels={},
        trend=(),
        link=None,
        **changes,
    )


def _amount(digits: int, exponent: int) -> Decimal:
    try:
        return exact(Decimal(digits).scaleb(exponent))
    except NotAnAmountError:
        return Decimal(digits)


def lines(max_length: int) -> st.SearchStrategy[str]:
    """One line of at most `max_length` characters, many of which are special in a channel."""
    special = st.sampled_from("&<>*_`\"'\\|~ é漢🔴\u202e\u200b")
    plain = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
    return st.text(special | plain, min_size=1, max_size=max_length) | st.sampled_from(
        ["&" * max_length, "🔴" * max_length, '"' * max_length, "\\" * max_length]
    )


amounts = st.builds(_amount, st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-130, 87))
times = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 (hypothesis requires naive limits)
    datetime(2100, 1, 1),  # noqa: DTZ001 (as above)
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=0))


@st.composite
def anything(draw: st.DrawFn) -> Notification:
    """Any notification that can be announced about an account."""
    since = draw(times)
    reason = draw(st.sampled_from(Reason))
    top_up_metrics = [Metric.BALANCE, Metric.TOP_UP]
    metric = draw(st.sampled_from(top_up_metrics if reason is Reason.TOPPED_UP else list(Metric)))
    words = st.sampled_from([None, "unknown", "not_enabled", "paid", "timed_out", "3"])
    numbers = (st.none() | amounts).map(lambda number: None if number is None else f"{number:f}")
    return low(
        account=draw(lines(100)),
        provider=draw(st.sampled_from(["vonage", "aimlapi"])),
        rule=draw(lines(100)),
        metric=metric,
        severity=draw(st.sampled_from(Severity)),
        reason=reason,
        since=since,
        said_at=since + timedelta(minutes=draw(st.integers(0, 10**6))),
        value=draw(numbers if METRICS[metric].is_number else words),
        threshold=draw(st.none() | amounts),
        currency=draw(st.sampled_from(["EUR", "credits"])),
        balance=draw(st.none() | amounts),
        labels=draw(st.dictionaries(lines(100), lines(100), max_size=6)),
        detail=draw(st.text(max_size=50) | st.sampled_from(["", "&" * 5000, "\n" * 5000])),
        trend=tuple(draw(st.lists(amounts, max_size=6))),
        per_day=draw(st.none() | amounts),
        runway=draw(st.none() | st.timedeltas(timedelta(), LONGEST)),
        link=draw(st.sampled_from([None, LINK])),
    )
