"""`accounts add` step by step, at a pseudo-terminal: keys are typed, and never shown."""

import os
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from local.provider_server import ProviderAccount
from tests.cli.test_accounts import in_secret
from tests.support.canaries import CORE, key
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Stage

ADD = (sys.executable, "-m", "balance_watch.cli.main", "accounts", "add")


@pytest.fixture
def stocked(stage: "Stage") -> "Stage":
    stage.you.accounts[key("new")] = ProviderAccount(balance=Decimal("7189.245"))
    return stage


def add(stage: "Stage", *words: str) -> Terminal:
    return Terminal([*ADD, "--base-url", stage.you.url, *words], os.environ)


def test_an_account_is_added_by_answering(stocked: "Stage") -> None:
    with add(stocked) as terminal:
        terminal.answer("Provider (a part of its name): ", "you.com")
        terminal.answer("Is it you? [Y/n]: ")
        terminal.answer("Name of the account [you]: ", "books")
        terminal.answer("api_key (hidden): ", key("new"))
        terminal.expect("books has 7,189.245 USD")
        terminal.answer("Alert below (a number, or none) [700]: ")
        terminal.answer("Labels, such as team=search (Enter: none): ", "team=books env=prod")
        terminal.answer("Store it? [Y/n]: ")
        terminal.expect("Stored. The next check reads books.")
        terminal.expect("balance-watch channels test")
        assert terminal.end() == 0
        assert CORE not in terminal.screen
        assert max(map(len, terminal.screen.splitlines())) <= 200
    assert in_secret(stocked)[2] == {
        "name": "books",
        "provider": "you",
        "credentials": {"api_key": key("new")},
        "base_url": stocked.you.url,
        "alert_below": "700",
        "labels": {"team": "books", "env": "prod"},
    }


@pytest.mark.parametrize("name", ["x" * 101, "a\tb"])
def test_a_name_that_no_account_can_have_is_asked_for_again_before_the_key(
    stocked: "Stage", name: str
) -> None:
    with add(stocked, "--provider", "you") as terminal:
        terminal.answer("Name of the account [you]: ", name)
        terminal.expect("A name must be 1 to 100 characters on one line.")
        terminal.answer("Name of the account [you]: ", "books")
        terminal.expect("api_key (hidden): ")
        terminal.press("\x03")
        assert terminal.end() == 130
    assert len(in_secret(stocked)) == 2


def test_a_list_of_providers_folds_behind_its_numbers(stocked: "Stage") -> None:
    command = [*ADD, "--base-url", stocked.you.url]
    with Terminal(command, os.environ, columns=40) as terminal:
        terminal.answer("Provider (a part of its name): ", "openrouter")
        terminal.expect("Its number")
        terminal.press("\x03")
        assert terminal.end() == 130
    lines = terminal.screen.splitlines()[1:]
    listed = lines[: next(n for n, line in enumerate(lines) if line.startswith("Its number"))]
    assert all(line.startswith(("  1  ", "  2  ", "     ")) for line in listed), listed
    assert max(map(len, listed)) <= 40


def test_one_of_several_providers_is_chosen_by_its_number(stocked: "Stage") -> None:
    with add(stocked) as terminal:
        terminal.answer("Provider (a part of its name): ", "nothing like it")
        terminal.expect("There is no provider nothing like it.")
        terminal.answer("Provider (a part of its name): ", "aimlapi")
        terminal.answer("Name of the account [aimlapi]: ")
        terminal.expect("api_key (hidden): ")
        terminal.press("\x03")
        assert terminal.end() == 130
    assert len(in_secret(stocked)) == 2


def test_a_word_that_fits_several_lists_them(stocked: "Stage") -> None:
    with add(stocked) as terminal:
        terminal.answer("Provider (a part of its name): ", "openrouter")
        terminal.expect("1  openrouter-credits: OpenRouter (account)")
        terminal.expect("2  openrouter-key: OpenRouter")
        terminal.answer("Its number, or a part of its name: ", "2")
        terminal.expect("Name of the account [openrouter-key]: ")
        terminal.press("\x04")
        terminal.expect("The input has ended: nothing was changed.")
        assert terminal.end() == 1


def test_an_account_that_cannot_be_read_is_stored_only_if_that_is_wanted(stocked: "Stage") -> None:
    with add(stocked, "books", "--provider", "you") as terminal:
        terminal.answer("api_key (hidden): ", key("unknown"))
        terminal.expect("books cannot be read: key rejected.")
        terminal.answer("Store it all the same? [y/N]: ")
        terminal.expect("Nothing was stored.")
        assert terminal.end() == 1
        assert CORE not in terminal.screen
    assert len(in_secret(stocked)) == 2


def test_a_threshold_that_is_no_number_is_asked_for_again(stocked: "Stage") -> None:
    with add(stocked, "books", "--provider", "you") as terminal:
        terminal.answer("api_key (hidden): ", key("new"))
        terminal.answer("Alert below", "lots")
        terminal.expect("A threshold is a number, or none.")
        terminal.answer("Alert below", "none")
        terminal.answer("Labels", "team")
        terminal.expect("Write labels as NAME=VALUE")
        terminal.answer("Labels")
        terminal.answer("Store it?", "n")
        terminal.expect("Nothing was stored.")
        assert terminal.end() == 1
    assert len(in_secret(stocked)) == 2


def test_a_provider_that_tells_costs_asks_what_was_paid(stocked: "Stage") -> None:
    with add(stocked, "llm", "--provider", "anthropic") as terminal:
        terminal.expect("It takes an admin key of the organization")
        terminal.answer("api_key (hidden): ", key("new"))
        terminal.expect("Anthropic tells what was spent, and not what is left.")
        terminal.answer("What was paid (Enter: a monthly budget instead): ")
        terminal.answer("Budget of a month: ", "1000")
        terminal.expect("llm cannot be read")
        terminal.answer("Store it all the same? [y/N]: ", "y")
        terminal.answer("Alert below (a number, or none) [none]: ")
        terminal.answer("Labels")
        terminal.answer("Store it? [Y/n]: ")
        assert terminal.end() == 0
    assert in_secret(stocked)[2]["budget"] == {"amount": "1000", "per": "month"}
    assert "alert_below" not in in_secret(stocked)[2]


def test_an_account_is_removed_after_a_yes(stocked: "Stage") -> None:
    words = [*ADD[:-1], "remove", "search"]
    with Terminal(words, os.environ) as terminal:
        terminal.expect("search (you) in the secret balance-watch/accounts")
        terminal.answer("Remove it?", "y")
        assert terminal.end() == 0
    assert [it["name"] for it in in_secret(stocked)] == ["sms"]


def test_an_empty_key_is_asked_for_again(stocked: "Stage") -> None:
    with add(stocked, "books", "--provider", "you") as terminal:
        terminal.answer("api_key (hidden): ")
        terminal.expect("It must not be empty")
        terminal.answer("api_key (hidden): ", key("new"))
        terminal.expect("books has 7,189.245 USD")
