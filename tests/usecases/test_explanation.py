"""An explanation says what holds an alert back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from balance_watch.domain.channels import AvailableChannels
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import AutoReload
from balance_watch.usecases.explanation import explain
from tests.support.runway import falls
from tests.support.watchman import ACCOUNT, START, Watchman, watching


def holds_of(watchman: Watchman, rule: str) -> list[str]:
    explained = explain(
        ACCOUNT,
        watchman.state,
        Policy(),
        channels=AvailableChannels(frozenset({"sns"})),
        silences=(),
        outages=(),
        now=START + timedelta(days=4),
    )
    (found,) = (it for it in explained if it.rule == rule)
    return [hold.why for hold in found.holds]


@pytest.mark.parametrize(
    ("reload", "expected"),
    [
        (
            AutoReload(enabled=True, threshold=Decimal(1)),
            ["the provider's auto-reload, which is on"],
        ),
        (AutoReload(enabled=False), []),
        (None, []),
    ],
)
def test_a_short_runway_that_auto_reload_keeps_quiet_says_so(
    reload: AutoReload | None, expected: list[str]
) -> None:
    watchman = watching()
    falls(watchman, "100", "1", 60, auto_reload=reload)
    assert holds_of(watchman, "runs_dry") == expected


def test_a_long_runway_is_held_back_by_nothing() -> None:
    watchman = watching()
    falls(watchman, "9000", "1", 60, auto_reload=AutoReload(enabled=True, threshold=Decimal(1)))
    assert holds_of(watchman, "runs_dry") == []
