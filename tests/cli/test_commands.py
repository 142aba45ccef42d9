"""Every command, its JSON word for word, and its exit codes."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balance_watch.providers.registry import slugs
from local.trouble import KEY_REJECTED, LOST_REPLY
from tests.support.canaries import CORE, key

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

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


def test_check_prints_the_result_of_the_contract(run: "Run") -> None:
    said = run("check", "--json")
    assert said.code == 0
    assert list(said.json) == SUMMARY
    assert said.json["read"] == 2
    assert said.json["fired"] == 1


def test_check_shows_every_account_and_its_balance(run: "Run") -> None:
    said = run("check")
    assert "7,189.245 USD" in said.out
    assert "10.171275 EUR" in said.out
    assert "alert_below" in said.out


def test_check_shows_why_an_account_could_not_be_read(stage: "Stage", run: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    assert "HTTP 401: the key is not valid." in run("check").out


def test_status_lists_accounts_that_were_never_checked(run: "Run") -> None:
    assert run("status", "--json").json[0] == {
        "account": "search",
        "provider": "you",
        "balance": None,
        "currency": None,
        "observed_at": None,
        "failure": None,
        "alerts": [],
    }


def test_status_has_exact_balances_and_what_fires(run: "Run") -> None:
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
        "message": "HTTP 401: the key is not valid.",
        "since": at,
    }


def test_status_tells_of_a_breach_that_is_still_pending(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        '[[rules]]\nname = "slow"\nmatch = { account = "sms" }\nbelow = 20\nfor = "3 checks"'
        '\nseverity = "info"\n'
    )
    run("policy", "put", str(file))
    run("check")
    alerts = run("status", "--json").json[1]["alerts"]
    assert [(it["rule"], it["state"], it["severity"]) for it in alerts] == [
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


def test_history_of_an_account_that_there_is_not_fails(run: "Run") -> None:
    said = run("history", "nobody")
    assert said.code == 1
    assert "no such account" in said.err


def test_providers_lists_all_of_them_with_what_each_needs(run: "Run") -> None:
    listed = {each["slug"]: each for each in run("providers", "--json").json}
    assert set(listed) == set(slugs())
    assert listed["vonage"] == {
        "slug": "vonage",
        "name": "Vonage",
        "currency": "EUR",
        "credentials": ["api_key", "api_secret"],
        "variables": [],
        "docs": "https://developer.vonage.com/en/api/account",
    }


def test_a_policy_with_faults_is_told_whole_and_not_put(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[rules]]\nname = "x"\nbelow = "a"\n[[routes]]\nchannels = ["mail"]\n')
    said = run("policy", "put", str(file))
    assert said.code == 1
    assert "rules[0], below" in said.err
    assert "routes[0], channels" in said.err
    assert run("check", "--json").json["fired"] == 1


def test_a_policy_that_is_put_is_in_force_at_the_next_check(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[rules]]\nname = "x"\nmatch = { provider = "vonage" }\nbelow = 11\n')
    assert run("policy", "put", str(file)).code == 0
    assert run("check", "--json").json["fired"] == 2


def test_an_empty_policy_is_put_as_the_built_in_one(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("")
    assert run("policy", "put", str(file)).code == 0
    assert run("check", "--json").json["fired"] == 1


def test_a_top_up_without_yes_asks_and_pays_nothing_on_no(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    said = run("top-up", "sms")
    assert said.code == 1
    assert "Nothing was paid." in said.out
    assert stage.vonage.accounts[SMS].top_ups == []


def test_a_top_up_with_yes_pays_once(stage: "Stage", run: "Run") -> None:
    said = run("top-up", "sms", "--yes")
    assert (said.code, len(stage.vonage.accounts[SMS].top_ups)) == (0, 1)
    assert "Paid." in said.out


def test_a_top_up_without_auto_reload_says_so(stage: "Stage", run: "Run") -> None:
    account = stage.vonage.accounts[SMS]
    account.auto_reload = False
    said = run("top-up", "sms", "--yes")
    assert said.code == 1
    assert "auto-reload is not enabled" in " ".join(said.out.split())


def test_a_top_up_of_unknown_outcome_blocks_the_next_until_a_person_has_looked(
    stage: "Stage", run: "Run"
) -> None:
    account = stage.vonage.accounts[SMS]
    account.trouble = LOST_REPLY
    assert "NOT KNOWN" in run("top-up", "sms", "--yes").out
    assert run("top-up", "sms", "--yes").code == 1
    assert len(account.top_ups) == 1


def test_a_provider_without_top_up_says_so(run: "Run") -> None:
    said = run("top-up", "search", "--yes")
    assert said.code == 1
    assert "cannot be topped up" in said.err


def test_wrong_use_exits_with_2(run: "Run") -> None:
    assert run("bogus").code == 2


def test_a_missing_environment_is_named_and_exits_with_1(
    run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABLE_NAME")
    said = run("status")
    assert said.code == 1
    assert "The environment is missing TABLE_NAME." in said.err


def test_faults_of_the_configuration_go_to_standard_error(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("search", "nope"))
    said = run("status", "--json")
    assert said.json == []
    assert "account search: provider is neither in the catalogue nor in the policy" in " ".join(
        said.err.split()
    )


def test_no_command_shows_a_key_or_a_webhook(stage: "Stage", run: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    for words in (["check"], ["status"], ["status", "--json"], ["history", "sms"]):
        said = run(*words)
        for secret in (CORE, stage.slack.webhook("default")):
            assert secret not in said.out + said.err


def test_an_account_name_cannot_move_the_cursor(stage: "Stage", run: "Run") -> None:
    stage.you.accounts[key("search")].balance = Decimal(9000)
    entry = stage.entry("search", "you")
    stage.accounts({**entry, "name": "[bold]search\u202e"})
    said = run("check")
    assert "[bold]search�" in said.out


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


def test_a_silence_holds_back_what_a_check_would_say(run: "Run", stage: "Stage") -> None:
    run("silence", "add", "--match", "account=search", "--for", "4h", "--reason", "migration")
    assert run("check", "--json").json["fired"] == 0
    shown = run("status").out
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
def test_a_silence_that_cannot_be_meant_is_wrong_use(run: "Run", words: tuple[str, ...]) -> None:
    assert run("silence", "add", *words).code == 2


def test_a_fact_named_twice_is_refused(run: "Run") -> None:
    words = ("--match", "account=a", "--match", "account=b", "--for", "1h", "--reason", "x")
    said = run("silence", "add", *words)
    assert (said.code, "named twice" in said.err) == (2, True)


def test_a_silence_that_there_is_not_cannot_be_ended(run: "Run") -> None:
    said = run("silence", "end", "nothing")
    assert (said.code, said.out) == (1, "")
    assert "silence list" in said.err


def test_there_is_an_end_to_silences(run: "Run") -> None:
    words = ("silence", "add", "--match", "account=a", "--for", "1h", "--reason", "x")
    assert [run(*words).code for _ in range(21)] == [0] * 20 + [1]


def test_a_payment_that_was_looked_after_is_cleared(stage: "Stage", run: "Run") -> None:
    stage.vonage.accounts[SMS].trouble = LOST_REPLY
    assert run("top-up", "sms", "--yes").code == 1
    refused = run("top-up", "sms", "--yes")
    assert refused.code == 1
    assert "--clear" in refused.err or "few minutes" in refused.err
    cleared = run("top-up", "sms", "--clear")
    assert (cleared.code, "taken as settled" in cleared.out) == (0, True)
    assert run("top-up", "sms", "--clear").code == 1


def test_status_shows_how_long_a_balance_lasts(run: "Run") -> None:
    run("check")
    assert "lasts" in run("status").out
