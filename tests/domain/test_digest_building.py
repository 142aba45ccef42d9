"""What a digest tells: bounded however many accounts there are, and right about what was spent."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.changes import Change
from balance_watch.domain.digest import LINES, Digest, Listed
from balance_watch.domain.digest_building import Standings, digest_of, looks_back
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.reading import AutoReload, FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.spending import Day, add_spending, spent_since
from balance_watch.domain.state import AccountState, observe
from balance_watch.domain.trend import Sample, add_sample
from tests.support.digests import AT, BEFORE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FEW = [Decimal(number) for number in range(1, 6)]


def lived(
    account: str, balances: list[Decimal], unit: str = "USD", every: timedelta = HOUR
) -> AccountState:
    """Returns the state of an account after these readings, the last of them at `AT`."""
    state = AccountState(account)
    for index, balance in enumerate(balances):
        now = AT - (len(balances) - 1 - index) * every
        state = observe(state, Reading(now, balance, unit), now)
    return state


def digest(*states: AccountState, since: datetime = BEFORE, **others: object) -> Digest:
    return digest_of(Standings(states, **others), AT, since, AT, {})  # type: ignore[arg-type]


def test_units_are_never_mixed() -> None:
    states = [lived(unit, [Decimal(50), Decimal(40)], unit) for unit in ("USD", "EUR", "credits")]
    told = digest(*states)
    assert [(it.currency, it.amount) for it in told.spent.lines] == [
        ("EUR", Decimal(10)),
        ("USD", Decimal(10)),
        ("credits", Decimal(10)),
    ]
    assert [it.currency for it in told.left.lines] == ["EUR", "USD"]


def test_two_thousand_accounts_are_a_few_lines_and_a_count() -> None:
    alert = Alert("low", Severity.WARNING, BEFORE)
    failure = ReadFailure(FailureKind.TIMED_OUT, "no")
    fine = [lived(f"fine-{index:04}", [Decimal(2 * index + 50)]) for index in range(1000)]
    bad = [
        AccountState(f"bad-{index:04}", failure=failure, alerts={Metric.UNREADABLE: alert})
        for index in range(1000)
    ]
    told = digest(*fine, *bad)
    assert told.accounts == 2000
    for listed in (told.next, told.firing, told.unreadable):
        assert (len(listed.lines), listed.more) == (LINES, 1000 - LINES)


def test_what_runs_dry_first_comes_first_and_a_failure_is_not_among_them() -> None:
    falling = [Decimal(100 - hours) for hours in range(25)]
    slowly = [Decimal(1000 - hours) for hours in range(25)]
    broken = observe(lived("c", falling), ReadFailure(FailureKind.TIMED_OUT, "no"), AT)
    told = digest(lived("b", slowly), lived("a", falling), lived("d", [Decimal(9)]), broken)
    assert [it.account for it in told.next.lines] == ["a", "b", "d"]


def test_an_account_with_auto_reload_does_not_run_dry_and_stands_behind_those_that_do() -> None:
    state = lived("a", [Decimal(20 - hours) for hours in range(20)])
    assert state.reading is not None
    on = replace(state, reading=replace(state.reading, auto_reload=AutoReload(enabled=True)))
    told = digest(on, lived("b", [Decimal(1000 - hours) for hours in range(25)]))
    assert [it.account for it in told.next.lines] == ["b", "a"]
    assert told.next.lines[1].runs_dry_at is None


def test_an_outage_and_the_configuration_are_among_what_fires_the_gravest_first() -> None:
    warning = Alert("outage", Severity.WARNING, BEFORE)
    critical = Alert("configuration", Severity.CRITICAL, AT)
    told = digest(outages={"you at host": warning}, configuration=critical)
    assert [it.account for it in told.firing.lines] == ["configuration", "you at host"]


def test_an_alert_that_ended_does_not_fire() -> None:
    ended = Alert("low", Severity.WARNING, BEFORE, firing=False, notified=Severity.WARNING)
    assert not digest(AccountState("a", alerts={Metric.BALANCE: ended})).firing.lines


def test_what_no_reading_shows_of_a_top_up_is_counted() -> None:
    topped_up = AccountState("a", top_up_notified_at=AT)
    assert digest(topped_up).topped_up == Listed((), 1)


@given(st.lists(st.sampled_from(FEW), min_size=1, max_size=24))
def test_a_day_of_hourly_readings_is_exact(falls: list[Decimal]) -> None:
    balances = [Decimal(1000)]
    for fall in falls:
        balances.append(balances[-1] - fall)
    state = lived("a", balances)
    assert spent_since(state.trend, state.days, AT - len(falls) * HOUR) == sum(falls)


def test_of_the_hour_that_a_time_is_in_the_part_after_it_counts() -> None:
    trend: tuple[Sample, ...] = (Sample(AT - HOUR, Decimal(10)),)
    trend = add_sample(trend, Sample(AT, Decimal(4), Decimal(6), HOUR))
    assert spent_since(trend, (), AT - timedelta(minutes=15)) == Decimal("1.5")


def test_of_the_day_that_a_time_is_in_the_part_after_it_counts() -> None:
    midnight = AT.replace(hour=0)
    days: tuple[Day, ...] = ()
    for number in range(7, -1, -1):
        change = Change(Decimal(24), DAY if number else 9 * HOUR)
        days = add_spending(days, change, midnight - number * DAY + HOUR)
    trend = (Sample(AT, Decimal(1), Decimal(1), HOUR),)
    # Fifteen hours of the first day, six whole days, and today.
    assert spent_since(trend, days, AT - 7 * DAY) == 15 + 6 * 24 + 24


def test_a_day_that_was_observed_after_the_time_alone_counts_whole() -> None:
    day = Day(date(2026, 11, 20), Decimal(7), 10 * HOUR)
    trend = (Sample(AT, Decimal(1)),)
    assert spent_since(trend, (day,), datetime.fromisoformat("2026-11-20T09:00Z")) == 7


def test_nothing_is_known_of_an_account_that_was_never_read() -> None:
    assert spent_since((), (), BEFORE) is None


@pytest.mark.parametrize(
    ("since", "looks"), [(BEFORE, BEFORE), (AT - 7 * DAY, AT - 7 * DAY), (AT - 60 * DAY, None)]
)
def test_it_looks_back_a_week_at_most(since: datetime, looks: datetime | None) -> None:
    assert looks_back(since, AT) == (looks or (AT - 7 * DAY).replace(hour=0))
