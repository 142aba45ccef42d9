"""`policy try` replays the history through a policy; `policy put` shows the difference and asks."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import balance_watch.cli.policy

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

STRICT = '[[rules]]\nname = "strict"\nmatch = {account = "sms"}\nbelow = 1000\n'


@pytest.fixture
def checked(stage: "Stage", run: "Run") -> "Run":
    """The command, after a check of an account that is low and of one that is fine."""
    stage.accounts(
        stage.entry("search", "you", alert_below="100000"),
        stage.entry("sms", "vonage"),
    )
    run("check")
    return run


def policy(folder: Path, text: str) -> str:
    file = folder / "policy.toml"
    file.write_text(text)
    return str(file)


def test_the_policy_in_force_would_say_the_same(checked: "Run", tmp_path: Path) -> None:
    events = checked("policy", "try", policy(tmp_path, ""), "--json").json
    assert [(it["account"], it["said_in_force"], it["would_be_said"]) for it in events] == [
        ("search", True, True)
    ]


def test_the_policy_in_force_makes_no_difference_whatever_was_said(
    checked: "Run", tmp_path: Path
) -> None:
    checked("policy", "put", policy(tmp_path, STRICT), "--yes")
    output = checked("policy", "try", policy(tmp_path, STRICT)).out
    assert "It means what is in force already." in output
    assert "No difference: both policies say the same 2 alerts." in output


def test_another_channel_for_the_same_alert_is_a_difference(checked: "Run", tmp_path: Path) -> None:
    routed = '[[routes]]\nchannels = ["slack:oncall"]\n'
    output = checked("policy", "try", policy(tmp_path, routed)).out
    assert "~ " in output
    assert "1 would change, 0 would be the same." in output


def test_put_names_every_change_of_every_section(checked: "Run", tmp_path: Path) -> None:
    before = (
        STRICT
        + """[[rules]]
name = "gone"
below = 2
[[routes]]
channels = ["sns"]
[defaults]
reminder = "24h"
"""
    )
    after = (
        STRICT.replace("1000", "900")
        + """[[rules]]
name = "new"
below = 1
[[mute_times]]
from = "22:00"
to = "06:00"
[defaults]
reminder = "12h"
[digest]
at = "09:00"
"""
    )
    checked("policy", "put", policy(tmp_path, before), "--yes")
    output = checked("policy", "put", policy(tmp_path, after), "--yes").out
    lines = output.partition("From ")[0].splitlines()
    assert [line.strip() for line in lines] == [
        "Against the policy in force:",
        '~ [defaults]: reminder was "24h", becomes "12h"',
        '~ rule "strict": below was 1000, becomes 900',
        '- rule "gone": below = 2',
        '+ rule "new": below = 1',
        '- routes[0]: channels = ["sns"]',
        '+ mute_times[0]: from = "22:00", to = "06:00"',
        '+ [digest]: at = "09:00"',
    ]


def test_another_text_for_the_same_meaning_is_no_change(checked: "Run", tmp_path: Path) -> None:
    checked("policy", "put", policy(tmp_path, '[defaults]\nreminder = "2d"\n'), "--yes")
    output = checked("policy", "try", policy(tmp_path, '[defaults]\nreminder = "48h"\n')).out
    assert "It means what is in force already." in output


def test_a_new_rule_shows_what_it_would_have_said(checked: "Run", tmp_path: Path) -> None:
    events = checked("policy", "try", policy(tmp_path, STRICT), "--json").json
    (new,) = [event for event in events if not event["said_in_force"]]
    assert (new["account"], new["rule"], new["would_be_said"]) == ("sms", "strict", True)


def test_people_see_signs_and_a_sum(checked: "Run", tmp_path: Path) -> None:
    text = checked("policy", "try", policy(tmp_path, STRICT)).out
    assert "+ " in text
    assert "1 would be new, 0 would be missing, 1 would be the same." in text


def test_nothing_is_changed_by_a_trial(checked: "Run", tmp_path: Path) -> None:
    checked("policy", "try", policy(tmp_path, STRICT))
    assert "strict" not in checked("explain", "sms").out


def test_put_in_a_script_shows_the_difference_and_goes_on(checked: "Run", tmp_path: Path) -> None:
    output = checked("policy", "put", policy(tmp_path, STRICT), "--yes")
    assert output.code == 0
    assert "1 would be new" in output.out
    assert "strict" in checked("explain", "sms").out


def test_put_replays_no_further_account_once_it_has_replayed_enough(
    checked: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balance_watch.cli.policy, "_MOST_READINGS", 1)
    output = checked("policy", "put", policy(tmp_path, STRICT), "--yes")
    assert "1 account more: see `policy try`." in output.out


def test_put_stores_nothing_where_nobody_can_be_asked(checked: "Run", tmp_path: Path) -> None:
    output = checked("policy", "put", policy(tmp_path, STRICT))
    assert (output.code, "scripts need --yes" in output.err) == (2, True)
    assert "strict" not in checked("explain", "sms").out


def test_put_at_a_terminal_asks(
    checked: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n", raising=False)
    output = checked("policy", "put", policy(tmp_path, STRICT))
    assert (output.code, "Nothing was changed." in output.out) == (1, True)
    assert "strict" not in checked("explain", "sms").out
