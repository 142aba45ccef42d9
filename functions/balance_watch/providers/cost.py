"""Reads the costs of an account page by page, and what is left of its credit or budget.

Every page of every range is followed, or the account is unreadable: too few pages would show too
much credit. Days that are over for a day are settled: their costs are asked for once a day, since
providers correct them now and then. A month's limit at the provider is asked for once an hour.
"""

from collections import defaultdict
from collections.abc import Generator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from string import Template
from typing import NamedTuple

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.credit import Budget, Credit, SettledCosts, open_costs
from balance_watch.domain.money import NotAnAmountError, total
from balance_watch.domain.reading import Estimate, FailureKind, ReadFailure, Reading
from balance_watch.providers.amounts import AmountReader, exact_sum
from balance_watch.providers.balance import AmbiguousBalanceError, unit_at
from balance_watch.providers.cost_pages import CostPage, read_page
from balance_watch.providers.cost_ranges import CostRange, ranges, settled_until, times_of
from balance_watch.providers.cost_spec import CostSpec, Cursor
from balance_watch.providers.decoding import UnexpectedReplyError, holds
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply, Request
from balance_watch.validation import Json

MAX_REQUESTS = 60
"""So many requests of one read are enough for a year by 31 days, or for a year of daily pages of a
week. With more, the account is unreadable."""

_DAY = timedelta(days=1)
_ASK_AGAIN = timedelta(days=1)
_ASK_LIMIT_AGAIN = timedelta(hours=1)

_NO_LIMIT = "The provider enforces no limit for the month: give the account its credit or a budget."


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the costs since the first purchase, or of this month; returns what is left."""
    del signed_at
    if spec.cost is None:
        return ReadFailure(FailureKind.MALFORMED, "The provider tells no costs.")
    try:
        limit = None
        if (declared := account.declared) is None:
            limit = _kept_limit(account, now)
            limit = limit or _Limit((yield from _limit(spec, spec.cost, account)), now)
            declared = Budget(limit.amount)
        return (yield from _reading(spec, spec.cost, account, declared, limit, now))
    except _FailedRequestError as error:
        return error.failure
    except AmbiguousBalanceError as error:
        return ReadFailure(FailureKind.AMBIGUOUS, str(error))
    except (UnexpectedReplyError, NotAnAmountError) as error:
        return ReadFailure(FailureKind.MALFORMED, str(error))


class _FailedRequestError(Exception):
    """A reply reports a failure."""

    def __init__(self, failure: ReadFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class _Limit(NamedTuple):
    """The month's limit at the provider, and when it was asked for."""

    amount: Decimal
    at: datetime


def _kept_limit(account: Account, now: datetime) -> _Limit | None:
    """Returns the limit that was asked for within the last hour."""
    kept = account.settled
    if kept is None or kept.limit is None or kept.limit_at is None:
        return None
    if account.currency not in (None, kept.currency):
        return None
    is_new = timedelta() <= now - kept.limit_at < _ASK_LIMIT_AGAIN
    return _Limit(kept.limit, kept.limit_at) if is_new else None


def _limit(spec: Spec, cost: CostSpec, account: Account) -> Generator[Request, Reply, Decimal]:
    """Asks for the month's limit at the provider: the budget of an account that declares none."""
    limit = cost.limit
    if limit is None:
        raise AmbiguousBalanceError("The account declares neither credit nor a budget.")
    reply = yield balance_request(spec, account, limit.url)
    body = parse_body(spec, reply)
    if reply.status == HTTPStatus.NOT_FOUND:
        raise AmbiguousBalanceError(_NO_LIMIT)
    if isinstance(body, ReadFailure):
        raise _FailedRequestError(body)
    if not holds(limit.holds, body.value):
        raise AmbiguousBalanceError(_NO_LIMIT)
    expected = account.currency or spec.currency
    unit = (
        expected if limit.currency is None else unit_at(limit.currency, body.value, spec, account)
    )
    if expected is not None and unit != expected:
        raise AmbiguousBalanceError(f"The limit at the provider is not in {expected}.")
    amount = AmountReader(spec, textual=body.textual).number(limit.amount, body.value)
    if amount is None:
        raise UnexpectedReplyError.missing(limit.amount)
    return exact_sum(limit.amount, [amount], scale=limit.scale)


def _reading(
    spec: Spec,
    cost: CostSpec,
    account: Account,
    declared: Credit | Budget,
    limit: _Limit | None,
    now: datetime,
) -> Generator[Request, Reply, Reading]:
    since = min(declared.first_day(now), now.date())
    known = _usable(account, since, now)
    until = max(since, settled_until(cost, now)) if known is None else known.until
    begin = since if known is None else known.until
    costs: dict[date, Decimal] = {} if known is None else {**known.days}
    sums = _Sums(None if known is None else known.currency)
    for part in ranges(cost, declared, CostRange(begin, now.date() + _DAY), until):
        yield from _read_range(spec, cost, account, part, now, sums)
    currency = sums.currency or account.currency or spec.currency
    if currency is None:
        raise AmbiguousBalanceError('There are no costs yet: set the account\'s "currency".')
    costs |= sums.days
    costs = {day: amount for day, amount in costs.items() if day >= since}
    left = declared.left(costs, now)
    settled = SettledCosts(
        since,
        until,
        now if known is None else known.asked_at,
        currency,
        {day: amount for day, amount in costs.items() if day < until},
        None if limit is None else limit.amount,
        None if limit is None else limit.at,
    )
    is_new = (known is None and until > since) or (limit is not None and limit.at == now)
    return Reading(
        observed_at=now,
        balance=left.balance,
        currency=currency,
        provider_time=sums.as_of,
        resets_at=left.resets_at,
        renews=True if isinstance(declared, Budget) else None,
        expires_at=left.expires_at,
        estimate=Estimate(since, total(costs.values()), left.bought, open_costs(costs, now)),
        settled=settled if is_new else None,
        costs=costs,
    )


def _usable(account: Account, since: date, now: datetime) -> SettledCosts | None:
    """Returns what is known of settled days if it begins early enough, and is a day old at most."""
    settled = account.settled
    if settled is None or not settled.since <= since < settled.until <= now.date():
        return None
    if account.currency not in (None, settled.currency):
        return None
    return settled if timedelta() <= now - settled.asked_at < _ASK_AGAIN else None


class _Sums:
    """Adds up the costs of several pages, by day; counts the requests."""

    def __init__(self, currency: str | None) -> None:
        self.currency = currency
        self.days: dict[date, Decimal] = defaultdict(Decimal)
        self.as_of: datetime | None = None
        self.requests = 0

    def add(self, page: CostPage) -> None:
        """Adds a page; raises AmbiguousBalanceError if it is in another currency."""
        for unit, day, amount in page.costs:
            self.currency = self.currency or unit
            if unit != self.currency:
                raise AmbiguousBalanceError(
                    f"There are costs in {self.currency} and in {unit}:"
                    ' set the account\'s "currency" to the one of its credit.'
                )
            self.days[day] = total([self.days[day], amount])
        if page.as_of is not None:
            self.as_of = min(page.as_of, self.as_of or page.as_of)


def _read_range(
    spec: Spec, cost: CostSpec, account: Account, part: CostRange, now: datetime, sums: _Sums
) -> Generator[Request, Reply, None]:
    """Reads all pages of a range and adds them up."""
    times, (next_page, in_body) = times_of(cost, part, now), _first_page(cost)
    asked = {name: Template(text).substitute(times) for name, text in cost.query.items()}
    seen_cursors, seen_days, pages = set[str](), list[date](), list[CostPage]()
    while True:
        sums.requests += 1
        if sums.requests > MAX_REQUESTS:
            raise UnexpectedReplyError(f"The costs have more than {MAX_REQUESTS} pages.")
        request = balance_request(spec, account)
        body = _filled(request.json, times)
        query = {**request.query, **asked, **next_page}
        reply = yield replace(request, query=query, json={**body, **in_body} if in_body else body)
        parsed = parse_body(spec, reply)
        if isinstance(parsed, ReadFailure):
            raise _FailedRequestError(parsed)
        page = read_page(spec, cost, account, parsed, part, now)
        _check_days(cost, seen_days, page.days)
        seen_days += page.days
        pages.append(page)
        entries = _entries_of(pages)
        sums.add(page)
        if page.next_cursor is not None and cost.cursor is not None:
            if page.next_cursor in seen_cursors:
                raise UnexpectedReplyError("The reply leads back to a page that was read.")
            seen_cursors.add(page.next_cursor)
            next_page, in_body = _page_after(cost.cursor, page.next_cursor)
        elif cost.pages is not None and page.total is not None and entries < page.total:
            if not page.entries:
                raise UnexpectedReplyError("A page of the costs is missing.")
            next_page = {cost.pages.query: str(int(next_page[cost.pages.query]) + 1)}
        else:
            return


def _entries_of(pages: list[CostPage]) -> int:
    """Returns how many entries pages have; raises UnexpectedReplyError if they do not fit."""
    *before, page = pages
    if page.entries and any(page.entries == it.entries for it in before):
        raise UnexpectedReplyError("Two pages of the costs are the same.")
    if any(page.total != it.total for it in before):
        raise UnexpectedReplyError("The number of entries changes from page to page.")
    entries = sum(len(it.entries) for it in pages)
    if page.total is not None and entries > page.total:
        raise UnexpectedReplyError("The costs have more entries than the reply counts.")
    return entries


def _first_page(cost: CostSpec) -> tuple[dict[str, str], dict[str, str]]:
    return ({} if cost.pages is None else {cost.pages.query: "1"}), {}


def _page_after(cursor: Cursor, value: str) -> tuple[dict[str, str], dict[str, str]]:
    """Returns what asks for the next page: fields of the address, and of the body."""
    if cursor.query is not None:
        return {cursor.query: value}, {}
    return {}, {} if cursor.field is None else {cursor.field: value}


def _check_days(cost: CostSpec, before: list[date], days: tuple[date, ...]) -> None:
    """Raises UnexpectedReplyError if a page repeats a day of another one, or if one is missing."""
    repeated = set(before) & set(days)
    if repeated:
        raise UnexpectedReplyError(f"Two pages of the costs have the day {min(repeated)}.")
    every = sorted({*before, *days})
    if cost.every_day and every and (every[-1] - every[0]).days >= len(every):
        raise UnexpectedReplyError("The costs of a day are missing.")


def _filled(body: Json, times: Mapping[str, str]) -> Json:
    """Returns a body with a time in place of each text that is its name alone, such as `$since`."""
    if isinstance(body, dict):
        return {name: _filled(value, times) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, times) for value in body]
    is_name = isinstance(body, str) and body.startswith("$")
    return times.get(body[1:], body) if is_name else body
