"""A fault that was announced stays known: however many there are, and wherever its account is."""

from datetime import timedelta

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
