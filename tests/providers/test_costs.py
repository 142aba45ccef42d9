"""Costs are read to their last page, and what is left of the credit is exact, or not known."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.credit import Budget, Credit, Purchase
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.cost import MAX_REQUESTS
from balance_watch.transport import Reply, Request, Transport
from tests.support.cost_servers import DAY, CostServer, midnight, read, reply_of, unix
from tests.support.provider_reads import spec_of

NOW = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
TODAY = NOW.date()
FIRST = date(2026, 11, 1)
OPENAI = spec_of("openai")


def account(*purchases: Purchase, **changes: object) -> Account:
    made = Account(
        "o",
        "openai",
        {"api_key": "k", "secret_key": "k", "organization_id": "k"},
        declared=Credit(purchases),
    )
    return replace(made, **changes)


def bought(amount: str, day: date = FIRST, until: datetime | None = None) -> Purchase:
    return Purchase(Decimal(amount), midnight(day), until)


def balance(server: CostServer, of: Account | None = None, now: datetime = NOW) -> Decimal:
    result = read(OPENAI, of or account(bought("100")), now, server.exchange)
    assert isinstance(result, Reading), result
    return result.balance


def failure(server: CostServer, of: Account | None = None) -> str:
    result = read(OPENAI, of or account(bought("100")), NOW, server.exchange)
    assert isinstance(result, ReadFailure), result
    assert result.kind in (FailureKind.MALFORMED, FailureKind.AMBIGUOUS)
    return result.message


def every_day(cost: object) -> dict[date, object]:
    return {FIRST + n * DAY: cost for n in range(22)}


@pytest.mark.parametrize(("size", "pages"), [(180, 1), (11, 2), (2, 11), (1, 22)])
def test_all_pages_are_followed(size: int, pages: int) -> None:
    server = CostServer(every_day(1.5), page_size=size)
    assert balance(server) == 67
    assert len(server.queries) == pages


def test_what_is_asked_for_is_the_range_from_the_first_purchase_to_the_end_of_today() -> None:
    server = CostServer()
    balance(server)
    assert server.queries == [
        {
            "start_time": str(unix(FIRST)),
            "end_time": str(unix(TODAY + DAY)),
            "bucket_width": "1d",
            "limit": "180",
        }
    ]


def test_a_long_time_is_asked_for_in_ranges_that_the_provider_allows() -> None:
    first = TODAY - 400 * DAY
    server = CostServer({first: 1, TODAY: 2, TODAY - 200 * DAY: 3})
    assert balance(server, account(bought("100", first))) == 94
    spans = [int(it["end_time"]) - int(it["start_time"]) for it in server.queries]
    assert [span // 86400 for span in spans] == [180, 180, 41]


def test_amounts_are_numbers_or_text_and_exact() -> None:
    assert balance(CostServer({FIRST: "12.50"})) == Decimal("87.50")
    assert balance(CostServer({FIRST: 0.06})) == Decimal("99.94")
    assert balance(CostServer({FIRST: ["0.1", 0.2, "0.000000000000000003"]})) == Decimal(
        "99.699999999999999997"
    )


def test_a_refund_is_added() -> None:
    assert balance(CostServer({FIRST: 30, TODAY: "-10"})) == 80


def test_a_purchase_in_the_middle_is_added() -> None:
    both = account(bought("100"), bought("50", date(2026, 11, 10)))
    assert balance(CostServer(every_day(5)), both) == 40


def test_what_expires_first_is_used_up_first() -> None:
    soon = midnight(date(2026, 12, 1))
    both = account(bought("100"), bought("50", FIRST, soon))
    result = read(OPENAI, both, NOW, CostServer({FIRST: 20}).exchange)
    assert isinstance(result, Reading)
    assert (result.balance, result.expires_at) == (Decimal(130), soon)


def test_days_before_the_first_purchase_and_after_the_range_are_not_counted() -> None:
    def with_others(page: dict[str, object], _number: int) -> object:
        row = {"amount": {"value": 9, "currency": "usd"}}
        others = [{"start_time": unix(day), "results": [row]} for day in (FIRST - DAY, TODAY + DAY)]
        data = page["data"]
        assert isinstance(data, list)
        return {**page, "data": [others[0], *data, others[1]]}

    assert balance(CostServer({FIRST: 1}, change=with_others)) == 99


def edited(**fields: object) -> Callable[[dict[str, object], int], object]:
    return lambda page, _: {**page, **fields}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edited(has_more=True, next_page=None), "the reply does not say where"),
        (edited(has_more=None), "is neither true nor false"),
        (edited(has_more=True, next_page=7), "is not text"),
        (edited(has_more=True, next_page="p0"), "Two pages of the costs have the day"),
        (edited(data=None), "has no list"),
        (edited(data={}), "has no list"),
        (edited(data=[{"results": []}]), "is not a time"),
        (edited(data=[{"start_time": "soon", "results": []}]), "is not a time"),
        (edited(data=[{"start_time": 1793664000, "results": None}]), "has no list"),
    ],
)
def test_a_page_that_cannot_be_understood_is_no_smaller_sum(
    change: Callable[[dict[str, object], int], object], message: str
) -> None:
    assert message in failure(CostServer(every_day(1), change=change))


@pytest.mark.parametrize("value", [None, True, "", "1e999", "NaN", {}, "1,5"])
def test_an_amount_that_is_none_is_no_zero(value: object) -> None:
    assert failure(CostServer({FIRST: [value]}))


def test_a_cursor_that_never_ends_ends_the_read() -> None:
    def endless(page: dict[str, object], number: int) -> object:
        return {**page, "data": [], "has_more": True, "next_page": f"p{number + 1}"}

    server = CostServer(change=endless)
    assert f"more than {MAX_REQUESTS} pages" in failure(server)
    assert len(server.queries) == MAX_REQUESTS


def test_a_cursor_that_leads_back_ends_the_read() -> None:
    def back(page: dict[str, object], _number: int) -> object:
        return {**page, "data": [], "has_more": True, "next_page": "p1"}

    assert "leads back" in failure(CostServer(change=back))


def test_a_page_that_is_repeated_ends_the_read() -> None:
    first: list[object] = []

    def twice(page: dict[str, object], number: int) -> object:
        first[:] = first or [page["data"]]
        return {**page, "data": first[0]} if number == 1 else page

    assert "Two pages" in failure(CostServer(every_day(1), page_size=5, change=twice))


def test_a_page_that_is_missing_ends_the_read() -> None:
    def skips(page: dict[str, object], number: int) -> object:
        return {**page, "next_page": "p2"} if number == 0 else page

    assert "a day are missing" in failure(CostServer(every_day(1), page_size=5, change=skips))


def test_a_failed_request_is_named_as_any_other() -> None:
    def rejects(_request: Request) -> Reply:
        return reply_of({"error": {"message": "no"}}, 401)

    result = read(OPENAI, account(bought("100")), NOW, rejects)
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.KEY_REJECTED


def test_costs_in_another_currency_than_the_credit_are_not_added_up() -> None:
    assert "in EUR, not in USD" in failure(CostServer({FIRST: 5}, currency="eur"))


def test_an_account_that_names_its_currency_counts_the_costs_in_it() -> None:
    mine = account(bought("100"), currency="EUR")
    assert balance(CostServer({FIRST: 5}, currency="eur"), mine) == 95
    assert balance(CostServer({FIRST: 5}, currency="usd"), mine) == 100


def test_an_account_without_costs_has_all_of_its_credit() -> None:
    result = read(OPENAI, account(bought("100")), NOW, CostServer().exchange)
    assert isinstance(result, Reading)
    assert (result.balance, result.currency) == (Decimal(100), "USD")
    assert result.estimate is not None
    assert result.estimate[:3] == (FIRST, Decimal(0), Decimal(100))


def test_a_budget_is_a_quota_of_the_month() -> None:
    monthly = account(declared=Budget(Decimal(100)))
    result = read(OPENAI, monthly, NOW, CostServer({FIRST - DAY: 50, FIRST: 7}).exchange)
    assert isinstance(result, Reading)
    assert (result.balance, result.renews) == (Decimal(93), True)
    assert result.resets_at == datetime(2026, 12, 1, tzinfo=UTC)


def test_the_turn_of_the_year_begins_a_budget_anew() -> None:
    monthly, server = account(declared=Budget(Decimal(100))), CostServer({date(2026, 12, 31): 60})
    late = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert balance(server, monthly, late) == 40
    assert balance(server, monthly, late + timedelta(minutes=1)) == 100


@dataclass
class SlowTransport(Transport):
    """Takes a second for each page, on a clock that nothing else moves."""

    server: CostServer
    now: float = 0.0

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        self.now += 1
        assert timeout >= 1
        return self.server.exchange(request)


def test_a_dozen_slow_pages_are_read_in_the_time_of_the_account() -> None:
    transport = SlowTransport(CostServer(every_day(1), page_size=2))
    client = ProviderClient(transport, clock=lambda: transport.now, sleep=lambda _: None)
    result = client.read(OPENAI, account(bought("100")), now=NOW, deadline=60.0)
    assert isinstance(result, Reading), result
    assert (result.balance, transport.now) == (Decimal(78), 11.0)


# What is settled is asked for once a day.


def settled(server: CostServer, of: Account, now: datetime = NOW) -> Reading:
    result = read(OPENAI, of, now, server.exchange)
    assert isinstance(result, Reading), result
    return result


def test_settled_days_are_kept_and_only_the_last_two_are_asked_for() -> None:
    server, mine = CostServer(every_day(1), page_size=4), account(bought("100"))
    first = settled(server, mine)
    assert len(server.queries) == 6
    again = settled(server, replace(mine, settled=first.settled), NOW + timedelta(minutes=5))
    assert (again.balance, again.settled) == (Decimal(78), None)
    assert [it["start_time"] for it in server.queries[6:]] == [str(unix(TODAY - DAY))]


def test_settled_days_are_asked_for_anew_after_a_day_and_their_correction_is_told() -> None:
    costs = every_day(1)
    server, mine = CostServer(costs), account(bought("100"))
    known = replace(mine, settled=settled(server, mine).settled)
    costs[FIRST] = 4
    assert balance(server, known, NOW + timedelta(hours=23)) == 78
    later = settled(server, known, NOW + timedelta(hours=24))
    assert later.balance == 75
    assert later.estimate is not None
    assert later.estimate[:3] == (FIRST, Decimal(25), Decimal(100))


def test_an_earlier_purchase_or_another_currency_needs_the_whole_range() -> None:
    server, mine = CostServer(every_day(1)), account(bought("100"))
    known = settled(server, mine).settled
    earlier = account(bought("100", FIRST - DAY), settled=known)
    settled(server, earlier)
    assert server.queries[-1]["start_time"] == str(unix(FIRST - DAY))


# Other forms of costs.


class Totals:
    """A provider that tells one number for the range, as Runpod does; costs 1 a day."""

    def __init__(self) -> None:
        self.ranges: list[tuple[str, str]] = []

    def exchange(self, request: Request) -> Reply:
        since, until = request.query["startTime"], request.query["endTime"]
        self.ranges.append((since[:10], until))
        days = -(-(datetime.fromisoformat(until) - datetime.fromisoformat(since)) // DAY)
        return reply_of({"metadata": {"totals": {"totalAmount": days}}})


def test_one_number_for_a_range_is_asked_for_at_each_change_of_the_credit() -> None:
    runpod, server = spec_of("runpod-billing"), Totals()
    expires = midnight(date(2026, 11, 11)) - timedelta(seconds=1)
    mine = account(bought("30", FIRST, expires), bought("50", date(2026, 11, 5)))
    result = read(runpod, mine, NOW, server.exchange)
    assert isinstance(result, Reading)
    assert [since for since, _ in server.ranges] == [
        "2026-11-01",
        "2026-11-05",
        "2026-11-11",
        "2026-11-21",
    ]
    assert server.ranges[-1][1] == "2026-11-22T10:05:00Z"
    assert result.balance == 50 - 12


def test_billionths_are_added_and_an_item_without_a_cost_is_none() -> None:
    items = [
        {"totalCost": {"currencyCode": "USD", "units": "12", "nanos": 340000000}},
        {"totalCost": {"currencyCode": "USD", "nanos": 5}},
        {"name": "not rated yet"},
    ]
    mine = account(bought("100"), variables={"account": "me"})
    result = read(spec_of("fireworks"), mine, NOW, lambda _: reply_of({"lineItems": items}))
    assert isinstance(result, Reading)
    # Both ranges, of settled and of other days, have the same items here.
    assert result.balance == Decimal("75.31999999")


def test_numbered_pages_are_followed_until_all_entries_are_there() -> None:
    asked = list[dict[str, str]]()

    def exchange(request: Request) -> Reply:
        asked.append(dict(request.query))
        number = int(request.query["page"])
        value = {"currency_code": "EUR", "units": number, "nanos": 0}
        entries = [{"value": value}] * (100 if number < 3 else 20)
        return reply_of({"consumptions": entries, "total_count": 220})

    monthly = account(declared=Budget(Decimal(1000)))
    result = read(spec_of("scaleway"), monthly, NOW, exchange)
    assert isinstance(result, Reading)
    assert result.balance == 1000 - 360
    assert [(it["billing_period"], it["page"]) for it in asked] == [
        ("2026-11", "1"),
        ("2026-11", "2"),
        ("2026-11", "3"),
    ]


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([[1, 2], [1, 2]], "the same"),
        ([[1, 2], [3]], "changes from page to page"),
        ([[1, 2], [3, 4, 5]], "more entries"),
    ],
)
def test_numbered_pages_that_do_not_fit_end_the_read(pages: list[list[int]], message: str) -> None:
    def exchange(request: Request) -> Reply:
        number = int(request.query["page"]) - 1
        values = [{"currency_code": "EUR", "units": it, "nanos": 0} for it in pages[number]]
        total = 3 if number and "changes" in message else 4
        return reply_of({"consumptions": [{"value": it} for it in values], "total_count": total})

    monthly = account(declared=Budget(Decimal(1000)))
    result = read(spec_of("scaleway"), monthly, NOW, exchange)
    assert isinstance(result, ReadFailure)
    assert message in result.message


@pytest.mark.parametrize(
    ("at", "left"),
    [
        ("2026-11-21T23:59:60Z", 99),
        ("2026-10-31T23:59:60Z", 100),
        ("2026-11-01T01:59:59.999+02:00", 100),
        ("2026-10-31T22:00:00.000-02:00", 99),
        ("2026-11-01", 99),
        ("2026-11-22T23:59:59.999999999Z", 99),
        ("2026-11-23T00:00:00Z", 100),
    ],
)
def test_odd_times_belong_to_their_day_of_utc(at: str, left: int) -> None:
    body = {
        "data": [{"starting_at": at, "results": [{"amount": "100", "currency": "USD"}]}],
        "has_more": False,
        "next_page": None,
    }
    result = read(spec_of("anthropic"), account(bought("100")), NOW, lambda _: reply_of(body))
    assert isinstance(result, Reading), result
    assert result.balance == left


class Buckets(Totals):
    """Widens a range to whole buckets, as Runpod's reference says; costs 1 a day."""

    def exchange(self, request: Request) -> Reply:
        since = datetime.fromisoformat(request.query["startTime"])
        until = datetime.fromisoformat(request.query["endTime"])
        if request.query["bucketSize"] == "month":
            since = since.replace(day=1)
            until = (until + 31 * DAY).replace(day=1)
        widened = {"startTime": since.isoformat(), "endTime": until.isoformat()}
        return super().exchange(replace(request, query=widened))


def test_a_range_that_a_provider_widens_counts_no_day_twice() -> None:
    server = Buckets()
    result = read(spec_of("runpod-billing"), account(bought("100")), NOW, server.exchange)
    assert isinstance(result, Reading)
    assert (result.balance, len(server.ranges)) == (Decimal(78), 2)


def test_exa_is_asked_for_whole_days_and_up_to_now() -> None:
    asked = list[tuple[str, str]]()

    def exchange(request: Request) -> Reply:
        asked.append((request.query["start_date"], request.query["end_date"]))
        return reply_of({"total_cost_usd": 1.5})

    mine = account(
        bought("100"),
        credentials={"service_key": "k"},
        variables={"key_id": "id"},
    )
    result = read(spec_of("exa"), mine, NOW, exchange)
    assert isinstance(result, Reading)
    assert result.balance == 97
    assert asked == [
        ("2026-11-01T00:00:00Z", "2026-11-21T00:00:00Z"),
        ("2026-11-21T00:00:00Z", "2026-11-22T10:05:00Z"),
    ]


def test_scaleway_is_asked_for_one_organization() -> None:
    asked = list[str]()

    def exchange(request: Request) -> Reply:
        asked.append(request.query["organization_id"])
        return reply_of({"consumptions": [], "total_count": 0})

    mine = account(
        declared=Budget(Decimal(10)), credentials={"secret_key": "k", "organization_id": "org"}
    )
    assert isinstance(read(spec_of("scaleway"), mine, NOW, exchange), Reading)
    assert asked == ["org"]


class Fireworks:
    """Has no costs, and lists accounts, one a page."""

    def __init__(self, *accounts: object) -> None:
        self.accounts, self.asked = accounts, list[str]()

    def exchange(self, request: Request) -> Reply:
        self.asked.append(request.url)
        if request.url.endswith("/billing/summary"):
            return reply_of({})
        number = int(request.query.get("pageToken", "0"))
        more = {"nextPageToken": f"{number + 1}"} if number + 1 < len(self.accounts) else {}
        return reply_of({"accounts": [{"name": self.accounts[number]}], **more})


@pytest.mark.parametrize("names", [("accounts/me",), ("accounts/other", None, "accounts/me")])
def test_an_account_of_fireworks_without_costs_is_one_that_the_key_sees(
    names: tuple[object, ...],
) -> None:
    server = Fireworks(*names)
    mine = account(bought("100", TODAY), variables={"account": "me"})
    result = read(spec_of("fireworks"), mine, NOW, server.exchange)
    assert isinstance(result, Reading), result
    assert result.balance == 100
    assert server.asked[0] == "https://api.fireworks.ai/v1/accounts/me/billing/summary"
    assert server.asked[1:] == ["https://api.fireworks.ai/v1/accounts"] * len(names)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("accounts/other",), FailureKind.NOT_ALLOWED),
        (("me", "accounts/me2"), FailureKind.NOT_ALLOWED),
        (("accounts/other",) * 11, FailureKind.MALFORMED),
    ],
)
def test_an_account_of_fireworks_that_the_key_does_not_see_has_no_credit_left_to_show(
    names: tuple[str, ...], kind: FailureKind
) -> None:
    mine = account(bought("100", TODAY), variables={"account": "me"})
    result = read(spec_of("fireworks"), mine, NOW, Fireworks(*names).exchange)
    assert isinstance(result, ReadFailure)
    assert result.kind is kind


def test_a_range_that_begins_now_is_not_empty() -> None:
    server, monthly = Totals(), account(declared=Budget(Decimal(100)))
    result = read(spec_of("runpod-billing"), monthly, midnight(FIRST), server.exchange)
    assert isinstance(result, Reading)
    assert server.ranges == [("2026-11-01", "2026-11-01T00:00:01Z")]


def test_a_purchase_a_day_is_no_request_each_if_none_expires() -> None:
    server = Totals()
    daily = [bought("10", TODAY - n * DAY) for n in range(100)]
    result = read(spec_of("runpod-billing"), account(*daily), NOW, server.exchange)
    assert isinstance(result, Reading)
    assert (result.balance, len(server.ranges)) == (Decimal(900), 2)


amounts = st.decimals(-50, 1000, places=6).map(str)


@given(st.lists(amounts, min_size=22, max_size=22), st.integers(1, 180))
def test_the_sum_is_the_same_however_it_is_split_in_pages(costs: list[str], size: int) -> None:
    server = CostServer({FIRST + n * DAY: cost for n, cost in enumerate(costs)}, page_size=size)
    assert balance(server) == 100 - sum(map(Decimal, costs))


def test_numbered_pages_that_end_too_early_end_the_read() -> None:
    monthly = account(declared=Budget(Decimal(1000)))
    body = {"consumptions": [], "total_count": 3}
    result = read(spec_of("scaleway"), monthly, NOW, lambda _: reply_of(body))
    assert isinstance(result, ReadFailure)


def test_a_provider_that_is_asked_by_month_is_asked_for_each() -> None:
    asked = list[tuple[str, str]]()

    def exchange(request: Request) -> Reply:
        asked.append((request.query["year"], request.query["month"]))
        item = {"date": f"{asked[-1][0]}-{asked[-1][1]:0>2}-20T00:00:00Z", "netAmount": 1.5}
        return reply_of({"usageItems": [item]})

    mine = account(bought("100", date(2026, 9, 25)), variables={"org": "acme"})
    result = read(spec_of("github-billing"), mine, NOW, exchange)
    assert isinstance(result, Reading)
    assert asked == [("2026", "9"), ("2026", "10"), ("2026", "11")]
    assert result.balance == 97  # the one of September is before the purchase


def test_a_reply_that_says_that_it_is_not_whole_ends_the_read() -> None:
    points = [{"timestamp": "2026-11-02T00:00:00Z", "values": [1.25]}]
    mine = account(bought("100"), variables={"team_id": "t"})
    bodies = list[Any]()

    def exchange(request: Request) -> Reply:
        bodies.append(request.json)
        return reply_of({"timeSeries": [{"dataPoints": points}], "limitReached": len(bodies) > 1})

    result = read(spec_of("xai-spend"), mine, NOW, exchange)
    assert isinstance(result, Reading)
    assert result.balance == Decimal("98.75")
    assert bodies[0]["analyticsRequest"]["timeRange"]["startTime"] == "2026-11-01 00:00:00"
    assert isinstance(read(spec_of("xai-spend"), mine, NOW, exchange), ReadFailure)


def test_anthropics_cents_are_dollars() -> None:
    row = {"amount": "41280.5", "currency": "USD"}
    body = {
        "data": [{"starting_at": "2026-11-01T00:00:00Z", "results": [row]}],
        "has_more": False,
        "next_page": None,
    }
    result = read(spec_of("anthropic"), account(bought("500")), NOW, lambda _: reply_of(body))
    assert isinstance(result, Reading)
    assert result.balance == Decimal("87.195")


@dataclass
class LimitServer(CostServer):
    """Answers the request for the month's limit as well."""

    limit: Reply | None = None

    def exchange(self, request: Request) -> Reply:
        if request.url == "https://api.openai.com/v1/organization/spend_limit":
            assert self.limit is not None
            return self.limit
        return super().exchange(request)


def limit(**fields: object) -> Reply:
    """The reply of the reference."""
    body = {
        "object": "organization.spend_limit",
        "threshold_amount": 10000,
        "currency": "USD",
        "interval": "month",
        "enforcement": {"status": "enforcing"},
    }
    return reply_of({**body, **fields})


UNDECLARED = Account("o", "openai", {"api_key": "k"})


def test_the_limit_at_the_provider_is_the_budget_of_an_account_that_declares_none() -> None:
    server = LimitServer({FIRST: "12.34"}, limit=limit())
    result = read(OPENAI, UNDECLARED, NOW, server.exchange)
    assert isinstance(result, Reading), result
    assert (result.balance, result.currency, result.renews) == (Decimal("87.66"), "USD", True)
    assert result.resets_at == midnight(date(2026, 12, 1))


def test_an_account_that_declares_its_credit_is_not_asked_for_a_limit() -> None:
    assert balance(LimitServer({FIRST: 1})) == 99


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (limit(enforcement={"status": "inactive"}), FailureKind.AMBIGUOUS, "enforces no limit"),
        (limit(enforcement=None), FailureKind.AMBIGUOUS, "enforces no limit"),
        (reply_of({"error": {}}, 404), FailureKind.AMBIGUOUS, "enforces no limit"),
        (limit(currency="EUR"), FailureKind.AMBIGUOUS, "is not in USD"),
        (limit(threshold_amount=None), FailureKind.MALFORMED, "threshold_amount"),
        (limit(threshold_amount=[1]), FailureKind.MALFORMED, "threshold_amount"),
        (reply_of({"error": {}}, 401), FailureKind.KEY_REJECTED, "HTTP 401"),
        (reply_of({"error": {}}, 500), FailureKind.PROVIDER_ERROR, "HTTP 500"),
    ],
)
def test_without_a_limit_nothing_is_assumed(reply: Reply, kind: FailureKind, message: str) -> None:
    result = read(OPENAI, UNDECLARED, NOW, LimitServer({FIRST: 1}, limit=reply).exchange)
    assert isinstance(result, ReadFailure), result
    assert (result.kind, message in result.message) == (kind, True), result


def test_the_limit_at_the_provider_takes_little_more_than_one_request_each_read() -> None:
    """At the default schedule, over the turn of a month; the limit is raised on the last day."""
    costs: dict[date, object] = {}
    server, account, asked, ticks = LimitServer(costs, limit=limit()), UNDECLARED, 0, 5 * 288
    begin, raised = midnight(date(2026, 11, 28)), 4 * 288

    def exchange(request: Request) -> Reply:
        nonlocal asked
        asked += 1
        return server.exchange(request)

    for n in range(ticks):
        now = begin + n * timedelta(minutes=5)
        day = now.date()
        costs[day] = str(Decimal(str(costs.get(day, 0))) + Decimal("0.001") * (n % 3))
        if n == raised:
            server.limit = limit(threshold_amount=20000)
        result = read(OPENAI, account, now, exchange)
        assert isinstance(result, Reading), result
        month = (Decimal(str(it)) for of, it in costs.items() if of >= day.replace(day=1))
        assert result.balance == (100 if n < raised else 200) - sum(month)
        account = replace(account, settled=result.settled or account.settled)
    assert asked <= 1.1 * ticks + 2


def test_a_limit_that_is_an_hour_old_is_asked_for_again() -> None:
    server = LimitServer({FIRST: "12.34"}, limit=limit())
    first = read(OPENAI, UNDECLARED, NOW, server.exchange)
    assert isinstance(first, Reading)
    kept = replace(UNDECLARED, settled=first.settled)
    server.limit = limit(threshold_amount=5000)
    for after, balance in ((55, "87.66"), (60, "37.66")):
        result = read(OPENAI, kept, NOW + timedelta(minutes=after), server.exchange)
        assert isinstance(result, Reading)
        assert result.balance == Decimal(balance)
