"""An account with nothing but a name and a key alerts before it is dry, or when it is."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.domain.rules import Metric
from tests.support.canaries import key
from tests.support.check_bench import Bench
from tests.support.examples import TICK

HOUR = timedelta(hours=1)


def watch(bench: Bench, name: str = "a", **more: Any) -> None:  # noqa: ANN401 (JSON)
    """Watches one account that has a name, a provider and a key, and no more than is given."""
    entry = {"name": name, "provider": "you", "credentials": {"api_key": key()}, **more}
    bench.put_secret("accounts", {"accounts": [entry]})


def shows(bench: Bench, balance: str, hour: int) -> None:
    bench.reads.balances["a"] = balance
    assert bench.run(TICK + hour * HOUR).complete


def notifications(bench: Bench) -> list[Notification]:
    """Returns the notifications about accounts, without those about top-ups."""
    of = (entry.notification for entry in bench.delivery.accepted)
    return [it for it in of if it.reason is not Reason.TOPPED_UP]


def lines(bench: Bench) -> list[str]:
    return [f"{it.reason} {it.rule} {it.severity}" for it in notifications(bench)]


def test_a_fall_from_300_to_nothing_is_announced(bench: Bench) -> None:
    watch(bench)
    shows(bench, "300", 0)
    shows(bench, "0", 1)
    assert lines(bench) == ["fired empty critical"]
    (notification,) = notifications(bench)
    assert (notification.value, notification.threshold) == ("0", Decimal(0))
    assert notification.metric is Metric.EMPTY


def test_an_account_that_is_empty_at_the_first_read_is_announced(bench: Bench) -> None:
    watch(bench)
    shows(bench, "0", 0)
    assert lines(bench) == ["fired empty critical"]


def test_an_account_that_falls_is_announced_three_days_and_one_before_it_is_dry_and_then(
    bench: Bench,
) -> None:
    bench.aws.put_policy('[defaults]\nreminder = "never"\n')
    watch(bench)
    for hour in range(0, 126, 6):
        shows(bench, f"{120 - hour}", hour)
    assert lines(bench) == [
        "fired runs_dry warning",
        "worsened runs_dry critical",
        "fired empty critical",
    ]
    warned, worsened, empty = notifications(bench)
    assert empty.said_at - warned.said_at >= timedelta(days=2)
    assert empty.said_at - worsened.said_at >= timedelta(hours=18)


@pytest.mark.parametrize("where", ["the policy", "the account"])
def test_whoever_does_not_want_it_gets_no_alert(bench: Bench, where: str) -> None:
    if where == "the policy":
        bench.aws.put_policy('[defaults]\nruns_dry = "never"\nempty = false\n')
        watch(bench)
    else:
        watch(bench, runs_dry="never", empty=False)
    for hour in range(0, 60, 6):
        shows(bench, f"{max(0, 48 - hour)}", hour)
    assert lines(bench) == []


def test_an_account_s_own_thresholds_hold_for_it(bench: Bench) -> None:
    watch(bench, runs_dry=["10d", "8d"])
    for hour in range(0, 36, 6):
        shows(bench, f"{220 - hour}", hour)
    assert lines(bench) == ["fired runs_dry warning", "worsened runs_dry critical"]


def test_credit_that_expires_is_announced(bench: Bench) -> None:
    watch(bench, expires_at=(TICK + timedelta(days=10)).date().isoformat())
    shows(bench, "300", 0)
    shows(bench, "300", 24 * 8)
    assert lines(bench) == ["fired expires warning", "worsened expires critical"]


def test_a_failed_read_ends_nothing(bench: Bench) -> None:
    watch(bench)
    shows(bench, "0", 0)
    bench.reads.failures["a"] = ReadFailure(FailureKind.TIMED_OUT, "no")
    bench.run(TICK + HOUR)
    bench.reads.failures.clear()
    shows(bench, "0", 2)
    assert lines(bench) == ["fired empty critical"]


def test_what_is_remembered_between_runs_holds_the_critical_tier(bench: Bench) -> None:
    """The state goes through the table: neither tier is announced twice."""
    bench.aws.put_policy('[defaults]\nreminder = "never"\n')
    watch(bench)
    for hour in range(0, 108, 6):
        shows(bench, f"{120 - hour}", hour)
    assert lines(bench) == ["fired runs_dry warning", "worsened runs_dry critical"]
    shows(bench, "24", 103)
    assert bench.store.accounts.states(["a"])["a"].rules["runs_dry"].grave
    shows(bench, "23", 104)
    shows(bench, "900", 105)
    assert lines(bench)[2:] == ["resolved runs_dry critical"]


def test_a_quiet_run_makes_no_call_more_for_it(bench: Bench, calls: Counter[str]) -> None:
    watch(bench, expires_at="2030-01-01", runs_dry=["5d", "2d"])
    shows(bench, "300", 0)
    calls.clear()
    shows(bench, "300", 1)
    assert calls == {
        "GetParameter": 1,
        "BatchGetSecretValue": 1,
        "BatchGetItem": 1,
        "BatchWriteItem": 2,  # the readings of the hour before, the state
        "UpdateItem": 2,
        "Query": 1,
    }
