"""Whatever an account lives through, what `runs_dry` announces is true."""

from collections.abc import Iterator
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.reading import ReadFailure, Reading
from balance_watch.domain.rules import (
    Severity,
)
from tests.support.runway import ONE, RELOADS, THREE, dries
from tests.support.watchman import (
    HOUR,
    Watchman,
    failure,
    reading,
    watching,
)

results = st.one_of(
    st.decimals(0, 200, places=1).map(lambda it: reading(f"{it}")),
    st.decimals(0, 200, places=1).map(lambda it: reading(f"{it}", auto_reload=RELOADS)),
    st.just(failure()),
)


def announced(
    watchman: Watchman, lives: list[Reading | ReadFailure]
) -> Iterator[tuple[Reading | ReadFailure, Notification]]:
    for result in lives:
        before = len(dries(watchman))
        watchman.check(result, 2 * HOUR)
        yield from ((result, notification) for notification in dries(watchman)[before:])


@given(st.lists(results, max_size=40))
def test_bad_news_is_true_and_names_the_tier_that_it_is_below(
    lives: list[Reading | ReadFailure],
) -> None:
    worst: Severity | None = None
    for result, notification in announced(watching(), lives):
        if notification.reason is Reason.RESOLVED:
            assert notification.severity is worst, "as grave as the gravest announcement"
            worst = None
            continue
        if notification.reason is Reason.REMINDER:
            continue
        worst = (
            notification.severity if worst is None else min(worst, notification.severity, key=rank)
        )
        assert isinstance(result, Reading)
        assert result.balance > 0
        assert result.auto_reload is None
        assert notification.value is not None
        assert notification.threshold == (ONE if Decimal(notification.value) < ONE else THREE)
        assert Decimal(notification.value) < notification.threshold
        assert notification.severity is (
            Severity.CRITICAL if notification.threshold == ONE else Severity.WARNING
        )


def rank(severity: Severity) -> int:
    return severity.rank
