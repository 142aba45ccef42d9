"""The demo's three days contain every situation that the product alerts on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from local.scenario import ACCOUNTS, START, State, spent_between, states_at, ticks
from local.trouble import FINE, OUTAGE


def states_of(name: str) -> list[State]:
    return [states_at(tick)[name] for tick in ticks()]


def threshold(name: str) -> Decimal:
    (account,) = (account for account in ACCOUNTS if account.name == name)
    return Decimal(account.alert_below or "NaN")


def test_the_accounts_cover_all_seven_endpoints() -> None:
    assert {(account.provider, account.auth) for account in ACCOUNTS} == {
        ("legnext", None),
        ("you", None),
        ("aimlapi-detail", None),
        ("aimlapi", None),
        ("aimlapi-v1-legacy", None),
        ("vonage", None),
        ("vonage", "query"),
    }


def test_the_ticks_are_hourly_for_three_days() -> None:
    times = ticks(datetime(2026, 1, 1, tzinfo=UTC))
    assert len(times) == 72
    assert {after - before for before, after in pairwise(times)} == {timedelta(hours=1)}


def test_a_state_is_the_same_in_every_run() -> None:
    tick = START + timedelta(hours=50)
    assert states_at(tick) == states_at(tick)


def test_no_balance_falls_below_zero() -> None:
    assert all(state.balance >= 0 for tick in ticks() for state in states_at(tick).values())


def test_less_is_spent_at_night_than_by_day() -> None:
    balances = [state.balance for state in states_of("images-prod")]
    assert balances[0] - balances[6] < balances[9] - balances[15]


def test_one_account_goes_low_and_is_topped_up() -> None:
    low = [state.balance < threshold("images-prod") for state in states_of("images-prod")]
    assert low.index(True) < 71
    assert not low[0]
    assert not low[-1]


def test_one_account_hovers_at_its_threshold() -> None:
    low = [state.balance < threshold("llm-prod") for state in states_of("llm-prod")]
    crossings = sum(before != after for before, after in pairwise(low))
    assert crossings > 20


def test_one_provider_has_an_outage_of_some_hours() -> None:
    troubles = [state.trouble for state in states_of("search-prod")]
    assert troubles.count(OUTAGE) == 5
    assert troubles[-1] == FINE


def test_one_key_is_revoked_and_replaced() -> None:
    good = [state.accepted_key == state.stored_key for state in states_of("sms-legacy")]
    assert good[0]
    assert not all(good)
    assert good[-1]


def test_one_providers_flag_is_set_and_cleared() -> None:
    flags = [state.flag for state in states_of("llm-legacy")]
    assert (flags[0], any(flags), flags[-1]) == (False, True, False)


def test_one_account_is_quiet() -> None:
    assert len(set(states_of("llm-batch"))) == 1


def test_what_is_spent_within_an_hour_adds_up() -> None:
    half = START + timedelta(minutes=630)
    begins, ends = half - timedelta(minutes=30), half + timedelta(minutes=30)
    spent = [
        spent_between("images-prod", START, since, until)
        for since, until in ((begins, half), (half, ends), (begins, ends))
    ]
    hourly = states_of("images-prod")[10].balance - states_of("images-prod")[11].balance
    assert spent[0] + spent[1] == spent[2] == hourly


def test_a_top_up_is_no_spending() -> None:
    topped_up = START + timedelta(hours=51)
    assert spent_between("images-prod", START, topped_up, topped_up + timedelta(hours=1)) == 0
