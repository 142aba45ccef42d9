"""What an account lacks for what it is going to spend in the month."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from balance_watch.domain.reading import Reading
from balance_watch.domain.report import AccountReport
from balance_watch.domain.state import AccountState

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def report(left: str, spent: str, forecast: str | None, *, is_quota: bool = False) -> AccountReport:
    return AccountReport(
        "sms",
        "vonage",
        {},
        AccountState("sms"),
        Reading(NOW, Decimal(left), "EUR"),
        (),
        {"EUR": Decimal(spent)},
        None if forecast is None else Decimal(forecast),
        (),
        (),
        (),
        (),
        (),
        None,
        None,
        Decimal(0),
        is_quota,
    )


@pytest.mark.parametrize(
    ("left", "spent", "forecast", "lacks"),
    [
        ("9.92", "20", "55", Decimal("25.08")),
        ("35", "20", "55", None),
        ("100", "20", "55", None),
        ("-3", "20", "55", Decimal(38)),
        ("9.92", "20", None, None),
    ],
)
def test_it_lacks_what_the_forecast_is_above_what_is_left(
    left: str, spent: str, forecast: str | None, lacks: Decimal | None
) -> None:
    assert report(left, spent, forecast).month_lacks == lacks


def test_a_quota_lacks_nothing_since_it_begins_anew() -> None:
    assert report("9.92", "20", "55", is_quota=True).month_lacks is None
