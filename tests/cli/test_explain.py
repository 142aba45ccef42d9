"""`explain` says why an alert came or why none did; `history --events` what was said."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

SILENCE = ("silence", "add", "--match", "account=search", "--for", "2h", "--reason", "known")


@pytest.fixture
def low(stage: "Stage", run: "Run") -> "Run":
    """The command, after a check of an account that is low and of one that is fine."""
    stage.accounts(
        stage.entry("search", "you", alert_below="100000"),
        stage.entry("sms", "vonage"),
    )
    run("check")
    return run


def test_every_rule_that_applies_is_shown_the_firing_one_first(low: "Run") -> None:
    rules = low("explain", "search", "--json").json["rules"]
    assert rules[0]["rule"] == "alert_below"
    assert (rules[0]["status"], rules[0]["severity"]) == ("firing", "critical")
    assert rules[0]["told_at"] is not None
    assert {"alert_below", "empty", "runs_dry", "expires", "unreadable"} <= {
        rule["rule"] for rule in rules
    }


def test_a_firing_rule_says_since_when_and_where_it_goes(low: "Run") -> None:
    text = low("explain", "search").out
    assert "firing  alert_below critical" in text
    assert "breached since" in text
    assert "last told" in text
    assert "goes to sns" in text
    assert "would go to sns" in text


def test_a_silence_is_named_with_its_end(low: "Run") -> None:
    low(*SILENCE)
    rules = low("explain", "search", "--json").json["rules"]
    (held,) = rules[0]["held_back_by"]
    assert held["why"].startswith("silence ")
    assert held["until"] is not None


def test_a_pending_rule_says_what_it_waits_for(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("sms", "vonage"))
    stage.aws.put_policy('[[rules]]\nname = "slow"\nbelow = 1000\nfor = "2h"\n')
    run("check")
    rules = {rule["rule"]: rule for rule in run("explain", "sms", "--json").json["rules"]}
    assert rules["slow"]["status"] == "pending"
    assert rules["slow"]["held_back_by"][0]["why"] == "it has to last"


def test_what_was_said_is_shown_with_its_channels(low: "Run") -> None:
    events = low("explain", "search", "--json").json["events"]
    assert [(it["event"], it["rule"], it["severity"]) for it in events] == [
        ("fired", "alert_below", "critical")
    ]
    assert "sns" in events[0]["channels"]
    assert "below 100,000.00" in events[0]["detail"]


def test_the_events_of_the_history_are_the_same(low: "Run") -> None:
    events = low("history", "search", "--events", "--json").json
    assert [sorted(event) for event in events] == [
        ["at", "channels", "detail", "event", "rule", "severity"]
    ]
    assert "fired" in {event["event"] for event in events}
    assert "below 100,000.00" in low("history", "search", "--events").out


def test_an_account_of_which_nothing_was_said_says_so(low: "Run") -> None:
    assert "Nothing was said" in low("explain", "sms").out


def test_an_account_that_no_rule_on_an_amount_watches_says_so(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("bare", "you", empty=False, runs_dry="never"))
    assert "may run dry in silence" in run("explain", "bare").out
    assert run("explain", "bare", "--json").json["watched"] is False


def test_a_misspelt_account_gets_a_suggestion(low: "Run") -> None:
    output = low("explain", "serch")
    assert output.code == 1
    assert "Did you mean search?" in output.err


def test_it_fits_a_terminal_of_eighty_columns(low: "Run") -> None:
    lines = low("explain", "search").out.splitlines()
    rules = lines[lines.index("") : len(lines) - lines[::-1].index("")]
    assert max(map(len, rules)) <= 80
