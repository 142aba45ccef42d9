"""An explanation says what holds an alert back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from balance_watch.domain.channels import AvailableChannels
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import AutoReload
from balance_watch.usecases.explanation import Hold, RuleExplanation, explain
from tests.support.runway import falls
from tests.support.watchman import ACCOUNT, START, Watchman, watching


def explained(watchman: Watchman) -> list[RuleExplanation]:
    return explain(
        ACCOUNT,
        watchman.state,
        Policy(),
        channels=AvailableChannels(frozenset({"sns"})),
        silences=(),
        outages=(),
        now=START + timedelta(days=4),
    )


def holds_of(watchman: Watchman, rule: str) -> list[str]:
    (found,) = (it for it in explained(watchman) if it.rule == rule)
    return [hold.why for hold in found.holds]


@pytest.mark.parametrize(
    ("reload", "expected"),
    [
        (
            AutoReload(enabled=True, threshold=Decimal(1)),
            ["the provider's auto-reload is on"],
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
    (rule,) = (it for it in explained(watchman) if it.rule == "runs_dry")
    assert (rule.status == "quiet") is bool(expected)


def test_a_long_runway_is_held_back_by_nothing() -> None:
    watchman = watching()
    falls(watchman, "9000", "1", 60, auto_reload=AutoReload(enabled=True, threshold=Decimal(1)))
    assert holds_of(watchman, "runs_dry") == []


def test_a_short_runway_of_a_quota_that_is_reset_first_says_so() -> None:
    watchman = watching()
    falls(watchman, "100", "1", 60, resets_at=START + timedelta(hours=70))
    assert holds_of(watchman, "runs_dry") == ["its quota begins anew before it is used up"]


def test_a_runway_that_is_unknown_yet_says_until_when() -> None:
    watchman = watching()
    falls(watchman, "100", "1", 5)
    (hold,) = next(it for it in explained(watchman) if it.rule == "runs_dry").holds
    first = watchman.state.trend[0].at
    assert hold == Hold("12 hours of readings are needed", first + timedelta(hours=12))
