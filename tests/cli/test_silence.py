"""`silence add`, `silence list` and `silence end`."""

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage


def test_a_silence_is_added_listed_and_ended(run: "Run") -> None:
    words = ("--match", "provider=vonage", "--match", "labels.team=s*", "--for", "4h")
    added = run("silence", "add", *words, "--reason", "migration")
    assert added.code == 0
    name = added.out.split()[1].removesuffix(":")
    (listed,) = run("silence", "list", "--json").json
    assert list(listed) == ["silence", "match", "until", "reason", "created_at"]
    assert listed["silence"] == name
    assert listed["match"] == {"provider": "vonage", "labels.team": "s*"}
    assert listed["reason"] == "migration"
    assert "provider=vonage labels.team=s*" in run("silence", "list").out
    assert run("silence", "end", name).code == 0
    assert run("silence", "list", "--json").json == []


def test_a_silence_mutes_an_alert_and_is_shown_by_status(run: "Run", stage: "Stage") -> None:
    run("silence", "add", "--match", "account=search", "--for", "4h", "--reason", "migration")
    assert run("check", "--json").json["fired"] == 0
    shown = run("status", "search").out
    assert "account=search until" in shown
    assert "migration" in shown
    assert stage.slack.messages["default"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("--match", "provider", "--for", "4h", "--reason", "x"),
        ("--match", "teem=x", "--for", "4h", "--reason", "x"),
        ("--match", "account=a", "--for", "4 o'clock", "--reason", "x"),
        ("--match", "account=a", "--for", "0h", "--reason", "x"),
        ("--match", "account=a", "--for", "60d", "--reason", "x"),
        ("--match", "account=a", "--for", "4h", "--reason", " "),
        ("--match", "account=a", "--for", "4h"),
        ("--for", "4h", "--reason", "x"),
    ],
)
def test_an_invalid_silence_is_wrong_use(run: "Run", words: tuple[str, ...]) -> None:
    assert run("silence", "add", *words).code == 2


def test_a_fact_that_is_named_twice_is_wrong_use(run: "Run") -> None:
    words = ("--match", "account=a", "--match", "account=b", "--for", "1h", "--reason", "x")
    output = run("silence", "add", *words)
    assert (output.code, "named twice" in output.err) == (2, True)


CRITICAL_TOO = ", critical ones too. That an account cannot be read is told all the same."


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (
            ["account=sms"],
            f"It mutes every alert of 1 account{CRITICAL_TOO}",
        ),
        (
            ["account=s*"],
            f"It mutes every alert of 2 accounts{CRITICAL_TOO}",
        ),
        (["severity=info"], "It mutes the alerts with severity=info of 2 accounts."),
        (["account=nobody"], ""),
        (["metric=configuration"], ""),
        (["severity=dreadful"], ""),
    ],
)
def test_a_silence_says_how_many_accounts_it_mutes(run: "Run", match: list[str], said: str) -> None:
    run("check")
    words = [word for it in match for word in ("--match", it)]
    output = run("silence", "add", *words, "--for", "4h", "--reason", "x")
    _, mutes, rest = output.out.partition("It mutes ")
    assert (mutes + rest).strip().endswith(said)
    assert bool(mutes) is bool(said)


def test_a_script_that_mutes_every_account_is_warned_and_not_asked(run: "Run") -> None:
    run("check")
    output = run("silence", "add", "--match", "account=*", "--for", "31d", "--reason", "x")
    assert output.code == 0
    assert "This mutes every alert of all " in output.err
    assert "critical ones too" in output.err
    assert "of all 2 accounts for 31 d" in output.err
    assert len(run("silence", "list", "--json").json) == 1


@pytest.mark.parametrize(("answer", "silences"), [("n", 0), ("y", 1)])
def test_at_a_terminal_to_mute_every_account_takes_a_yes(
    run: "Run", answer: str, silences: int
) -> None:
    run("check")
    words = ["silence", "add", "--match", "account=*", "--for", "31d", "--reason", "x"]
    with Terminal([sys.executable, "-m", "balance_watch.cli.main", *words], os.environ) as terminal:
        terminal.answer("Mute them all? [y/N]: ", answer)
        assert terminal.end() == 1 - silences
    assert len(run("silence", "list", "--json").json) == silences


def test_an_unknown_silence_cannot_be_ended(run: "Run") -> None:
    output = run("silence", "end", "nothing")
    assert (output.code, output.out) == (1, "")
    assert "silence list" in output.err


def test_a_pipe_gets_a_header_and_a_line_for_each_silence(run: "Run") -> None:
    header = ["silence", "match", "until", "reason", "created_at"]
    assert run("silence", "list").out.splitlines() == ["\t".join(header)]
    run("silence", "add", "--match", "account=sms", "--for", "4h", "--reason", "x " * 40 + "x")
    _, line = run("silence", "list").out.splitlines()
    row = dict(zip(header, line.split("\t"), strict=True))
    assert (row["match"], row["reason"]) == ("account=sms", "x " * 40 + "x")


@pytest.mark.parametrize(
    ("match", "meant"),
    [
        (["account=serch"], "account=search"),
        (["account=SMS"], "account=sms"),
        (["account=serch*"], "account=search"),
        (["provider=vonnage"], "provider=vonage"),
        (["labels.team=serch"], "labels.team=search"),
        (["labels.teem=search"], "labels.team=search"),
        (["account=sms", "provider=yuo"], "provider=you"),
    ],
)
def test_a_silence_that_matches_nothing_is_stored_with_a_suggestion(
    run: "Run", stage: "Stage", match: list[str], meant: str
) -> None:
    stage.accounts(
        stage.entry("search", "you", labels={"team": "search"}), stage.entry("sms", "vonage")
    )
    run("check")
    words = [word for it in match for word in ("--match", it)]
    output = run("silence", "add", *words, "--for", "1h", "--reason", "x")
    shown = " ".join(output.err.split())
    assert output.code == 0
    assert f"silence {' '.join(match)}: matches 0 of 2 accounts. Did you mean {meant}?" in shown
    assert len(run("silence", "list", "--json").json) == 1


def test_a_silence_like_nothing_there_is_gets_no_suggestion(run: "Run") -> None:
    run("check")
    output = run("silence", "add", "--match", "account=zzz", "--for", "1h", "--reason", "x")
    assert output.err.strip() == "! silence account=zzz: matches 0 of 2 accounts"


def test_a_silence_that_matches_gets_no_warning(run: "Run") -> None:
    run("check")
    output = run("silence", "add", "--match", "account=sea*", "--for", "1h", "--reason", "x")
    assert (output.code, output.err) == (0, "")
