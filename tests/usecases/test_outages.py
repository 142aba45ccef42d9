"""An outage is one message when it begins, and one when it is over."""

from datetime import timedelta

import pytest

from balance_watch.domain.notification import Notification
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.domain.silences import Silence
from tests.support.check_bench import FINE, LOW, Bench
from tests.support.examples import TICK

MINUTES = timedelta(minutes=5)
NAMES = [f"account-{number}" for number in range(5)]
TIMED_OUT = ReadFailure(FailureKind.TIMED_OUT, "No whole reply came in time.")
REJECTED = ReadFailure(FailureKind.KEY_REJECTED, "The provider answered HTTP 401.")


@pytest.fixture
def down(bench: Bench) -> Bench:
    """A bench with five accounts, which were read once."""
    bench.watch(*NAMES)
    shows(bench, FINE)
    bench.run(TICK)
    return bench


def shows(bench: Bench, result: str | ReadFailure, *names: str) -> None:
    for name in names or NAMES:
        bench.reads.balances.pop(name, None)
        bench.reads.failures.pop(name, None)
        if isinstance(result, str):
            bench.reads.balances[name] = result
        else:
            bench.reads.failures[name] = result


def runs(bench: Bench, first: int, last: int) -> None:
    for number in range(first, last + 1):
        bench.run(TICK + number * MINUTES)


def said(bench: Bench) -> list[tuple[str, str]]:
    return bench.delivery.announced


def latest(bench: Bench) -> Notification:
    return bench.delivery.accepted[-1].notification


def test_an_outage_is_one_message_with_the_list(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 2)
    assert said(down) == []
    runs(down, 3, 10)
    assert said(down) == [("every account", "fired")]
    assert latest(down).accounts == tuple(NAMES)
    assert latest(down).detail == f"Timed out: {', '.join(NAMES)}."


def test_it_is_one_message_when_it_is_over(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    shows(down, FINE)
    runs(down, 4, 6)
    assert said(down) == [("every account", "fired"), ("every account", "resolved")]


def test_a_provider_that_recovers_by_and_by_is_one_outage(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    for number, names in enumerate((NAMES[:1], NAMES[1:2], NAMES[2:4], NAMES[4:])):
        shows(down, FINE, *names)
        runs(down, 4 + number, 4 + number)
    assert said(down) == [("every account", "fired"), ("every account", "resolved")]


def test_an_account_that_flaps_within_an_outage_ends_it_for_nobody(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    for number in range(4, 12):
        shows(down, FINE if number % 2 else TIMED_OUT, NAMES[0])
        runs(down, number, number)
    assert said(down) == [("every account", "fired")]


def test_an_account_that_still_fails_when_it_is_over_is_announced_by_itself(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    shows(down, FINE, *NAMES[1:])
    runs(down, 4, 4)
    assert said(down)[1:] == [("every account", "resolved")]
    runs(down, 5, 6)
    assert said(down)[2:] == [("account-0", "fired")]


def test_an_account_that_was_told_before_the_outage_gets_its_own_end(down: Bench) -> None:
    shows(down, TIMED_OUT, NAMES[0])
    runs(down, 1, 3)
    shows(down, TIMED_OUT)
    runs(down, 4, 8)
    shows(down, FINE)
    runs(down, 9, 9)
    assert said(down)[:2] == [("account-0", "fired"), ("every account", "fired")]
    assert sorted(said(down)[2:]) == [("account-0", "resolved"), ("every account", "resolved")]


def test_rejected_keys_of_all_are_told_at_once_and_are_critical(down: Bench) -> None:
    shows(down, REJECTED)
    runs(down, 1, 1)
    assert said(down) == [("every account", "fired")]
    assert latest(down).severity == "critical"


def test_a_reminder_has_the_accounts_that_joined(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    down.watch(*NAMES, "new")
    shows(down, TIMED_OUT, "new")
    down.run(TICK + timedelta(days=1, hours=1))
    assert said(down)[1:] == [("every account", "reminder")]
    assert latest(down).accounts == (*NAMES, "new")


def test_what_the_accounts_have_besides_is_told_as_ever(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    shows(down, LOW, NAMES[0])
    runs(down, 4, 4)
    assert ("account-0", "fired") in said(down)


def test_the_state_of_each_account_still_says_that_it_cannot_be_read(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    for state in down.store.accounts.states(NAMES).values():
        (alert,) = state.alerts.values()
        assert (alert.firing, alert.notified) == (True, None)


def test_the_same_tick_again_says_nothing_again(down: Bench) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    down.run(TICK + 3 * MINUTES)
    assert said(down) == [("every account", "fired")]


def test_an_account_silenced_by_its_name_is_not_in_the_list(down: Bench) -> None:
    match = {"account": NAMES[0], "metric": "unreadable"}
    down.store.silences.add(Silence("s", match, TICK + timedelta(days=1), "known", TICK))
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    assert latest(down).accounts == tuple(NAMES[1:])


OUT_OF_CREDIT = ReadFailure(FailureKind.OUT_OF_CREDIT, "The provider answered HTTP 402.")


@pytest.mark.parametrize("others", [TIMED_OUT, FINE], ids=["it lasts", "it ends"])
def test_used_up_credit_is_told_at_once_beside_an_outage(
    down: Bench, others: str | ReadFailure
) -> None:
    shows(down, TIMED_OUT)
    runs(down, 1, 3)
    shows(down, others)
    shows(down, OUT_OF_CREDIT, "account-4")
    runs(down, 4, 4)
    assert ("account-4", "fired") in said(down)


def test_used_up_credit_of_all_accounts_is_one_message(down: Bench) -> None:
    shows(down, OUT_OF_CREDIT)
    runs(down, 1, 3)
    assert said(down) == [("every account", "fired")]


ERROR = ReadFailure(FailureKind.PROVIDER_ERROR, "The provider answered HTTP 503.")


@pytest.fixture
def partly(down: Bench) -> Bench:
    """The same with an account of another provider, which can be read."""
    down.watch("other", into="accounts/more", provider="moonshot")
    shows(down, FINE, "other")
    return down


def test_an_outage_whose_kind_of_failure_changes_goes_on(partly: Bench) -> None:
    for number in range(1, 12):
        shows(partly, TIMED_OUT if number % 2 else ERROR)
        runs(partly, number, number)
    assert said(partly) == [("you at api.you.com", "fired")]


def test_an_outage_that_becomes_one_of_every_account_is_not_over(partly: Bench) -> None:
    shows(partly, TIMED_OUT)
    runs(partly, 1, 3)
    shows(partly, TIMED_OUT, "other")
    runs(partly, 4, 6)
    shows(partly, FINE, "other")
    runs(partly, 7, 8)
    assert "resolved" not in [reason for _, reason in said(partly)]


def test_the_ways_in_which_accounts_fail_are_told_apart(down: Bench) -> None:
    shows(down, TIMED_OUT)
    shows(down, REJECTED, "account-4")
    runs(down, 1, 1)
    assert latest(down).detail == (
        "Timed out: account-0, account-1, account-2, account-3. Key rejected: account-4."
    )


def test_an_outage_of_many_accounts_counts_them_all_and_names_a_hundred(bench: Bench) -> None:
    everyone = [f"a{number:03}" for number in range(150)]
    bench.watch(*everyone)
    shows(bench, TIMED_OUT, *everyone)
    runs(bench, 0, 3)
    assert (latest(bench).value, len(latest(bench).accounts)) == ("150", 100)
    assert latest(bench).detail.endswith("and 120 more.")
