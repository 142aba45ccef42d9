"""The built-in rule `empty` fires as soon as nothing is left, even at the first read."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.policy import Defaults, Policy
from balance_watch.domain.reading import AutoReload, Reading, Unlimited
from balance_watch.domain.rules import Metric, PendingPeriod
from balance_watch.domain.silences import Silence
from balance_watch.notifiers.text import summary_line
from tests.support.watchman import (
    ACCOUNT,
    HOUR,
    START,
    TICK,
    Watchman,
    below,
    failure,
    reading,
    watching,
)

FIRED, RESOLVED = (
    [f"{reason} sns", f"{reason} slack:default"] for reason in (Reason.FIRED, Reason.RESOLVED)
)


def lends(limit: str, balance: str) -> Reading:
    """Returns a reading of an account that may owe as much as a limit."""
    return reading(balance, credit_limit=Decimal(limit))


def empties(watchman: Watchman) -> list[Notification]:
    """Returns every notification that an account is empty, once."""
    notifications = (entry.notification for entry in watchman.entries if entry.channel == "sns")
    return [each for each in notifications if each.metric is Metric.EMPTY]


def test_an_account_with_a_name_and_a_key_alone_alerts_when_it_is_empty() -> None:
    watchman = watching()
    assert watchman.announces("300") == []
    assert watchman.announces("0") == FIRED
    (notification,) = empties(watchman)
    assert (notification.rule, notification.severity) == ("empty", "critical")


@pytest.mark.parametrize("balance", ["0", "-0", "0.00", "-0.01", "-25"])
def test_nothing_or_less_fires_at_the_first_read(balance: str) -> None:
    assert watching().announces(balance) == FIRED


@pytest.mark.parametrize("balance", ["0.00000001", "0.01", "1"])
def test_anything_at_all_is_not_nothing(balance: str) -> None:
    assert watching().announces(balance) == []


def test_it_ends_with_the_first_cent_and_waits_for_no_recovery() -> None:
    watchman = watching()
    watchman.announces("0")
    assert watchman.announces("0.01") == RESOLVED


def test_it_is_announced_again_within_the_minimum_gap() -> None:
    watchman = watching()
    watchman.announces("0")
    watchman.announces("5")
    assert watchman.announces("0") == FIRED
    assert watchman.announces("5") == RESOLVED


def test_while_it_lasts_it_is_announced_once_and_then_reminded_of() -> None:
    watchman = watching()
    watchman.announces("0")
    assert watchman.announces("0") == []
    assert watchman.announces("-3", after=24 * HOUR) == ["reminder sns", "reminder slack:default"]


def test_an_alert_on_the_balance_goes_its_own_way() -> None:
    watchman = watching(below("20"))
    assert watchman.announces("8") == FIRED
    assert watchman.announces("0") == ["worsened sns", "worsened slack:default", *FIRED]
    assert watchman.announces("8") == RESOLVED
    assert watchman.state.alerts[Metric.BALANCE].firing


def test_a_failed_read_neither_fires_nor_ends_it() -> None:
    watchman = watching()
    assert watchman.announces(failure()) == []
    watchman.announces("0")
    assert watchman.announces(failure()) == []
    assert watchman.state.alerts[Metric.EMPTY].firing
    assert watchman.announces("0") == []


def test_an_account_whose_limit_goes_is_no_longer_empty() -> None:
    watchman = watching()
    watchman.announces("0")
    assert watchman.announces(Unlimited(START)) == RESOLVED


def test_auto_reload_does_not_keep_it_quiet() -> None:
    reloads = AutoReload(enabled=True, threshold=Decimal(10), amount=Decimal(50))
    assert watching().announces(reading("0", auto_reload=reloads)) == FIRED


def test_a_quota_that_is_used_up_is_announced_although_it_resets() -> None:
    assert watching().announces(reading("0", resets_at=START + HOUR)) == FIRED


def test_a_silence_keeps_it_until_the_silence_ends() -> None:
    watchman = watching()
    watchman.silences = [Silence("s", {"account": "sms"}, START + HOUR, "known", START - TICK)]
    assert watchman.announces("0") == []
    assert watchman.announces("0", after=2 * HOUR) == FIRED


@pytest.mark.parametrize("reminder", [None, timedelta(hours=1)])
def test_reminders_come_as_the_policy_says(reminder: timedelta | None) -> None:
    watchman = watching(defaults=Defaults(reminder=reminder))
    watchman.announces("0")
    assert bool(watchman.announces("0", after=HOUR)) is (reminder is not None)


def test_a_policy_can_turn_it_off_and_an_account_on_again() -> None:
    off = Policy(Defaults(empty=False))
    assert Watchman(off).announces("0") == []
    assert Watchman(off, replace(ACCOUNT, empty=True)).announces("0") == FIRED
    assert Watchman(account=replace(ACCOUNT, empty=False)).announces("0") == []


def test_turning_it_off_ends_an_alert() -> None:
    watchman = watching()
    watchman.announces("0")
    watchman.policy = Policy(Defaults(empty=False))
    assert watchman.announces("0") == RESOLVED
    line = summary_line(empties(watchman)[-1])
    assert line == "the rule empty no longer applies to sms"


def test_a_rule_of_the_policy_with_its_name_takes_its_place() -> None:
    own = below("5", name="empty", pending_period=PendingPeriod(2))
    watchman = watching(own)
    assert watchman.announces("0") == []
    assert watchman.announces("0") == FIRED
    assert watchman.state.alerts.keys() == {Metric.BALANCE}


def test_where_that_rule_does_not_apply_the_built_in_one_does() -> None:
    own = below("5", name="empty", match={"account": "another"})
    assert watching(own).announces("0") == FIRED


# An account that may owe.


@pytest.mark.parametrize("balance", ["5", "0", "-99.99", "-100"])
def test_an_account_that_may_owe_is_not_empty_within_its_limit(balance: str) -> None:
    assert watching().announces(lends("100", balance)) == []


def test_an_account_that_owes_more_than_its_limit_is_empty_until_it_owes_less() -> None:
    watchman = watching()
    assert watchman.announces(lends("100", "-100.01")) == FIRED
    assert watchman.announces(lends("100", "-100")) == []
    assert watchman.announces(lends("100", "-99.99")) == RESOLVED
    assert [notification.threshold for notification in empties(watchman)] == [-100, -100]


def test_a_limit_of_nothing_is_none() -> None:
    assert watching().announces(lends("0", "0")) == FIRED


def test_a_limit_that_is_taken_away_leaves_an_account_empty() -> None:
    watchman = watching()
    watchman.announces(lends("100", "-50"))
    assert watchman.announces(lends("0", "-50")) == FIRED


def test_the_text_of_an_alert_on_an_empty_account() -> None:
    watchman = watching()
    watchman.check("0")
    watchman.check("4")
    watchman.check(lends("100", "-100.01"))
    watchman.check(lends("100", "4"))
    assert [summary_line(notification) for notification in empties(watchman)] == [
        "sms has nothing left: 0.00 EUR",
        "sms has recovered and is at 4.00 EUR",
        "sms has nothing left: -100.01 EUR, past its credit limit of 100.00 EUR",
        "sms has recovered and is at 4.00 EUR",
    ]
    assert "The provider's credit limit is 100.00 EUR." in empties(watchman)[2].detail


amounts = st.decimals(-200, 200, places=2)


@given(st.lists(st.tuples(amounts, st.none() | st.decimals(0, 150, places=2)), max_size=12))
def test_it_fires_exactly_while_nothing_is_left(
    reads: list[tuple[Decimal, Decimal | None]],
) -> None:
    watchman = watching(defaults=Defaults(runs_dry=()))
    firing = False
    for balance, limit in reads:
        watchman.check(reading(f"{balance}", credit_limit=limit))
        floor = -limit if limit else Decimal(0)
        at_floor = balance == floor and (firing or not limit)
        firing = balance < floor or at_floor
        alert = watchman.state.alerts.get(Metric.EMPTY)
        assert (alert is not None and alert.firing) is firing
    reasons = [notification.reason for notification in empties(watchman)]
    assert reasons == [Reason.FIRED, Reason.RESOLVED] * (len(reasons) // 2) + (
        [Reason.FIRED] if firing else []
    )
