"""`explain` says why an alert came or why none did; `history --events` what was said."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_status import check_before
from tests.support.canaries import key

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


def test_a_firing_warning_says_that_it_is_one(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("sms", "vonage"))
    stage.aws.put_policy('[[rules]]\nname = "low"\nbelow = 100000\n')
    run("check")
    assert "firing  low warning  " in run("explain", "sms").out


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


def check_with(stage: "Stage", balance: str, minutes: int) -> None:
    """Checks an account with this balance, so many minutes ago."""
    stage.you.accounts[key("search")].balance = Decimal(balance)
    check_before(minutes)


@pytest.fixture
def two_rules(stage: "Stage") -> "Stage":
    """An account that is low by a warning of the policy, and then by its own critical threshold."""
    stage.aws.put_policy('[[rules]]\nname = "soon"\nbelow = 8000\nseverity = "warning"\n')
    stage.accounts(stage.entry("search", "you", alert_below="5000"))
    check_with(stage, "7189", 300)
    check_with(stage, "4000", 240)
    return stage


def told(run: "Run") -> dict[str, tuple[str, str | None, str | None]]:
    """Returns of both rules the status, when it was last told, and by which rule."""
    shown = run("explain", "search", "--json").json
    alerts = [it for it in shown["events"] if it["event"] != "topped_up"]
    said = {it["at"]: f"{it['event']} by {it['rule']}" for it in alerts}
    return {
        it["rule"]: (it["status"], said.get(it["told_at"]), it["told_by"])
        for it in shown["rules"]
        if it["rule"] in ("soon", "alert_below")
    }


def test_a_rule_that_fires_beside_a_graver_one_names_that_as_what_was_told(
    two_rules: "Stage", run: "Run"
) -> None:
    del two_rules
    worsened = "worsened by alert_below"
    assert told(run) == {
        "soon": ("firing", worsened, "alert_below"),
        "alert_below": ("firing", worsened, "alert_below"),
    }
    assert "by the rule alert_below" in run("explain", "search").out


def test_a_rule_that_has_eased_says_when_it_was_last_told(two_rules: "Stage", run: "Run") -> None:
    check_with(two_rules, "6000", 180)
    assert told(run)["alert_below"] == ("ok", "worsened by alert_below", "alert_below")


def test_a_rule_that_is_resolved_says_when_that_was_told(two_rules: "Stage", run: "Run") -> None:
    check_with(two_rules, "50000", 120)
    assert told(run) == {
        "soon": ("ok", "fired by soon", "soon"),
        "alert_below": ("ok", "resolved by alert_below", "alert_below"),
    }
    lines = [it.strip() for it in run("explain", "search").out.splitlines()]
    at = next(number for number, line in enumerate(lines) if "alert_below" in line)
    assert lines[at + 1].startswith("last told ")


def test_a_rule_of_which_nothing_was_said_tells_no_time(two_rules: "Stage", run: "Run") -> None:
    check_with(two_rules, "50000", 120)
    rules = {it["rule"]: it for it in run("explain", "search", "--json").json["rules"]}
    assert (rules["empty"]["told_at"], rules["empty"]["told_by"]) == (None, None)
