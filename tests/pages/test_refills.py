"""What a report tells of accounts that are filled up before nothing is left."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import AutoReload, Reading
from balance_watch.domain.report import Past, period, report_of
from balance_watch.domain.state import AccountState, observe
from balance_watch.pages.report_html import report_html

UNTIL = datetime(2026, 11, 27, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)


def past(name: str, hours_left: int, **facts: object) -> Past:
    """Returns an account that spends 1 USD an hour, and what its latest reading tells besides."""
    account, state, readings = Account(name, "openrouter"), AccountState(name), []
    for hour in range(48, -1, -1):
        read = Reading(UNTIL - hour * HOUR, Decimal(hours_left + hour), "USD")
        read = replace(read, **facts)
        state = observe(state, read, read.observed_at, account=account)
        readings.append(read)
    return Past(account, state, readings, ())


def page(*pasts: Past) -> str:
    return report_html(report_of(pasts, Policy(), period(UNTIL, 2)))


def next_dry(page: str) -> list[str]:
    """Returns the lines of what runs dry next."""
    table = page.split("What runs dry next", 1)[1].split("</table>", 1)[0]
    return re.findall(r"<tr><td>.*</tr>", table)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"auto_reload": AutoReload(enabled=True)}, "auto-reload"),
        ({"resets_at": UNTIL + 20 * HOUR}, "quota renews"),
    ],
)
def test_an_account_that_is_filled_up_is_quiet_and_stands_behind_those_that_run_dry(
    facts: dict[str, object], word: str
) -> None:
    found = page(past("refilled", 22, **facts), past("dry", 60))
    dry, refilled = next_dry(found)
    assert "<bdi>dry</bdi>" in dry
    assert f'<span class="quiet">{word}</span>' in refilled
    assert "critical" not in refilled
    assert f"<dt>Runs dry</dt><dd>{word}</dd>" in found


def test_an_account_without_auto_reload_that_lasts_less_than_a_day_is_red() -> None:
    (line,) = next_dry(page(past("dry", 22, auto_reload=AutoReload(enabled=False))))
    assert 'class="critical">22 h' in line
