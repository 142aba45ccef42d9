"""Accounts that were removed from the secrets: their alerts end without a notification."""

from datetime import timedelta

import pytest

from tests.support.check_bench import FINE, LOW, Bench
from tests.support.examples import NEXT, TICK

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def logged_as_removed(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Returns the accounts that the log calls removed."""
    lines = [record for record in caplog.records if "was removed" in record.getMessage()]
    return [vars(record)["account"] for record in lines]


def test_the_alerts_of_a_removed_account_end_with_a_log_line_and_no_notification(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.watch("a", "b")
    bench.reads.balances["a"] = LOW
    bench.run()
    bench.watch("b")
    bench.run(NEXT)
    assert bench.delivery.announced == [("a", "fired")]
    assert logged_as_removed(caplog) == ["a"]
    assert bench.store.accounts.states(["a"])["a"].alerts == {}
    assert len(bench.store.accounts.history("a", TICK, NEXT)) == 1, "the history stays"


def test_a_removed_account_is_logged_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.watch("a", "b")
    bench.reads.balances["a"] = LOW
    bench.run()
    bench.watch("b")
    for hour in range(1, 4):
        bench.run(TICK + hour * HOUR)
    assert logged_as_removed(caplog) == ["a"]


def test_an_account_that_is_added_again_fires_again(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.reads.balances["a"] = LOW
    bench.run()
    bench.watch("b")
    bench.run(NEXT)
    bench.watch("a", "b")
    bench.run(TICK + DAY)
    assert bench.delivery.announced == [("a", "fired"), ("a", "fired")]


def test_an_account_that_is_in_no_secret_for_a_run_is_announced_once(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.reads.balances["a"] = LOW
    bench.run()
    bench.watch("b")
    bench.run(NEXT)
    bench.watch("a", "b")
    bench.run(TICK + HOUR)
    assert bench.delivery.announced == [("a", "fired")]


def test_the_alert_of_an_account_that_comes_back_recovered_resolves(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.reads.balances["a"] = LOW
    bench.run()
    bench.watch("b")
    bench.run(NEXT)
    bench.watch("a", "b")
    bench.reads.balances["a"] = FINE
    bench.run(TICK + HOUR)
    assert bench.delivery.announced == [("a", "fired"), ("a", "resolved"), ("a", "topped_up")]


def test_an_account_that_a_fault_of_its_secret_hides_keeps_its_alerts(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.run()
    bench.put_secret("accounts", "no JSON")
    bench.run(NEXT)
    bench.watch("a")
    bench.run(TICK + HOUR)
    assert [it for it in bench.delivery.announced if it[0] == "a"] == [("a", "fired")]


def test_a_removed_account_without_an_alert_is_not_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.watch("a", "b")
    bench.run()
    bench.watch("b")
    bench.run(NEXT)
    assert logged_as_removed(caplog) == []


def test_an_account_that_was_removed_keeps_its_history(bench: Bench) -> None:
    bench.watch("a", "b")
    bench.run()
    bench.watch("b")
    assert bench.run(NEXT).accounts == 1
    assert bench.store.accounts.history("a", TICK, NEXT)
