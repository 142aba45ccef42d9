"""`status` never calls an account ok that is empty or will be; `policy` names the unwatched."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from balance_watch.cli.account_row import AccountRow
from balance_watch.cli.accounts_table import accounts_table
from balance_watch.cli.status import as_json
from balance_watch.domain.account import Account
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import AutoReload, FailureKind, ReadFailure
from balance_watch.domain.spending import Day
from balance_watch.domain.state import AccountState
from tests.support.canaries import key
from tests.support.fault_server import closed_port
from tests.support.watchman import ACCOUNT, HOUR, Watchman, reading

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

NOW = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
OFF = {"runs_dry": "never", "empty": False}


def state(balance: str, per_day: str | None = None, **facts: object) -> AccountState:
    """Returns the state of an account that spends so much a day."""
    days = () if per_day is None else (Day(NOW.date(), Decimal(per_day), timedelta(days=1)),)
    read = reading(balance, **{"observed_at": NOW, **facts})
    return AccountState("sms", checked_at=NOW, reading=read, days=days)


def row(of: AccountState) -> str:
    """Returns the account's line of the table, at a terminal of eighty columns."""
    out = io.StringIO()
    Console(file=out, width=80).print(accounts_table([AccountRow(of, "vonage")], NOW))
    return out.getvalue().splitlines()[1]


@pytest.mark.parametrize(
    ("of", "word"),
    [
        (state("50"), "ok"),
        (state("50", "10"), "ok"),
        (state("50", "50"), "ok"),
        (state("50", "50.1"), "lasts 23 h 57 min"),
        (state("50", "75"), "lasts 16 h"),
        (state("50", "75", auto_reload=AutoReload(enabled=True)), "auto-reload"),
        (state("5000", "75", auto_reload=AutoReload(enabled=True)), "ok"),
        (state("50", "75", auto_reload=AutoReload(enabled=False)), "lasts 16 h"),
        (state("50", "75", resets_at=NOW + 15 * HOUR), "quota renews"),
        (state("50", "75", resets_at=NOW + 17 * HOUR), "lasts 16 h"),
        (state("0"), "empty"),
        (state("-1", "0"), "empty"),
        (state("0.01", "0"), "ok"),
        (state("-5", credit_limit=Decimal(100)), "ok"),
        (state("-99", "24", credit_limit=Decimal(100)), "lasts 1 h"),
        (state("-101", "24", credit_limit=Decimal(100)), "empty"),
    ],
)
def test_the_state_comes_first_and_says_what_is_left_whatever_the_rules(
    of: AccountState, word: str
) -> None:
    assert row(of).startswith(f"{word} ")


def test_an_alert_that_fires_is_named_and_not_told_twice() -> None:
    watchman = Watchman()
    for hour in range(80):
        watchman.check(f"{90 - hour}", HOUR)
    assert row(watchman.state).startswith("critical runs_dry ")
    watchman.check("0", HOUR)
    assert row(watchman.state).startswith("critical empty, ")


def test_a_failed_look_tells_why_and_not_what_was_before() -> None:
    watchman = Watchman(account=Account("sms", "vonage", empty=False, runs_dry=()))
    watchman.check("0")
    watchman.check(ReadFailure(FailureKind.TIMED_OUT, "no"))
    assert row(watchman.state).startswith("timed out ")


@pytest.mark.parametrize(
    ("of", "runway", "per_day", "runs_dry_at"),
    [
        (state("50"), None, None, None),
        (state("50", "0"), 315_360_000, "0", None),
        (state("50", "75"), 57_600, "75", "2026-11-23T02:05:00Z"),
        (state("0"), 0, None, "2026-11-22T10:05:00Z"),
        (state("-99", "24", credit_limit=Decimal(100)), 3600, "24", "2026-11-22T11:05:00Z"),
        (AccountState("sms"), None, None, None),
    ],
)
def test_json_has_how_long_it_lasts_and_when_it_is_dry(
    of: AccountState, runway: int | None, per_day: str | None, runs_dry_at: str | None
) -> None:
    (found,) = as_json([ACCOUNT], {"sms": of}, Policy())
    assert found["runway"] == runway
    assert found["per_day"] == per_day
    assert found["runs_dry_at"] == runs_dry_at
    assert found["labels"] == {"team": "messaging"}


def test_status_shows_an_empty_account_as_empty(run: "Run", stage: "Stage") -> None:
    stage.you.accounts[key("search")].balance = Decimal(0)
    stage.accounts(stage.entry("search", "you", **OFF))
    run("check", "--json")
    assert run("status").out.splitlines()[1].startswith("empty\tsearch\t0\tUSD\t")


def test_an_account_that_runs_empty_is_told_of_by_a_check(run: "Run", stage: "Stage") -> None:
    stage.you.accounts[key("search")].balance = Decimal(0)
    stage.accounts(stage.entry("search", "you"))
    run("check", "--json")
    (found,) = run("status", "--json").json
    assert [(alert["rule"], alert["severity"]) for alert in found["alerts"]] == [
        ("empty", "critical")
    ]
    (line,) = stage.slack.messages["default"][0]["text"].splitlines()
    assert line == "search has nothing left: 0.00 USD"


NOBODY = "No rule on an amount watches: "


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A policy that turns off both rules."""
    file = tmp_path / "policy.toml"
    file.write_text('[defaults]\nruns_dry = "never"\nempty = false\n')
    return str(file)


@pytest.mark.parametrize("action", [("check",), ("put", "--yes")])
def test_the_policy_commands_name_every_account_that_no_rule_on_an_amount_watches(
    run: "Run", stage: "Stage", policy: str, action: tuple[str, ...]
) -> None:
    stage.accounts(
        stage.entry("search", "you"),
        stage.entry("books", "you", alert_below="5"),
        stage.entry("mail", "you", empty=True),
        stage.entry("sms", "vonage", variables={"trx": "t"}),
    )
    output = run("policy", *action, policy)
    assert output.code == 0
    assert f"{NOBODY}search, sms\n" in output.out


@pytest.mark.parametrize("action", [("check",), ("put", "--yes")])
def test_nothing_is_said_where_every_account_is_watched(
    run: "Run", tmp_path: Path, action: tuple[str, ...]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[defaults]\nempty = false\n")
    output = run("policy", *action, str(file))
    assert (output.code, NOBODY in output.out) == (0, False)


def test_a_policy_is_checked_where_there_is_no_stack(
    run: "Run", monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.delenv("TABLE_NAME")
    output = run("policy", "check", policy, "--region", "us-east-1")
    assert output.code == 0
    assert output.err.startswith("Not compared with your accounts: There is no stack")
    assert NOBODY not in output.out


def test_a_policy_is_checked_where_aws_does_not_answer(
    run: "Run", monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    assert run("status").code == 1
    output = run("policy", "check", policy)
    assert output.code == 0
    assert output.err.startswith("Not compared with your accounts: AWS could not be reached")
    assert output.out.startswith("Valid: ")
    assert NOBODY not in output.out
