"""What a report tells of accounts that are watched since a few days: nothing that is not known."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from balance_watch.domain.account import Account
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Reading
from balance_watch.domain.report import Past, Report, period, report_of, spending_by
from balance_watch.domain.state import AccountState, observe
from balance_watch.pages.report_html import report_html

UNTIL = datetime(2026, 11, 27, 18, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def past(name: str, since: datetime, *, unread: int = 0) -> Past:
    """Returns an account that spends 24 EUR a day; on one day of the month, nothing was read."""
    account = Account(name, "vonage")
    state, readings = AccountState(name, provider="vonage"), list(_readings(since, unread))
    for reading in readings:
        state = observe(state, reading, reading.observed_at, account=account)
    return Past(account, state, readings, ())


def _readings(since: datetime, unread: int) -> Iterator[Reading]:
    hours = range(int((UNTIL - since) / HOUR) + 1)
    times = (since + hour * HOUR for hour in hours)
    for hour, at in enumerate(times):
        if at.day != unread:
            yield Reading(at, Decimal(5000 - hour), "EUR")


def report(*pasts: Past, days: int = 30) -> Report:
    return report_of(pasts, Policy(), period(UNTIL, days))


def by_day(page: str) -> dict[str, str]:
    """Returns what the page says was spent on each day."""
    row = r'<tr><td data-key="\d+">([^<]+)</td><td[^>]*>([^<]+)</td></tr>'
    return dict(re.findall(row, page))


NEW = past("new", UNTIL - 3 * DAY)
OLD = past("old", UNTIL - 40 * DAY)


def test_nothing_is_known_of_the_days_before_the_first_reading() -> None:
    days = by_day(report_html(report(NEW)))
    assert {days[f"{day} Nov"] for day in range(1, 24)} == {"—"}
    assert days["24 Nov"] == "5.00 EUR"
    assert days["25 Nov"] == "24.00 EUR"


def test_nothing_is_known_of_a_day_without_a_reading() -> None:
    days = by_day(report_html(report(past("sms", UNTIL - 10 * DAY, unread=20))))
    assert (days["20 Nov"], days["21 Nov"]) == ("—", "48.00 EUR")


def test_a_day_on_which_nothing_was_spent_is_zero() -> None:
    account = Account("idle", "vonage")
    readings = [Reading(UNTIL - hour * HOUR, Decimal(5), "EUR") for hour in range(72, -1, -1)]
    idle = Past(account, AccountState("idle"), readings, ())
    assert by_day(report_html(report(idle)))["26 Nov"] == "0.00 EUR"


def test_a_sum_says_since_when_it_is_known() -> None:
    page = report_html(report(NEW))
    assert "November to date</dt><dd>72.00 EUR since 24 Nov</dd>" in page
    assert "Spent in EUR since 24 Nov, 1 account" in page


def test_a_sum_over_days_that_were_all_read_does_not_say_since_when() -> None:
    assert "since" not in "".join(re.findall(r'class="card">.*', report_html(report(OLD))))
    assert "Spent in EUR, 1 account" in report_html(report(NEW, days=2))


def test_the_days_before_the_month_are_no_part_of_it() -> None:
    before = past("october", datetime(2026, 10, 29, 9, tzinfo=UTC))
    page = report_html(report(before))
    assert "Spent in EUR since 29 Oct, 1 account" in page
    assert re.search(r"November to date</dt><dd>[\d.]+ EUR</dd>", page)


BRAND_NEW = past("brand-new", UNTIL - 2 * HOUR)


def test_a_new_account_leaves_the_forecast_of_the_others_as_it_is() -> None:
    (alone,) = spending_by(report(OLD), lambda _: "")
    (both,) = spending_by(report(OLD, BRAND_NEW), lambda _: "")
    assert alone.forecast is not None
    assert (both.forecast, both.without, both.accounts) == (alone.forecast, 1, 2)


def test_the_page_says_how_many_accounts_a_forecast_leaves_out() -> None:
    page = report_html(report(OLD, BRAND_NEW))
    assert re.search(r" end</dt><dd>~[\d.]+ EUR without 1 account</dd>", page)
    assert "without 1 account" not in report_html(report(OLD))


def test_a_forecast_of_no_account_is_not_known_yet() -> None:
    (alone,) = spending_by(report(BRAND_NEW), lambda _: "")
    assert (alone.forecast, alone.without) == (None, 1)
    assert " end</dt><dd>not known yet</dd>" in report_html(report(BRAND_NEW))
