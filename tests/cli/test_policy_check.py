"""`policy check` tells where each fault is; `policy show` prints what is in force."""

from typing import TYPE_CHECKING

import pytest

from balance_watch.cli.policy_lines import located
from balance_watch.validation import Faults

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

POLICY = """# Ours.
[defaults]
reminder = "soon"

[[rules]]
name = "low sms"
metric = "balance"
below = "x"

[[rules]]  # without a name
metric = "balance"
below = 3

[[mute_times]]
from = "22:00"
"""

RULE = '[[rules]]\nname = "low"\nmetric = "balance"\nbelow = 3\n'


def written(folder: "Path", text: str) -> str:
    (folder / "policy.toml").write_text(text)
    return str(folder / "policy.toml")


def test_each_fault_names_its_rule_and_its_line(run: "Run", tmp_path: "Path") -> None:
    output = run("policy", "check", written(tmp_path, POLICY))
    assert output.code == 1
    shown = output.err
    assert "policy [defaults], reminder (line 3): must be" in shown
    assert 'policy rules[0] "low sms", below (line 8): must be' in shown
    assert "policy rules[1], name (line 10): is missing" in shown
    assert "policy mute_times[0], to (line 14): is missing" in shown


def located_one(fault: str, text: str) -> str:
    (shown,) = located(Faults([fault]), text)
    return shown


def test_a_fault_in_a_table_that_is_written_inline_has_its_line() -> None:
    text = '\nrules = [{name = "low"}]'
    assert located_one("policy rules[0], metric: is missing", text) == (
        'policy rules[0] "low", metric (line 2): is missing'
    )


def test_a_header_within_a_text_of_several_lines_gives_no_wrong_line() -> None:
    text = '[[rules]]\nname = """\n[[rules]]\n"""\n[[rules]]\nbelow = 1'
    assert located_one("policy rules[1], below: is odd", text) == (
        "policy rules[1], below (line 6): is odd"
    )


def test_a_field_of_a_table_within_a_provider_has_its_line() -> None:
    text = '[[providers]]\nslug = "acme"\n[providers.reply]\nbalance = 5\n'
    assert located_one("policy providers[0], reply, balance: must be text", text) == (
        'policy providers[0] "acme", reply, balance (line 4): must be text'
    )


def test_an_unknown_field_is_named_unless_it_may_be_a_key() -> None:
    faults = Faults()
    text = '[[rules]]\nname = "low"\ncolour = 1\nsk-live-0123 = 1\n'
    for name in ("colour", "sk-live-0123"):
        faults.add_unknown("policy rules[0]", "field", name, ["below"])
    first, second = located(faults, text)
    assert first.startswith("policy rules[0] \"low\" (line 3): unknown field 'colour'; the fields")
    assert second.startswith('policy rules[0] "low" (line 4): unknown field; the fields')


def test_a_fault_of_no_table_stays_as_it_is() -> None:
    assert located_one("policy: is not TOML (at line 1, column 5)", "a = ") == (
        "policy: is not TOML (at line 1, column 5)"
    )


def test_every_fault_is_named_at_once_with_its_line(run: "Run", tmp_path: "Path") -> None:
    text = """[digest]
channels = ["chat", "pagerduty:x"]
[rule]
[[routes]]
match = { colour = "x" }
[[rules]]
belwo = 3
recover = "0d"
severity = "loud"
[[mute_times]]
days = []
[[providers]]
slug = "you"
"""
    output = run("policy", "check", written(tmp_path, text))
    places = [line.partition(": ")[0] for line in output.err.splitlines()]
    assert {
        "policy (line 3)",
        "policy [digest], at (line 1)",
        "policy [digest], channels (line 2)",
        "policy routes[0], channels (line 4)",
        "policy routes[0], match (line 5)",
        "policy rules[0] (line 7)",
        "policy rules[0] (line 6)",
        "policy rules[0], name (line 6)",
        "policy rules[0], severity (line 9)",
        "policy mute_times[0], from (line 10)",
        "policy mute_times[0], days (line 11)",
        "policy providers, you (line 12)",
    } <= set(places)
    assert "must not name pagerduty" in output.err


def test_every_fault_of_a_provider_is_named_at_once_with_its_line(
    run: "Run", tmp_path: "Path"
) -> None:
    text = """[[providers]]
slug = "acme"
name = "Acme"
url = "https://acme.example/left?token=x"
headers = { X-Api-Key = "x" }
json = { a = 1 }
number = 5
scale = 0
[providers.auth]
headers = { Authorization = "Bearer x" }
[providers.reply]
each = "all"
balance = "left"
"""
    output = run("policy", "check", written(tmp_path, text))
    places = {line.partition(": ")[0] for line in output.err.splitlines()[:-1]}
    assert places == {
        'policy providers[0] "Acme" (line 1)',
        'policy providers[0] "Acme", auth (line 9)',
        'policy providers[0] "Acme", headers (line 5)',
        'policy providers[0] "Acme", method (line 1)',
        'policy providers[0] "Acme", number (line 7)',
        'policy providers[0] "Acme", reply (line 11)',
        'policy providers[0] "Acme", scale (line 8)',
        'policy providers[0] "Acme", url (line 4)',
    }


def test_a_route_to_a_channel_that_is_missing_has_its_line(run: "Run", tmp_path: "Path") -> None:
    output = run("policy", "check", written(tmp_path, '[[routes]]\nchannels = ["slack:nobody"]\n'))
    assert "policy routes (line 2): slack:nobody does not exist" in output.err


def test_a_policy_that_put_would_refuse_for_its_size_is_refused(
    run: "Run", tmp_path: "Path"
) -> None:
    file = written(tmp_path, RULE + "#" * 8192)
    for action in ("check", "put"):
        output = run("policy", action, file)
        assert output.code == 1
        assert "8,192: shorten it" in output.err


def test_a_check_names_what_matches_no_account(run: "Run", tmp_path: "Path") -> None:
    output = run("policy", "check", written(tmp_path, RULE + 'match = { account = "nobody" }\n'))
    assert output.code == 0
    assert "matches 0 of 2 accounts" in output.err


def test_what_was_put_is_shown_as_it_is(run: "Run", tmp_path: "Path") -> None:
    text = f"# Ours.\n{RULE}"
    run("policy", "put", written(tmp_path, text), "--yes")
    output = run("policy", "show")
    assert (output.code, output.out) == (0, text)


def test_without_a_policy_the_built_in_one_is_named(run: "Run") -> None:
    output = run("policy", "show")
    assert (output.code, output.out) == (0, "")
    assert "the built-in one is in force" in output.err


def test_a_check_names_a_rule_on_what_no_account_tells(run: "Run", tmp_path: "Path") -> None:
    run("check")
    rule = '[[rules]]\nname = "few points"\nmetric = "points"\nbelow = 3\n'
    output = run("policy", "check", written(tmp_path, rule))
    assert output.code == 0
    assert (
        "policy rules, few points (line 1): no account that it matches tells points" in output.err
    )


def test_a_rule_on_what_may_be_told_by_the_first_reading_is_not_named(
    run: "Run", tmp_path: "Path"
) -> None:
    rule = '[[rules]]\nname = "few points"\nmetric = "points"\nbelow = 3\n'
    assert "tells points" not in run("policy", "check", written(tmp_path, rule)).err


def test_without_a_stack_a_check_says_that_it_looked_at_no_account(
    run: "Run", tmp_path: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABLE_NAME")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    output = run("policy", "check", written(tmp_path, RULE))
    assert output.code == 0
    assert "Valid: 1 rule" in output.out
    assert "Not compared with your accounts: There is no stack balance-watch in" in output.err


def test_an_invalid_variable_is_not_taken_for_a_missing_stack(
    run: "Run", tmp_path: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_HOSTS", "no port")
    output = run("policy", "check", written(tmp_path, RULE))
    assert output.code == 1
    assert "TRUSTED_HOSTS" in output.err
