"""`report` on the embedded stack: a page and CSV, from what the checks stored."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balance_watch.config.settings import CheckSettings
from balance_watch.wiring import Wiring
from local.trouble import FINE, KEY_REJECTED
from tests.support.canaries import key

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

FIRST = datetime(2026, 11, 20, 9, tzinfo=UTC)
UNTIL = "2026-11-23"


def check_at(time: datetime) -> None:
    Wiring(CheckSettings.from_environment()).check().run(time, seconds=100)


@pytest.fixture
def eventful(stage: "Stage", run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Run":
    """The command, after three days in which an account was low, unreadable and topped up."""
    monkeypatch.chdir(tmp_path)
    stage.accounts(stage.entry("search", "you", alert_below="8000", labels={"team": "web"}))
    check_at(FIRST)
    stage.you.trouble = KEY_REJECTED
    check_at(FIRST + timedelta(hours=12))
    stage.you.trouble = FINE
    stage.you.accounts[key("search")].balance = Decimal(7000)
    check_at(FIRST + timedelta(hours=24))
    stage.you.accounts[key("search")].balance = Decimal(9000)
    check_at(FIRST + timedelta(hours=48))
    return run


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_for_each_account_and_day_with_every_digit(eventful: "Run") -> None:
    output = eventful("report", "--days", "4", "--until", UNTIL, "--csv", "-")
    assert output.code == 0
    found = rows(output.out)
    assert list(found[0]) == [
        "account",
        "provider",
        "currency",
        "day",
        "balance",
        "spent",
        "topped_up",
    ]
    assert [(it["day"], it["balance"], it["spent"], it["topped_up"]) for it in found] == [
        ("2026-11-19", "", "", ""),
        ("2026-11-20", "7189.245", "0", "0"),
        ("2026-11-21", "7000", "189.245", "0"),
        ("2026-11-22", "9000", "0", "2000"),
    ]
    assert {(it["account"], it["provider"], it["currency"]) for it in found} == {
        ("search", "you", "USD")
    }


def test_the_page_tells_what_fired_and_for_how_long_and_who_was_told(
    eventful: "Run", tmp_path: Path
) -> None:
    output = eventful("report", "--days", "4", "--until", UNTIL)
    assert (output.code, output.err) == (0, "Wrote report.html.\n")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("alert_below", "unreadable", "2 d", "slack:default", "By label: team", "2,000"):
        assert words in page


def test_csv_alone_writes_no_page(eventful: "Run", tmp_path: Path) -> None:
    assert eventful("report", "--csv", "days.csv").code == 0
    assert [file.name for file in tmp_path.glob("*")] == ["days.csv"]


def test_it_reads_no_secret(
    stage: "Stage", eventful: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETS_PREFIX", "nothing/here/")
    output = eventful("report", "--output", "-")
    assert output.code == 0
    assert "search" in output.out
    assert key("search") not in output.out
    assert not any(url in output.out for url in stage.slack.webhooks.values())


@pytest.mark.parametrize(
    "time",
    [
        "yesterday",
        "2026-13-01",
        "12:00",
        "0001-01-01",
        "1900-01-01",
        "9999-12-31T23:00-05:00",
        "1970-01-01T00:00+01:00",
    ],
)
def test_a_time_that_is_none_is_wrong_use(run: "Run", time: str) -> None:
    output = run("report", "--until", time)
    assert output.code == 2
    assert "must be a day or a time between 1970-01-01 and now" in output.err


def test_a_time_that_is_yet_to_come_is_said_to_be_now(run: "Run") -> None:
    output = run("report", "--days", "3", "--until", "2999-01-01", "--csv", "-")
    assert output.code == 0
    assert "1 Jan 2999 00:00 UTC is yet to come: the report ends now, " in output.err
    assert rows(output.out)[-1]["day"] == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize("days", ["6", "36500"])
def test_days_for_which_nothing_is_kept_are_left_out_and_that_is_said(
    run: "Run", monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    monkeypatch.setenv("HISTORY_DAYS", "5")
    output = run("report", "--days", days, "--until", UNTIL, "--csv", "-")
    assert output.code == 0
    assert "Readings are kept for 5 days (HISTORY_DAYS)" in output.err
    assert {it["day"] for it in rows(output.out)} == {f"2026-11-{day}" for day in range(18, 23)}


def test_a_report_that_is_as_asked_for_says_nothing_else(
    run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HISTORY_DAYS", "5")
    assert run("report", "--days", "5", "--until", UNTIL, "--csv", "-").err == ""
