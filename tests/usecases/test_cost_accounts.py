"""An account whose provider tells costs alone is watched as any other, by what is left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.credit import Credit, Purchase
from balance_watch.domain.reading import Reading, ReadResult
from balance_watch.notifiers.text import summary_line
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store
from tests.support.canaries import key
from tests.support.check_bench import Bench
from tests.support.cost_servers import CostServer, midnight, read
from tests.support.examples import TICK
from tests.support.provider_reads import spec_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = TICK.date()


@dataclass
class CostReads:
    """Reads every account at one server of costs."""

    server: CostServer
    given: list[Account] = field(default_factory=list)

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        del deadline
        for account, spec in accounts:
            self.given.append(account)
            yield account, read(spec, account, now, self.server.exchange)


@dataclass
class CostBench:
    """A check of one account at OpenAI."""

    bench: Bench
    costs: dict[date, object]
    reads: CostReads

    def declares(self, **declared: object) -> None:
        entry = {"name": "llm", "provider": "openai", "credentials": {"api_key": key()}}
        self.bench.put_secret("accounts", {"accounts": [entry | declared]})

    def run(self, after: timedelta) -> None:
        check = replace(self.bench.check(), read=self.reads)
        assert check.run(TICK + after, seconds=100).complete

    @property
    def store(self) -> Store:
        return self.bench.store

    @property
    def lines(self) -> list[str]:
        said = (entry.notification for entry in self.bench.delivery.accepted)
        return [summary_line(notification) for notification in said]

    @property
    def spent(self) -> Decimal:
        days = self.store.accounts.states(["llm"])["llm"].days
        return sum((day.spent for day in days), Decimal(0))

    @property
    def balance(self) -> Decimal:
        reading = self.store.accounts.states(["llm"])["llm"].reading
        assert reading is not None
        return reading.balance


@pytest.fixture
def costs(bench: Bench) -> CostBench:
    bench.aws.put_policy('[defaults]\nreminder = "never"\n')
    made: dict[date, object] = {}
    return CostBench(bench, made, CostReads(CostServer(made, page_size=7)))


def paid(amount: str, days_ago: int, **more: str) -> dict[str, str]:
    return {"amount": amount, "paid_at": f"{TODAY - days_ago * DAY}", **more}


def test_an_account_that_is_used_up_is_told_of_as_any_other(costs: CostBench) -> None:
    costs.declares(credit=[paid("100", 20)])
    costs.costs[TODAY - 3 * DAY] = 70
    costs.run(0 * HOUR)
    assert (costs.balance, costs.lines) == (Decimal(30), [])
    costs.costs[TODAY] = "30"
    costs.run(HOUR)
    assert costs.lines == ["llm has nothing left: 0.00 USD"]


def test_it_runs_dry_by_what_its_days_cost(costs: CostBench) -> None:
    costs.declares(credit=[paid("100", 3)])
    for hour in range(72):
        day = (TICK + hour * HOUR).date()
        costs.costs[day] = Decimal(str(costs.costs.get(day, 0))) + 1
        costs.costs[day] = str(costs.costs[day])
        costs.run(hour * HOUR)
    assert costs.lines == ["llm runs dry in about 2 d 23 h · 71.00 USD left"]


def test_an_alert_says_that_its_number_is_an_estimate_and_as_of_when(costs: CostBench) -> None:
    costs.declares(credit=[paid("100", 20)], alert_below="50")
    costs.costs[TODAY] = 60
    costs.run(0 * HOUR)
    (said,) = {entry.notification.detail for entry in costs.bench.delivery.accepted}
    assert said == (
        "This is an estimate: 100.00 USD that were paid, less 60.00 USD of costs."
        " The provider told the costs on 22 Nov 2026 10:05 UTC."
    )


def test_a_new_purchase_is_told_as_a_top_up_and_is_no_correction(costs: CostBench) -> None:
    costs.declares(credit=[paid("100", 20)])
    costs.costs[TODAY] = 60
    costs.run(0 * HOUR)
    costs.declares(credit=[paid("100", 20), paid("200", 0)])
    costs.run(HOUR)
    assert costs.balance == 240
    assert costs.lines == ["llm was topped up and is at 240.00 USD"]


def test_a_day_that_is_corrected_is_neither_spending_nor_a_top_up(costs: CostBench) -> None:
    costs.declares(credit=[paid("1000", 20)])
    costs.costs[TODAY - 10 * DAY] = 100
    costs.run(0 * HOUR)
    costs.costs[TODAY - 10 * DAY] = 500
    for hours in (1, 25, 26):
        costs.run(hours * HOUR)
    assert (costs.balance, costs.spent) == (Decimal(500), Decimal(0))
    costs.costs[TODAY - 10 * DAY] = 100
    for hours in (50, 51):
        costs.run(hours * HOUR)
    assert (costs.balance, costs.spent) == (Decimal(900), Decimal(0))
    assert costs.lines == []


@pytest.mark.parametrize("days_ago", [1, 2, 10])
@pytest.mark.parametrize(("corrected", "left"), [("130", 830), ("5", 955)])
def test_a_correction_of_a_past_day_changes_the_balance_and_no_pace(
    costs: CostBench, days_ago: int, corrected: str, left: int
) -> None:
    costs.declares(credit=[paid("1000", 20)])
    costs.costs[TODAY - days_ago * DAY] = 30
    costs.costs[TODAY] = 10
    costs.run(0 * HOUR)
    costs.costs[TODAY - days_ago * DAY] = corrected
    costs.costs[TODAY] = 14
    costs.run(HOUR)
    assert costs.spent == 4
    costs.costs[TODAY] = 40
    costs.run(25 * HOUR)
    assert (costs.balance, costs.spent) == (Decimal(left), Decimal(30))
    assert costs.lines == []


def test_what_comes_in_late_of_the_day_before_is_spent(costs: CostBench) -> None:
    costs.declares(credit=[paid("1000", 20)])
    midnight_in = timedelta(hours=13, minutes=55)  # TICK is at 10:05
    costs.costs[TODAY] = 10
    costs.run(midnight_in - HOUR)
    costs.costs[TODAY] = 11
    costs.run(midnight_in + HOUR)
    costs.costs[TODAY] = 13
    costs.run(midnight_in + 2 * HOUR)
    assert costs.spent == 3
    costs.costs[TODAY + DAY] = 1
    costs.run(midnight_in + 3 * HOUR)
    assert costs.spent == 4
    costs.costs[TODAY] = 50
    costs.run(midnight_in + 4 * HOUR)
    assert costs.spent == 4


def test_what_expires_is_not_spent_and_is_warned_of_before(costs: CostBench) -> None:
    soon = f"{TODAY + 2 * DAY}"
    costs.declares(credit=[paid("100", 20, expires_at=soon), paid("50", 20)])
    costs.run(0 * HOUR)
    for hours in range(1, 24 * 3):
        costs.run(hours * HOUR)
    assert (costs.balance, costs.spent) == (Decimal(50), Decimal(0))


def test_settled_days_are_stored_and_another_key_does_not_get_them(costs: CostBench) -> None:
    costs.declares(credit=[paid("100", 20)])
    costs.run(0 * HOUR)
    first = len(costs.reads.server.queries)
    costs.run(HOUR)
    assert len(costs.reads.server.queries) == first + 1
    entry = {"name": "llm", "provider": "openai", "credentials": {"api_key": key("other")}}
    costs.bench.put_secret("accounts", {"accounts": [entry | {"credit": [paid("100", 20)]}]})
    costs.run(2 * HOUR)
    assert costs.reads.given[-1].settled is None


def test_settled_days_that_are_damaged_are_asked_for_again(costs: CostBench) -> None:
    costs.declares(credit=[paid("100", 20)])
    costs.run(0 * HOUR)
    client = costs.bench.wiring.client("dynamodb")
    client.update_item(
        TableName=costs.bench.wiring.settings.table_name,
        Key={"pk": {"S": "ACCOUNT#llm"}, "sk": {"S": "COSTS"}},
        UpdateExpression="SET days = :days",
        ExpressionAttributeValues={":days": {"S": "soon:much"}},
    )
    costs.run(HOUR)
    assert costs.reads.given[-1].settled is None
    assert costs.balance == 100


def test_a_month_of_reads_takes_little_more_than_one_request_each_and_is_always_exact() -> None:
    """At the default schedule, with pages of a week, and costs that come in all day."""
    server, spec = CostServer(page_size=7), spec_of("openai")
    costs: dict[date, object] = {}
    server.costs = costs
    first = TODAY - 60 * DAY
    account = Account(
        "llm",
        "openai",
        {"api_key": "k"},
        declared=Credit((Purchase(Decimal(5000), midnight(first)),)),
    )
    spent, ticks = Decimal(0), 30 * 288
    for n in range(ticks):
        now = TICK + n * timedelta(minutes=5)
        cost = Decimal("0.0035") * (n % 7)
        costs[now.date()] = str(Decimal(str(costs.get(now.date(), 0))) + cost)
        spent += cost
        result = read(spec, account, now, server.exchange)
        assert isinstance(result, Reading)
        assert result.balance == 5000 - spent
        account = replace(account, settled=result.settled or account.settled)
    assert len(server.queries) <= 1.1 * ticks
