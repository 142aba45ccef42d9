"""`silence add`, `silence list` and `silence end`."""

from typing import TYPE_CHECKING

import pytest

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
    output = run("silence", "add", "--match", "account=s*", "--for", "1h", "--reason", "x")
    assert (output.code, output.err) == (0, "")
