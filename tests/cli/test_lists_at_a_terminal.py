"""`accounts` and `channels` at a terminal: aligned tables that fit its width, without an escape."""

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.canaries import CORE
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Stage

COMMAND = (sys.executable, "-m", "balance_watch.cli.main")
LONG = "an account with a name that is longer than any column of a terminal has room for"


@pytest.fixture
def stocked(stage: "Stage") -> "Stage":
    """A stack with accounts of every form, and a route."""
    stage.accounts(
        stage.entry("search", "you", alert_below="8000", labels={"team": "search", "env": "prod"}),
        stage.entry("sms", "vonage", enabled=False),
        {**stage.entry("search", "you"), "name": LONG},
    )
    stage.aws.put_policy(
        '[[routes]]\nmatch = { account = "search" }\nchannels = ["slack:oncall"]\n'
    )
    return stage


def shown(*words: str, columns: int = 80) -> list[str]:
    """Returns the lines that a command shows at a terminal of so many columns."""
    with Terminal([*COMMAND, *words], os.environ, columns=columns) as terminal:
        assert terminal.end() == 0
        assert CORE not in terminal.screen
        return terminal.screen.splitlines()


def test_accounts_has_a_row_for_each_account_under_the_header(stocked: "Stage") -> None:
    del stocked
    header, search, *_, sms = shown("accounts", columns=200)
    names = ("account", "provider", "alert below", "labels", "secret")
    assert [header[header.index(name) :][: len(name)] for name in names] == list(names)
    assert [search[header.index(name) :].split("  ")[0] for name in names] == [
        "search",
        "you",
        "8000",
        "team=search, env=prod",
        "accounts",
    ]
    assert sms.startswith("sms (disabled)")
    assert sms[header.index("provider") :].startswith("vonage")


def test_accounts_cuts_no_name_off(stocked: "Stage") -> None:
    del stocked
    header, *lines = shown("accounts")
    cells = "".join(line[: header.index("provider")] for line in lines)
    assert LONG.replace(" ", "") in cells.replace(" ", "")


def test_channels_tells_which_work_and_what_each_gets(stocked: "Stage") -> None:
    del stocked
    text = "\n".join(shown("channels", columns=120))
    assert "sns" in text
    assert "slack:oncall" in text
    assert "account=search" in text


def test_a_narrow_list_of_accounts_leaves_columns_out_and_folds_no_short_word(
    stage: "Stage",
) -> None:
    stage.accounts(
        stage.entry("llm-research", "you", alert_below="8000", labels={"team": "search"}),
        stage.entry("sms", "vonage", alert_below="20", labels={"team": "sms"}),
    )
    assert [line.split() for line in shown("accounts", columns=40)] == [
        ["account", "provider", "alert", "below"],
        ["llm-research", "you", "8000"],
        ["sms", "vonage", "20"],
    ]
    assert shown("accounts")[1].split() == [
        *("llm-research", "you", "8000", "team=search", "accounts")
    ]


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("command", ["accounts", "channels"])
def test_a_list_fits_the_terminal(stocked: "Stage", command: str, columns: int) -> None:
    del stocked
    assert max(map(len, shown(command, columns=columns))) <= columns


def test_without_an_account_the_list_says_how_to_add_one(stage: "Stage") -> None:
    stage.accounts()
    assert "There are no accounts yet: `balance-watch accounts add`." in shown("accounts")
