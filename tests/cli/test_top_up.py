"""`top-up`: it asks, pays once, and is refused while an outcome is unknown."""

from typing import TYPE_CHECKING

import pytest

from local.trouble import LOST_REPLY
from tests.support.canaries import key

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

SMS = f"{key('sms')}:{key('sms-secret')}"


def test_a_top_up_without_yes_asks_and_pays_nothing_if_the_answer_is_no(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n", raising=False)
    output = run("top-up", "sms")
    assert output.code == 1
    assert "Nothing was paid." in output.out
    assert stage.vonage.accounts[SMS].top_ups == []


def test_a_top_up_with_yes_pays_once(stage: "Stage", run: "Run") -> None:
    output = run("top-up", "sms", "--yes")
    assert (output.code, len(stage.vonage.accounts[SMS].top_ups)) == (0, 1)
    assert "Paid." in output.out


def test_a_top_up_without_auto_reload_says_so(stage: "Stage", run: "Run") -> None:
    account = stage.vonage.accounts[SMS]
    account.auto_reload = False
    output = run("top-up", "sms", "--yes")
    assert output.code == 1
    assert "auto-reload is not enabled" in " ".join(output.out.split())


def test_a_top_up_of_unknown_outcome_blocks_the_next_one(stage: "Stage", run: "Run") -> None:
    account = stage.vonage.accounts[SMS]
    account.trouble = LOST_REPLY
    assert "NOT KNOWN" in run("top-up", "sms", "--yes").out
    assert run("top-up", "sms", "--yes").code == 1
    assert len(account.top_ups) == 1


def test_a_provider_without_top_up_says_so(run: "Run") -> None:
    output = run("top-up", "search", "--yes")
    assert output.code == 1
    assert "cannot be topped up" in output.err


def test_a_payment_of_unknown_outcome_is_cleared(stage: "Stage", run: "Run") -> None:
    stage.vonage.accounts[SMS].trouble = LOST_REPLY
    assert run("top-up", "sms", "--yes").code == 1
    refused = run("top-up", "sms", "--yes")
    assert refused.code == 1
    assert "--clear" in refused.err or "few minutes" in refused.err
    cleared = run("top-up", "sms", "--clear")
    assert (cleared.code, "taken as settled" in cleared.out) == (0, True)
    assert run("top-up", "sms", "--clear").code == 1
