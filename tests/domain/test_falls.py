"""A fall that is taken back is neither spending nor, when it is taken back, a top-up."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.policy import Policy
from balance_watch.domain.rules import Metric, Rule
from tests.support.watchman import DAY, HOUR, TICK, Watchman, watching


def read(watchman: Watchman, balances: Iterable[object], every: timedelta = TICK) -> list[str]:
    """Reads these balances; returns what was said of top-ups."""
    return [
        entry.notification.detail
        for balance in balances
        for entry in watchman.top_up_entries(str(balance), every)
        if entry.channel == "sns"
    ]


def spent(watchman: Watchman) -> Decimal:
    """What counts as spent in the last week."""
    return sum((day.spent for day in watchman.state.days), Decimal(0))


@pytest.mark.parametrize("wrong", ["0", "0.01", "-950", "500", "949"])
@pytest.mark.parametrize("looks", [1, 3, 5, 12])
def test_a_wrong_reading_is_neither_spending_nor_a_top_up(wrong: str, looks: int) -> None:
    watchman = watching()
    said = read(watchman, ["950", *[wrong] * looks, "950", "950"])
    assert not said
    assert spent(watchman) == 0


def test_a_wrong_reading_leaves_the_runway_as_it_was() -> None:
    """From the issue: one wrong 0 made of a runway of 95 days one of 5 for a week."""
    right, wrong = watching(), watching()
    balances = [Decimal(1000) - Decimal(n) * 10 / 288 for n in range(288 * 5)]
    read(right, balances)
    read(wrong, [0 if n == 700 else balance for n, balance in enumerate(balances)])
    assert right.state.runway is not None
    assert wrong.state.runway is not None
    assert abs(wrong.state.runway / right.state.runway - 1) < 0.01


def test_only_what_goes_beyond_a_fall_that_is_taken_back_is_a_top_up() -> None:
    watchman = watching()
    said = read(watchman, ["950", "0", "1050"])
    assert said == ["The balance rose by 100.00 EUR, from 950.00 EUR to 1,050.00 EUR."]
    assert spent(watchman) == 0


def test_a_top_up_after_ordinary_use_is_told_from_the_balance_before_it() -> None:
    watchman = watching()
    said = read(watchman, ["100.50", "100.25", "200.25"])
    assert said == ["The balance rose by 100.00 EUR, from 100.25 EUR to 200.25 EUR."]
    assert spent(watchman) == Decimal("0.25")


def test_a_cent_after_nothing_is_no_top_up() -> None:
    assert read(watching(), ["0.00", "0.01", "0.02"]) == []


def test_twenty_after_nothing_is_a_top_up() -> None:
    assert len(read(watching(), ["0.00", "20.00"])) == 1


def test_replicas_that_are_six_per_cent_apart_make_no_top_up_and_no_spending() -> None:
    """From the issue: they asked for 23 payments in half a day."""
    watchman = watching()
    balances = [Decimal(893) if n % 3 == 1 else Decimal(950) for n in range(144)]
    assert read(watchman, balances) == []
    assert spent(watchman) == 0


@pytest.mark.parametrize("stale", [1, 2, 4])
def test_replicas_of_an_account_in_use_show_its_true_spending(stale: int) -> None:
    watchman = watching()
    fresh = [Decimal(950) - n * Decimal("0.1") for n in range(288)]
    shown = [
        balance * Decimal("0.94") if 0 < n % 7 <= stale else balance
        for n, balance in enumerate(fresh)
    ]
    assert read(watchman, shown) == []
    assert abs(spent(watchman) - (fresh[0] - fresh[-1])) < 8


def test_a_rule_that_pays_does_not_begin_anew_with_every_replica() -> None:
    rule = Rule("pays", Metric.RUNWAY, below=Decimal(10 * 86400), top_ups=24)
    watchman = Watchman(Policy(rules=(rule,)))
    read(watchman, [Decimal(893) if n % 2 else Decimal(950) for n in range(288)])
    assert watchman.orders == []


def test_a_large_fall_that_stays_is_spending_after_half_an_hour() -> None:
    watchman = watching()
    read(watchman, ["950", "450"])
    assert spent(watchman) == 0
    read(watchman, ["450"] * 6)
    assert spent(watchman) == 500


def test_large_falls_in_a_row_confirm_each_other() -> None:
    watchman = watching()
    read(watchman, [str(1000 - 100 * n) for n in range(6)])
    assert spent(watchman) == 400


def test_a_large_fall_within_a_long_time_is_spending_at_once() -> None:
    watchman = watching()
    read(watchman, ["100", "50"], every=DAY)
    assert spent(watchman) == 50


def test_a_rise_a_day_after_the_fall_is_a_top_up() -> None:
    watchman = watching()
    read(watchman, ["950", "0"])
    assert len(read(watchman, ["0"] * 26, every=HOUR)) == 0
    assert len(read(watchman, ["950"], every=HOUR)) == 1
    assert spent(watchman) == 950


@pytest.mark.parametrize("every", [TICK, HOUR, 3 * HOUR, 12 * HOUR, DAY])
@pytest.mark.parametrize("at_once", [True, False])
def test_an_account_that_is_spent_in_one_step_and_refilled_to_the_same_is_in_use(
    every: timedelta, *, at_once: bool
) -> None:
    """A nightly batch takes 80 between two readings, and somebody refills it every other day."""
    watchman = watching()
    looks = max(1, DAY // every) if at_once else 2 * max(1, DAY // every)
    read(watchman, [*(["100"] * looks), *(["20"] * looks)] * 3, every)
    assert spent(watchman) >= 160
    runway = watchman.state.runway
    assert runway is not None
    assert runway < timedelta(days=3)


def test_a_fall_that_stood_for_hours_is_not_taken_back() -> None:
    watchman = watching()
    read(watchman, ["100", *["20"] * 50])
    assert len(read(watchman, ["100"])) == 1
    assert spent(watchman) == 80


def test_an_account_that_reloads_itself_shows_what_it_spends() -> None:
    """From the issue: reloads every two hours hid ten times the usual spending."""
    watchman, balance, said = watching(), Decimal(100), list[Decimal | None]()
    for n in range(288 * 2):
        balance -= Decimal("3.5")
        if n % 24 == 23:
            balance += 84
        watchman.announces(f"{balance}")
        said.append(watchman.state.pace.today)
    assert said[-1] is not None
    assert said[-1] == pytest.approx(Decimal("3.5") * 288, rel=Decimal("0.05"))


def test_spending_that_leaps_while_the_account_reloads_itself_is_told() -> None:
    rule = Rule("leap", Metric.SPEND_RATE, above=Decimal(3), relative=True)
    watchman, balance = watching(rule), Decimal(100)
    announced: list[str] = []
    for n in range(288 * 6):
        balance -= Decimal("0.3") if n < 288 * 5 else Decimal(3)
        if balance < 30:
            balance += 70
        announced += watchman.announces(f"{balance}")
    assert announced[:1] == ["fired sns"]


amounts = st.decimals(0, 1000, places=2, allow_nan=False, allow_infinity=False)


@given(st.lists(amounts, min_size=2, max_size=12))
def test_no_more_is_spent_than_the_balance_fell(balances: list[Decimal]) -> None:
    watchman = watching()
    read(watchman, balances)
    fell = sum(max(Decimal(0), before - after) for before, after in pairwise(balances))
    assert 0 <= spent(watchman) <= fell
