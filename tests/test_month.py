"""The simulated month: what it counts, and that a few of its accounts are told of in time."""

from pathlib import Path

import pytest

from tests.benchmarks.month import OWN, Scenario, live, scenarios
from tests.benchmarks.month_goals import Life, leapt, row_of

FINE = Life(
    "x",
    dry_at=None,
    closest=500.0,
    leapt=False,
    told_at=None,
    early=False,
    critical=False,
    messages=0,
)
DRY = FINE._replace(dry_at=100.0, closest=0.0, told_at=70.0, critical=True)


def test_an_account_told_of_a_day_before_is_in_time() -> None:
    assert (DRY.in_time, DRY.missed) == (True, False)


@pytest.mark.parametrize("told_at", [None, 77.0, 100.0, 101.0])
def test_one_told_of_later_is_missed(told_at: float | None) -> None:
    assert DRY._replace(told_at=told_at).missed


def test_one_that_leapt_may_be_told_of_when_it_is_dry() -> None:
    assert not DRY._replace(leapt=True, told_at=100.0).missed
    assert DRY._replace(leapt=True, told_at=101.0).missed


def test_one_that_was_never_critical_is_missed() -> None:
    assert DRY._replace(critical=False).missed


def test_one_that_is_told_of_without_coming_close_is_needless() -> None:
    assert FINE._replace(told_at=3.0).needless
    assert not FINE._replace(told_at=3.0, closest=144.0).needless


def test_a_day_that_takes_more_than_twice_as_much_as_any_before_is_a_leap() -> None:
    steady = [float(at) for at in range(100)]
    assert not leapt(steady, 99)
    assert leapt([*steady, *(99.0 + 2.1 * at for at in range(1, 26))], 124)


def test_a_row_counts_each_account_once() -> None:
    row = row_of("all", [FINE, DRY, DRY._replace(told_at=None)])
    assert row[1:8] == (3, 2, 1, 0, 1, 1, 0)


def hourly(kind: str) -> list[Life]:
    """The month of the accounts of a kind, read every hour."""
    own: list[Scenario] = [it for it in scenarios([Path("nowhere")]) if it.kind == kind]
    return [live(it, 60) for it in own]


@pytest.mark.parametrize("kind", [*OWN])
def test_with_nothing_configured_each_dry_account_is_told_of_and_no_other(kind: str) -> None:
    lives = hourly(kind)
    assert len(lives) == 5
    assert not [it for it in lives if it.missed or it.needless]
