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


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "12:00", "0001-01-01"])
def test_a_time_that_is_none_is_wrong_use(run: "Run", time: str) -> None:
    output = run("report", "--until", time)
    assert output.code == 2
    assert "must be a day or a time" in output.err
