"""What is left of declared credit and of a budget, by costs of each day."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.credit import Budget, Credit, Left, Purchase

NOW = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
TODAY = NOW.date()


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def bought(amount: str, paid: str, expires: str | None = None) -> Purchase:
    return Purchase(Decimal(amount), at(paid), None if expires is None else at(expires))


def left(*purchases: Purchase, now: datetime = NOW, **costs: str) -> Left:
    """What is left, by costs that are given as `nov_05="3"` and the like."""
    months = {"oct": 10, "nov": 11}
    days = {
        date(2026, months[name[:3]], int(name[4:])): Decimal(cost) for name, cost in costs.items()
    }
    return Credit(purchases).left(days, now)


def test_what_was_spent_is_taken_from_what_was_paid() -> None:
    it = left(bought("100", "2026-11-01"), nov_01="0.06", nov_02="12.5")
    assert (it.balance, it.bought, it.expires_at) == (Decimal("87.44"), Decimal(100), None)


def test_several_purchases_add_up() -> None:
    it = left(bought("100", "2026-11-01"), bought("50", "2026-11-10"), nov_11="120")
    assert (it.balance, it.bought) == (Decimal(30), Decimal(150))


def test_a_purchase_of_the_future_counts_for_nothing_yet() -> None:
    assert left(bought("100", "2026-12-01")).balance == 0
    assert left(bought("9", "2026-11-01"), bought("100", "2026-12-01")).bought == 9


def test_a_purchase_counts_from_its_very_moment() -> None:
    purchase = Purchase(Decimal(5), NOW)
    assert left(purchase).balance == 5
    assert left(purchase, now=NOW - timedelta(seconds=1)).balance == 0


def test_the_cost_of_the_day_of_the_purchase_counts_whole() -> None:
    purchase = Purchase(Decimal(5), at("2026-11-05") + timedelta(hours=15))
    assert left(purchase, nov_05="2").balance == 3


def test_a_cost_is_taken_from_what_expires_first() -> None:
    lasting, expiring = bought("100", "2026-11-01"), bought("50", "2026-11-02", "2026-12-01")
    it = left(lasting, expiring, nov_05="30")
    assert (it.balance, it.expires_at) == (Decimal(120), at("2026-12-01"))
    after = left(lasting, expiring, nov_05="30", now=at("2026-12-01"))
    assert (after.balance, after.expires_at) == (Decimal(100), None)


def test_what_is_left_of_an_expired_purchase_is_gone() -> None:
    assert left(bought("100", "2026-10-01", "2026-11-10"), nov_05="30").balance == 0


def test_what_is_used_up_does_not_expire() -> None:
    it = left(bought("30", "2026-11-01", "2026-12-01"), bought("5", "2026-11-01"), nov_05="30")
    assert (it.balance, it.expires_at) == (Decimal(5), None)


def test_what_no_purchase_covers_is_owed() -> None:
    assert left(bought("10", "2026-11-01"), nov_05="12").balance == -2
    expired = bought("100", "2026-10-01", "2026-11-10")
    assert left(expired, bought("50", "2026-11-20"), nov_15="8").balance == 42


def test_an_expired_purchase_covers_what_was_spent_until_then() -> None:
    expired = bought("100", "2026-10-01", "2026-11-10")
    assert left(expired, bought("50", "2026-11-01"), nov_09="60").balance == 50


def test_a_refund_is_given_back() -> None:
    assert left(bought("100", "2026-11-01"), nov_05="30", nov_06="-10").balance == 80


def test_a_refund_undoes_what_was_taken_last() -> None:
    expiring, lasting = bought("50", "2026-11-01", "2026-11-20"), bought("100", "2026-11-01")
    assert left(expiring, lasting, nov_05="60", nov_06="-10").balance == 100


def test_a_refund_first_pays_what_no_purchase_covers() -> None:
    expiring = bought("10", "2026-11-01", "2026-11-20")
    assert left(expiring, nov_05="12", nov_06="-5").balance == 0  # 3 of 10 expired unused
    assert left(bought("10", "2026-11-01"), nov_05="12", nov_06="-5").balance == 3


def test_a_refund_of_more_than_was_spent_is_left_too() -> None:
    assert left(bought("100", "2026-11-01"), nov_05="-10").balance == 110


def test_costs_are_exact_to_the_last_digit() -> None:
    it = left(bought("500", "2026-11-01"), nov_05="0.060000000000000001")
    assert it.balance == Decimal("499.939999999999999999")


def test_a_budget_is_less_the_costs_of_the_month() -> None:
    costs = {date(2026, 10, 31): Decimal(999), date(2026, 11, 1): Decimal(2), TODAY: Decimal(3)}
    it = Budget(Decimal(100)).left(costs, NOW)
    assert (it.balance, it.resets_at) == (Decimal(95), at("2026-12-01"))


@pytest.mark.parametrize(
    ("now", "first", "resets"),
    [
        ("2026-12-31T23:59:59+00:00", "2026-12-01", "2027-01-01"),
        ("2027-01-01T00:00:00+00:00", "2027-01-01", "2027-02-01"),
        ("2028-02-29T12:00:00+00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_a_budget_begins_anew_with_the_month(now: str, first: str, resets: str) -> None:
    budget, moment = Budget(Decimal(1)), datetime.fromisoformat(now)
    assert budget.first_day(moment) == date.fromisoformat(first)
    assert budget.left({}, moment).resets_at == at(resets)


amounts = st.decimals(0, 1000, places=4)
days = st.dates(date(2026, 10, 1), TODAY)
purchases = st.builds(
    lambda amount, day, lasts: Purchase(
        amount, at(str(day)), None if lasts is None else at(str(day)) + timedelta(days=lasts)
    ),
    amounts,
    days,
    st.none() | st.integers(1, 400),
)


@given(st.lists(purchases, max_size=5), st.dictionaries(days, amounts))
def test_nothing_is_lost_but_what_expires(
    bought: list[Purchase], costs: dict[date, Decimal]
) -> None:
    it = Credit(tuple(bought)).left(costs, NOW)
    spent = sum(costs.values(), Decimal(0))
    assert it.balance <= it.bought - spent + sum(
        min(spent, each.amount) for each in bought if each.expires_at and each.expires_at <= NOW
    )
    if not any(each.expires_at for each in bought):
        assert it.balance == it.bought - spent


def by_the_naive_model(bought: list[Purchase], costs: dict[date, Decimal]) -> Decimal:
    """Lives through every day: pays a cost from what expires first; then it expires."""
    never = datetime.max.replace(tzinfo=UTC)
    by_expiry = sorted(bought, key=lambda it: (it.expires_at or never, it.paid_at))
    rest, owed, day = [it.amount for it in by_expiry], Decimal(0), date(2026, 10, 1)
    while day <= TODAY:
        cost = costs.get(day, Decimal(0))
        end = min(at(str(day + timedelta(days=1))), NOW)
        for n, it in enumerate(by_expiry):
            if it.paid_at.date() <= day:
                used = min(rest[n], cost)
                rest[n], cost = rest[n] - used, cost - used
            if it.expires_at is not None and it.expires_at <= end:
                rest[n] = Decimal(0)
        owed += cost
        day += timedelta(days=1)
    return sum(rest, -owed)


@given(st.lists(purchases, max_size=5), st.dictionaries(days, amounts))
def test_what_is_left_is_what_a_naive_model_leaves(
    bought: list[Purchase], costs: dict[date, Decimal]
) -> None:
    assert Credit(tuple(bought)).left(costs, NOW).balance == by_the_naive_model(bought, costs)


@given(st.lists(purchases, max_size=5), st.dictionaries(days, amounts), st.randoms())
def test_the_order_in_which_purchases_are_written_does_not_matter(
    bought: list[Purchase], costs: dict[date, Decimal], random: object
) -> None:
    shuffled = list(bought)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Credit(tuple(bought)).left(costs, NOW) == Credit(tuple(shuffled)).left(costs, NOW)
