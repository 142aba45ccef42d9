"""A schedule that has stopped is noticed by the times of the latest checks."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.overdue import Overdue, overdue
from balance_watch.domain.state import AccountState
from tests.support.examples import TICK

MINUTE = timedelta(minutes=1)
FIVE = 5 * MINUTE


def checked(name: str, ago: timedelta, *gaps: timedelta) -> AccountState:
    """An account that was checked so long before the tick, with these times between its checks."""
    return AccountState(name, checked_at=TICK - ago, gaps=gaps)


def test_a_check_within_three_periods_is_in_time() -> None:
    assert overdue([checked("a", 3 * FIVE, FIVE, FIVE)], TICK) is None


def test_a_check_that_is_older_than_three_periods_is_overdue() -> None:
    states = [checked("a", 3 * FIVE + MINUTE, FIVE, FIVE), checked("b", 4 * FIVE, FIVE, FIVE)]
    assert overdue(states, TICK) == Overdue(("b", "a"), TICK - 4 * FIVE, FIVE, is_all=True)


def test_one_account_alone_is_overdue_while_the_schedule_goes_on() -> None:
    late = overdue([checked("a", 4 * FIVE, FIVE, FIVE), checked("b", FIVE, FIVE, FIVE)], TICK)
    assert late == Overdue(("a",), TICK - 4 * FIVE, FIVE, is_all=False)


def test_a_new_account_hides_no_schedule_that_has_stopped() -> None:
    late = overdue([AccountState("new"), checked("a", 4 * FIVE, FIVE, FIVE)], TICK)
    assert late is not None
    assert late.is_all


def test_a_schedule_with_pauses_has_its_own_period() -> None:
    gaps = (30 * MINUTE, 720 * MINUTE, 30 * MINUTE)
    assert overdue([checked("a", 1000 * MINUTE, *gaps)], TICK) is None


@pytest.mark.parametrize(("hours", "is_late"), [(3, False), (4, True)])
def test_after_one_check_alone_three_hours_are_too_long(hours: int, *, is_late: bool) -> None:
    late = overdue([checked("a", timedelta(hours=hours))], TICK)
    assert (late is not None) is is_late


def test_an_account_that_was_checked_once_has_the_period_of_the_others() -> None:
    late = overdue([checked("new", 4 * FIVE), checked("a", MINUTE, FIVE, FIVE)], TICK)
    assert late is not None
    assert (late.accounts, late.period) == (("new",), FIVE)


def test_without_a_check_nothing_is_known() -> None:
    assert overdue([AccountState("new")], TICK) is None
    assert overdue([], TICK) is None


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**5)), min_size=1))
def test_the_oldest_check_decides(accounts: list[tuple[int, int]]) -> None:
    states = [
        checked(f"{number}", ago * MINUTE, gap * MINUTE, gap * MINUTE)
        for number, (ago, gap) in enumerate(accounts)
    ]
    late = overdue(states, TICK)
    names = {f"{number}" for number, (ago, gap) in enumerate(accounts) if ago > 3 * gap}
    assert names == (set() if late is None else set(late.accounts))
