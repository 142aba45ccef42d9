"""A fault that was announced stays known: however many there are, and wherever its account is."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.store.runs import configuration_from_item, configuration_to_item
from balance_watch.store.sizes import size_of
from tests.support.auditor import Auditor

MANY = [f"secret s, account {number}: alert_below must be a number" for number in range(80)]


def test_mending_one_of_many_faults_announces_nothing() -> None:
    auditor = Auditor()
    auditor.announces(*MANY)
    assert [auditor.announces(*MANY[mended:]) for mended in (1, 2, 10, 29, 30, 79)] == [[]] * 6


def test_a_fault_beyond_those_shown_is_new_when_it_comes() -> None:
    auditor = Auditor()
    auditor.announces(*MANY[:60])
    assert auditor.announces(*MANY[:61]) == ["worsened sns", "worsened slack:default"]


def test_an_alert_shows_fifty_faults_and_counts_all() -> None:
    notification = Auditor().notifies(*MANY)
    lines = notification.detail.splitlines()
    assert (notification.value, len(lines), lines[-1]) == ("80", 51, "And 30 more.")


def test_a_faulty_account_that_moves_to_another_secret_is_announced_once() -> None:
    auditor = Auditor()
    auditor.announces("secret balance-watch/accounts, account sms: credentials has no api_secret")
    moved = "secret balance-watch/accounts/b, account sms: credentials has no api_secret"
    assert auditor.announces(moved) == []


def test_another_fault_of_an_account_that_moves_is_announced() -> None:
    auditor = Auditor()
    auditor.announces("secret balance-watch/accounts, account sms: credentials has no api_secret")
    moved = "secret balance-watch/accounts/b, account sms: credentials has no api_key"
    assert auditor.announces(moved) == ["worsened sns", "worsened slack:default"]


def test_an_account_without_a_name_is_known_by_its_secret() -> None:
    auditor = Auditor()
    auditor.announces("secret a, account number 1, name: is missing")
    other = "secret b, account number 1, name: is missing"
    assert auditor.announces(other) == ["worsened sns", "worsened slack:default"]


def test_a_fault_that_comes_back_after_the_gap_is_announced_again() -> None:
    auditor = Auditor()
    auditor.announces(*MANY)
    auditor.announces(*MANY[:-1], after=timedelta(hours=7))
    assert auditor.announces(*MANY) == ["worsened sns", "worsened slack:default"]


THOUSANDS = [f"secret s, account {number}: has no api_key" for number in range(3000)]
GAP = timedelta(hours=6)
WORSE = ["worsened sns", "worsened slack:default"]


def test_thousands_of_faults_are_announced_once() -> None:
    auditor = Auditor()
    assert auditor.announces(*THOUSANDS)[0] == "fired sns"
    assert [auditor.announces(*reversed(THOUSANDS), after=GAP) for _ in range(3)] == [[]] * 3


def test_one_more_fault_than_thousands_is_announced_and_once_per_minimum_gap() -> None:
    auditor = Auditor()
    auditor.announces(*THOUSANDS[:2990])
    assert auditor.announces(*THOUSANDS[:2991]) == []
    assert auditor.announces(*THOUSANDS[:2991], after=GAP) == WORSE
    assert auditor.announces(*THOUSANDS[:2991], after=GAP) == []


def test_one_of_thousands_of_faults_in_place_of_another_is_announced() -> None:
    auditor = Auditor()
    auditor.announces(*THOUSANDS[:2990])
    assert auditor.announces(*THOUSANDS[1:2991], after=GAP) == WORSE


def test_mending_thousands_of_faults_announces_nothing_until_all_are_mended() -> None:
    auditor = Auditor()
    auditor.announces(*THOUSANDS)
    lefts = (2999, 2500, 1500, 1001, 1000, 999, 1)
    assert [auditor.announces(*THOUSANDS[-left:]) for left in lefts] == [[]] * 7
    assert auditor.announces()[0] == "resolved sns"


def test_once_few_faults_are_left_a_new_one_is_announced_at_once() -> None:
    auditor = Auditor()
    auditor.announces(*THOUSANDS)
    auditor.announces(*THOUSANDS[:900])
    assert auditor.announces(*THOUSANDS[:900], "secret t: is not JSON") == WORSE


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=4))
def test_what_is_remembered_of_thousands_of_faults_fits_into_an_item(numbers: list[int]) -> None:
    auditor = Auditor()
    long = [f"secret s, account {number}: {'x' * 400}" for number in range(3000)]
    for number in numbers:
        auditor.announces(*long[number:], after=GAP)
        stored = configuration_to_item(auditor.state)
        assert size_of(stored) < 100_000
        known = configuration_from_item(stored)
        assert (known.more, known.notified) == (auditor.state.more, auditor.state.notified)
