"""Checks, status, history and policy: what they print, their JSON and their exit codes."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balance_watch.config.settings import CheckSettings
from balance_watch.wiring import Wiring
from local.trouble import KEY_REJECTED
from tests.support.canaries import CORE, key
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

COMMAND = (sys.executable, "-m", "balance_watch.cli.main")
SMS = f"{key('sms')}:{key('sms-secret')}"

SUMMARY = [
    "scheduled_time",
    "accounts",
    "read",
    "unreadable",
    "fired",
    "resolved",
    "reminded",
    "delivered",
    "undelivered",
    "deferred",
    "skipped",
]


def test_check_prints_the_result_as_json(run: "Run") -> None:
    output = run("check", "--json")
    assert output.code == 0
    assert list(output.json) == SUMMARY
    assert output.json["read"] == 2
    assert output.json["fired"] == 1


def test_check_prints_the_table_of_status_in_a_pipe(run: "Run") -> None:
    output = run("check")
    header, *lines = output.out.splitlines()
    rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    assert [(row["account"], row["balance"], row["currency"], row["alerts"]) for row in rows] == [
        ("search", "7189.245", "USD", "alert_below"),
        ("sms", "10.171275", "EUR", ""),
    ]
    assert output.err == ""
    assert run("status").out == output.out


def test_check_shows_every_account_and_its_balance_at_a_terminal(stage: "Stage") -> None:
    del stage
    with Terminal([*COMMAND, "check"], os.environ) as terminal:
        assert terminal.end() == 0
    shown = terminal.screen[terminal.screen.rindex("state ") :]  # behind the progress bar
    assert "7,189.245 USD" in shown
    assert "10.171275 EUR" in shown
    assert "accounts 2, read 2, fired 1, delivered 2" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_dry_run_shows_what_a_check_would_say_at_a_terminal(stage: "Stage") -> None:
    del stage
    with Terminal([*COMMAND, "check", "--dry-run"], os.environ) as terminal:
        terminal.expect("7,189.245 USD")
        terminal.expect("A check would say:")
        terminal.expect("search is at 7,189.245 USD, below 8,000.00 USD")
        terminal.expect("This was a dry run")
        assert terminal.end() == 0


def test_check_shows_why_an_account_cannot_be_read(stage: "Stage", run: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    assert "HTTP 401: the key is invalid." in run("check").out


def test_status_lists_accounts_that_were_never_checked(run: "Run") -> None:
    assert run("status", "--json").json[0] == {
        "account": "search",
        "provider": "you",
        "balance": None,
        "currency": None,
        "observed_at": None,
        "checked_at": None,
        "estimate": False,
        "as_of": None,
        "failure": None,
        "alerts": [],
        "runway": None,
        "per_day": None,
        "runs_dry_at": None,
        "labels": {},
    }


def test_status_has_exact_balances_and_firing_alerts(run: "Run") -> None:
    at = run("check", "--json").json["scheduled_time"]
    search, sms = run("status", "--json").json
    assert search["balance"] == "7189.245"
    assert search["observed_at"] == at
    assert search["alerts"] == [
        {"rule": "alert_below", "state": "firing", "severity": "critical", "since": at}
    ]
    assert (sms["balance"], sms["currency"], sms["alerts"]) == ("10.171275", "EUR", [])


def test_status_names_the_failure(stage: "Stage", run: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    at = run("check", "--json").json["scheduled_time"]
    assert run("status", "--json").json[0]["failure"] == {
        "kind": "key_rejected",
        "message": "HTTP 401: the key is invalid.",
        "since": at,
    }


def test_status_lists_a_pending_alert(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        '[[rules]]\nname = "slow"\nmatch = { account = "sms" }\nbelow = 20\nfor = "3 checks"'
        '\nseverity = "info"\n'
    )
    run("policy", "put", str(file), "--yes")
    run("check")
    alerts = run("status", "--json").json[1]["alerts"]
    assert [(alert["rule"], alert["state"], alert["severity"]) for alert in alerts] == [
        ("slow", "pending", "info")
    ]


def test_history_lists_readings_oldest_first(run: "Run") -> None:
    at = run("check", "--json").json["scheduled_time"]
    assert run("history", "sms", "--json").json == [
        {
            "observed_at": at,
            "balance": "10.171275",
            "currency": "EUR",
            "credits": None,
            "points": None,
            "provider_flag": None,
            "provider_threshold": None,
            "auto_reload": True,
        }
    ]


def test_history_of_an_unknown_account_fails(run: "Run") -> None:
    output = run("history", "nobody")
    assert output.code == 1
    assert "no such account" in output.err


def test_a_policy_with_faults_is_not_stored_and_each_is_printed(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[rules]]\nname = "x"\nbelow = "a"\n[[routes]]\nchannels = ["mail"]\n')
    output = run("policy", "put", str(file), "--yes")
    assert output.code == 1
    assert 'rules[0] "x", below (line 3)' in output.err
    assert "routes[0], channels" in output.err
    assert run("check", "--json").json["fired"] == 1


def test_a_stored_policy_is_in_force_at_the_next_check(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[rules]]\nname = "x"\nmatch = { provider = "vonage" }\nbelow = 11\n')
    assert run("policy", "put", str(file), "--yes").code == 0
    assert run("check", "--json").json["fired"] == 2


def test_an_empty_policy_is_stored_as_the_built_in_one(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("")
    assert run("policy", "put", str(file), "--yes").code == 0
    assert run("check", "--json").json["fired"] == 1


def test_wrong_use_exits_with_2(run: "Run") -> None:
    assert run("bogus").code == 2


def test_faults_of_the_configuration_go_to_standard_error(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("search", "nope"))
    run("check")
    output = run("status", "--json")
    assert output.json == []
    assert "account search: provider is neither in the catalogue nor in the policy" in " ".join(
        output.err.split()
    )


def test_no_command_shows_a_key_or_a_webhook(stage: "Stage", run: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    for words in (["check"], ["status"], ["status", "--json"], ["history", "sms"]):
        output = run(*words)
        for secret in (CORE, stage.slack.webhook("default")):
            assert secret not in output.out + output.err


def test_an_account_name_cannot_move_the_cursor(stage: "Stage", run: "Run") -> None:
    stage.you.accounts[key("search")].balance = Decimal(9000)
    entry = stage.entry("search", "you")
    stage.accounts({**entry, "name": "[bold]search\u202e"})
    output = run("check")
    assert "[bold]search�" in output.out


def test_a_name_with_a_space_of_any_width_is_shown_as_it_is(stage: "Stage", run: "Run") -> None:
    stage.you.accounts[key("search")].balance = Decimal(9000)
    stage.accounts({**stage.entry("search", "you"), "name": "本番\u3000検索"})
    assert "本番\u3000検索" in run("check").out


@pytest.mark.parametrize("words", [["status"], ["history", "本番"], ["status", "--json"]])
def test_a_pipe_without_unicode_gets_the_output_all_the_same(
    stage: "Stage", run: "Run", words: list[str]
) -> None:
    stage.you.accounts[key("search")].balance = Decimal(9000)
    stage.accounts({**stage.entry("search", "you"), "name": "本番"})
    run("check")
    command = [sys.executable, "-m", "balance_watch.cli.main", *words]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(  # noqa: S603 (our own command)
        command, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    balances = (b"\t9000\t", b"9,000.00")
    assert (
        any(it in done.stdout for it in balances) or json.loads(done.stdout)[0]["account"] == "本番"
    )


def test_status_shows_how_long_a_balance_lasts(run: "Run") -> None:
    run("check")
    assert "lasts" in run("status").out


BROKEN = {"webhooks": {"default": "https://discord.example/x"}, "colour": "red"}


def test_the_alert_on_a_broken_secret_of_a_channel_does_not_wait_for_that_channel(
    run: "Run", stage: "Stage"
) -> None:
    hour_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    Wiring(CheckSettings.from_environment()).check().run(hour_ago, seconds=100)
    stage.aws.put_secret("balance-watch/discord", BROKEN)
    stage.slack.messages["default"].clear()
    checked = run("check", "--json")
    assert (checked.code, checked.json["undelivered"]) == (0, 0)
    assert "secret balance-watch/discord" in str(stage.slack.messages["default"])


def test_a_check_names_the_channel_that_alerts_wait_for_and_its_secret(
    run: "Run", stage: "Stage"
) -> None:
    stage.aws.put_secret("balance-watch/discord", BROKEN)
    checked = run("check")
    assert checked.code == 1
    assert "waiting for discord:default" in checked.err
    assert "the secret balance-watch/discord: mend that first" in checked.err
