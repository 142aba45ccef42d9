"""`check` at a machine from which the providers are out of reach asks before it alerts."""

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from balance_watch.config.settings import CheckSettings
from balance_watch.wiring import Wiring
from tests.cli.test_dry_run import everything
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

CHECK = (sys.executable, "-m", "balance_watch.cli.main", "check")


@pytest.fixture
def afar(stage: "Stage", monkeypatch: pytest.MonkeyPatch) -> "Stage":
    """The function has read every account; this machine reaches no provider."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    Wiring(CheckSettings.from_environment()).check().run(at, seconds=60)
    monkeypatch.setenv("TRUSTED_HOSTS", stage.slack.authority)
    stage.aws.published()
    return stage


def test_without_anybody_to_ask_nothing_is_stored_or_sent(afar: "Stage", run: "Run") -> None:
    before = everything(afar)
    output = run("check")
    assert output.code == 1
    assert "cannot be reached from this machine" in output.err
    assert "search (Unreachable)" in output.err
    assert "check --yes" in output.err
    assert everything(afar) == before


def test_no_is_the_default_answer(afar: "Stage") -> None:
    before = everything(afar)
    with Terminal(CHECK, os.environ) as terminal:
        terminal.expect("cannot be reached from this machine")
        terminal.answer("Store that, and alert if it is due? [y/N]: ")
        terminal.expect("Nothing was stored, sent or paid.")
        assert terminal.end() == 1
    assert everything(afar) == before


@pytest.mark.usefixtures("afar")
def test_after_a_yes_the_check_is_made(run: "Run") -> None:
    with Terminal(CHECK, os.environ, columns=140) as terminal:
        terminal.answer("Store that, and alert if it is due? [y/N]: ", "y")
        assert terminal.end() == 0
    kinds = {row["failure"]["kind"] for row in run("status", "--json").json}
    assert kinds == {"unreachable"}


@pytest.mark.usefixtures("afar")
def test_an_option_answers_beforehand(run: "Run") -> None:
    output = run("check", "--yes", "--json")
    assert output.code == 0
    assert output.json["unreadable"] == 2


def test_a_check_that_reaches_the_providers_asks_each_once(stage: "Stage", run: "Run") -> None:
    before = len(stage.you.requests)
    assert run("check", "--json").json["read"] == 2
    assert len(stage.you.requests) - before == 1


def test_accounts_that_no_check_has_read_before_are_no_reason_to_ask(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_HOSTS", stage.slack.authority)
    assert run("check", "--json").json["unreadable"] == 2
