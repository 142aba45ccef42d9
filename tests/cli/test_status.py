"""`status` at a terminal and in a pipe: everything is there, and a stopped schedule stands out."""

import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from balance_watch.cli.account_row import rows_of
from balance_watch.cli.accounts_table import PIPE_COLUMNS
from balance_watch.cli.overview import show_rows
from balance_watch.config.settings import CheckSettings
from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState
from balance_watch.wiring import Wiring
from local.trouble import KEY_REJECTED, OUTAGE
from tests.cli.test_accounts_table import busy
from tests.support.canaries import key
from tests.support.examples import TICK
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

STATUS = (sys.executable, "-m", "balance_watch.cli.main", "status")
FIVE = timedelta(minutes=5)


def at_a_terminal(*words: str, columns: int = 80) -> str:
    """Returns what the command shows at a terminal of so many columns."""
    with Terminal([*STATUS, *words], os.environ, columns=columns) as terminal:
        assert terminal.end() == 0
        return terminal.screen


def piped(run: "Run", *words: str) -> list[dict[str, str]]:
    """Returns the rows of the command in a pipe, by the names in its header."""
    header, *lines = run("status", *words).out.splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def change(name: str, **facts: object) -> None:
    """Changes what is stored of an account."""
    accounts = Wiring(CheckSettings.from_environment()).store.accounts
    state = accounts.states([name])[name]
    assert accounts.save([replace(state, **facts)]) == set()


def check_before(minutes: int) -> datetime:
    """Checks every account so many minutes ago, as far as the accounts can tell."""
    tick = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)
    Wiring(CheckSettings.from_environment()).check().run(tick, seconds=100)
    return tick


def test_a_pipe_gets_a_header_and_a_line_for_each_account(run: "Run") -> None:
    at = run("check", "--json").json["scheduled_time"]
    assert run("status").out.splitlines() == [
        "\t".join(PIPE_COLUMNS),
        f"critical\tsearch\t7189.245\tUSD\t\t\t\t\t\tyou\t{at}\talert_below\t",
        f"ok\tsms\t10.171275\tEUR\t\t\t\t\t\tvonage\t{at}\t\t",
    ]


def test_the_columns_of_the_pipe_are_in_the_help(run: "Run") -> None:
    text = " ".join(run("status", "--help").out.split())
    assert all(f"{name} (" in text for name in PIPE_COLUMNS)


def test_a_pipe_has_neither_colour_nor_folds_whatever_is_asked_for(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    name = "search of the whole shop\u202e in every country of Europe"
    stage.you.accounts[key("search")].balance = Decimal(9000)
    stage.accounts({**stage.entry("search", "you"), "name": name})
    run("check", "--json")
    output = run("status")
    assert "\x1b" not in output.out
    (row,) = piped(run)
    assert row["account"] == name.replace("\u202e", "�")


def test_a_pipe_tells_why_an_account_cannot_be_read(stage: "Stage", run: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    run("check", "--json")
    assert [(row["state"], row["failure"]) for row in piped(run)] == [
        ("critical", "Key rejected: HTTP 401: the key is invalid."),
        ("ok", ""),
    ]


def test_the_alerts_of_a_pipe_are_those_that_fire(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("search", "you"), stage.entry("sms", "vonage"))
    stage.aws.put_policy(
        '[[rules]]\nname = "low"\nbelow = 100000\nmatch = { account = "sms" }\n'
        '[[rules]]\nname = "slow"\nbelow = 100000\nfor = "2h"\n'
    )
    run("check", "--json")
    alerts = {row["account"]: (row["state"], row["alerts"]) for row in piped(run)}
    assert alerts["sms"] == ("warning", "low")
    assert alerts["search"] == ("pending", "")


def test_a_pipe_has_the_gravest_account_first_and_json_the_order_of_the_secrets(
    stage: "Stage", run: "Run"
) -> None:
    stage.accounts(
        stage.entry("sms", "vonage", variables={"trx": "t"}),
        stage.entry("search", "you", alert_below="8000"),
    )
    run("check", "--json")
    assert [row["account"] for row in piped(run)] == ["search", "sms"]
    assert [row["account"] for row in run("status", "--json").json] == ["sms", "search"]


def test_json_tells_when_an_account_was_checked(run: "Run") -> None:
    at = run("check", "--json").json["scheduled_time"]
    assert {row["checked_at"] for row in run("status", "--json").json} == {at}


def test_a_terminal_gets_the_table_with_totals(run: "Run") -> None:
    run("check", "--json")
    screen = at_a_terminal()
    header, first, second, *_ = screen.splitlines()
    assert " ".join(header.split()) == "state account balance lasts spends provider"
    assert first.startswith("critical alert_below  search   7,189.245 USD")
    assert second.startswith("ok                    sms      10.171275 EUR")
    assert "Total 10.171275 EUR in 1 account\nTotal 7,189.245 USD in 1 account\n" in screen
    assert "Last checked" in screen


def test_nothing_is_wider_than_eighty_columns(stage: "Stage", run: "Run") -> None:
    name = "search in every country of Europe and in all the others"
    stage.accounts({**stage.entry("search", "you"), "name": name})
    run("check", "--json")
    balance = Decimal("123456789012345678901234567890.12345678")
    change(name, reading=Reading(TICK, balance, "USD"))
    screen = at_a_terminal()
    assert max(map(len, screen.splitlines())) <= 80
    assert "…" not in screen
    assert "123,456,789,012,345,678,901,234,567,890.12345678 USD" in screen


def test_the_age_of_a_stale_balance_is_beside_it(stage: "Stage", run: "Run") -> None:
    check_before(195)
    stage.you.trouble = OUTAGE
    check_before(190)
    check_before(0)
    screen = at_a_terminal()
    assert "7,189.245 USD  3 h old" in screen
    assert "search, unreadable for 3 h: " in screen
    assert "Not counted: 1 that cannot be read." in screen
    assert [row["age"] for row in piped(run)] == ["3 h old", ""]


def test_a_schedule_that_has_stopped_stands_out_in_words(run: "Run") -> None:
    run("check", "--json")
    checked_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    for name in ("search", "sms"):
        change(name, checked_at=checked_at, gaps=(FIVE, FIVE))
    words = "The schedule has stopped: the oldest check was 2 h ago"
    assert words in " ".join(at_a_terminal().split())
    output = run("status", "--json")
    assert words in " ".join(output.err.split())
    assert "usually every 5 min" in " ".join(output.err.split())
    assert len(output.json) == 2


def test_an_account_that_is_no_longer_checked_is_named(run: "Run") -> None:
    run("check", "--json")
    now = datetime.now(UTC).replace(microsecond=0)
    change("sms", checked_at=now - timedelta(hours=2), gaps=(FIVE, FIVE))
    screen = " ".join(at_a_terminal().split())
    assert "No longer checked: sms: the oldest check was 2 h ago" in screen


def test_two_names_of_one_purse_are_counted_once(stage: "Stage", run: "Run") -> None:
    entry = stage.entry("search", "you")
    stage.accounts(entry, {**entry, "name": "again"})
    run("check", "--json")
    screen = at_a_terminal()
    assert "Total 7,189.245 USD in 1 account\n" in screen
    assert "Not counted: 1 whose purse is counted already.\n" in screen


QUOTA = """
[[providers]]
slug = "acme"
name = "Acme"
kind = "quota"
url = "https://example.com/api/v1/balance"
auth = { headers = { X-API-Key = "$api_key" } }
currency = "USD"
reply.balance = "data.balance"
"""


def test_a_quota_of_an_own_provider_is_in_no_total(stage: "Stage", run: "Run") -> None:
    stage.aws.put_policy(QUOTA)
    stage.accounts({**stage.entry("search", "you"), "provider": "acme"})
    run("check", "--json")
    change("search", reading=busy().reading, failure=None)
    assert "Total" not in at_a_terminal()


def test_without_an_account_it_says_so(stage: "Stage", run: "Run") -> None:
    stage.accounts()
    run("check", "--json")
    assert "There is no account to watch." in at_a_terminal()
    assert piped(run) == []


def many(number: int) -> Mapping[str, AccountState]:
    """So many accounts, all of which were read for a day."""
    return {name: busy(name) for name in (f"account-{each}" for each in range(number))}


def test_two_thousand_accounts_are_shown_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    states = many(2000)
    began = time.process_time()
    rows = rows_of([Account(name, "you") for name in states], states)
    show_rows(rows, TICK, silences=(), faults=())
    assert time.process_time() - began < 3
    assert len(capsys.readouterr().out.splitlines()) > 2000
