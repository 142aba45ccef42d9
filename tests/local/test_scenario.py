"""The demo's three days have in them what the product is there to tell of."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from local.scenario import CAST, START, State, states_at, ticks
from local.trouble import FINE, OUTAGE


def story(name: str) -> list[State]:
    return [states_at(tick)[name] for tick in ticks()]


def threshold(name: str) -> Decimal:
    (member,) = (member for member in CAST if member.name == name)
    return Decimal(member.alert_below or "NaN")


def test_all_seven_endpoints_are_cast() -> None:
    assert {(member.provider, member.auth) for member in CAST} == {
        ("legnext", None),
        ("you", None),
        ("aimlapi-detail", None),
        ("aimlapi", None),
        ("aimlapi-v1-legacy", None),
        ("vonage", None),
        ("vonage", "query"),
    }


def test_three_days_are_checked_every_hour() -> None:
    times = ticks(datetime(2026, 1, 1, tzinfo=UTC))
    assert len(times) == 72
    assert {after - before for before, after in pairwise(times)} == {timedelta(hours=1)}


def test_a_state_is_the_same_every_time() -> None:
    tick = START + timedelta(hours=50)
    assert states_at(tick) == states_at(tick)


def test_no_balance_falls_below_nothing() -> None:
    assert all(state.balance >= 0 for tick in ticks() for state in states_at(tick).values())


def test_less_is_spent_at_night_than_by_day() -> None:
    balances = [state.balance for state in story("images-prod")]
    assert balances[0] - balances[6] < balances[9] - balances[15]


def test_one_account_goes_low_and_is_topped_up() -> None:
    low = [state.balance < threshold("images-prod") for state in story("images-prod")]
    assert low.index(True) < 71
    assert not low[0]
    assert not low[-1]


def test_one_account_hovers_at_its_threshold() -> None:
    low = [state.balance < threshold("llm-prod") for state in story("llm-prod")]
    crossings = sum(before != after for before, after in pairwise(low))
    assert crossings > 20


def test_one_provider_is_out_for_some_hours_and_comes_back() -> None:
    troubles = [state.trouble for state in story("search-prod")]
    assert troubles.count(OUTAGE) == 5
    assert troubles[-1] == FINE


def test_one_key_is_revoked_and_replaced() -> None:
    good = [state.accepted_key == state.stored_key for state in story("sms-legacy")]
    assert good[0]
    assert not all(good)
    assert good[-1]


def test_one_providers_flag_is_set_for_a_time() -> None:
    flags = [state.flag for state in story("llm-legacy")]
    assert (flags[0], any(flags), flags[-1]) == (False, True, False)


def test_one_account_is_quiet() -> None:
    assert len(set(story("llm-batch"))) == 1
