"""Digests for tests: an ordinary one, and one of whatever size and names."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from balance_watch.domain.digest import (
    AccountLine,
    Digest,
    FiringLine,
    LeapLine,
    Listed,
    Sum,
    TopUpLine,
    UnreadableLine,
)
from balance_watch.domain.digest_building import digest_notification
from balance_watch.domain.notification import Notification
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Severity

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BEFORE = AT - timedelta(days=1)

DIGEST = Digest(
    at=AT,
    since=BEFORE,
    until=AT,
    accounts=4,
    spent=Listed((Sum("EUR", Decimal("7.9"), 1), Sum("USD", Decimal("43.7"), 2, is_estimate=True))),
    left=Listed((Sum("EUR", Decimal("9.92"), 1), Sum("USD", Decimal("1250.5"), 2))),
    next=Listed(
        (
            AccountLine("sms", "EUR", Decimal("9.92"), Decimal("7.9"), AT + timedelta(hours=58)),
            AccountLine("llm", "USD", Decimal("1200.5"), None, None, is_estimate=True),
        )
    ),
    firing=Listed((FiringLine("sms", "runs_dry", Severity.WARNING, BEFORE),)),
    topped_up=Listed((TopUpLine("images", "USD", Decimal(60)),)),
    unreadable=Listed((UnreadableLine("search", FailureKind.KEY_REJECTED, BEFORE),)),
    leaps=Listed((LeapLine("llm", "USD", Decimal("57.2"), Decimal("19.2")),)),
)
"""What four accounts did in a day."""


def notification_of(digest: Digest = DIGEST, detail: str = "") -> Notification:
    """Returns the notification of a digest."""
    return replace(digest_notification(digest), detail=detail)


def digest_with(names: list[str], unit: str = "USD", more: int = 0) -> Digest:
    """Returns a digest in which every list has a line for each of these names."""
    huge = Decimal(10) ** 30
    return Digest(
        at=AT,
        since=BEFORE,
        until=AT,
        accounts=len(names) + more,
        spent=Listed((Sum(unit, huge, 3),), more),
        left=Listed((Sum(unit, huge, 3),), more),
        next=Listed(tuple(AccountLine(it, unit, huge, huge, AT) for it in names), more),
        firing=Listed(tuple(FiringLine(it, it, Severity.INFO, AT) for it in names), more),
        topped_up=Listed(tuple(TopUpLine(it, unit, huge) for it in names), more),
        unreadable=Listed(
            tuple(UnreadableLine(it, FailureKind.TIMED_OUT, AT) for it in names), more
        ),
        leaps=Listed(tuple(LeapLine(it, unit, huge, Decimal(1)) for it in names), more),
    )
