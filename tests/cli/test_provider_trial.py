"""`providers try`: what a user sees of one provider, and never a key."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balance_watch.cli.main import main
from local.loopback import LoopbackServer
from tests.support.wallet_server import EMAIL, KEY, OWN, SPEC, TOKEN

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage, Try


def test_a_specification_is_tried_and_the_reading_is_shown(try_out: "Try") -> None:
    output = try_out(SPEC)
    assert output.code == 0
    lines = [line.strip() for line in output.out.splitlines()]
    assert "Authorization: Bearer ***" in lines
    assert "balance  1,234.50 USD" in lines
    assert "credits  not in the reply" in lines


def test_a_reply_is_shown_unchanged_except_for_the_key(try_out: "Try") -> None:
    output = try_out(SPEC)
    assert '"your key": "Bearer ***"' in output.out
    assert '"as a number": 10.5' in output.out
    assert KEY not in output.out + output.err


def test_every_request_of_a_provider_that_takes_two_is_shown(try_out: "Try") -> None:
    output = try_out("deepgram")
    assert output.code == 0
    assert output.out.count("Request") == 2
    assert "/v1/projects/p-1/balances" in output.out
    assert "12.50 USD" in output.out


def test_a_token_that_stands_for_a_key_is_not_shown(try_out: "Try", server: LoopbackServer) -> None:
    keys = {"client_id": "app", "client_secret": KEY}
    account = {"credentials": keys, "base_url": server.url}
    output = try_out("paypal", credentials=account)
    assert output.code == 0
    assert "8.00 USD" in output.out
    assert '"access_token": "***"' in output.out
    assert TOKEN not in output.out


def test_an_e_mail_address_in_a_reply_is_not_shown(try_out: "Try") -> None:
    output = try_out(SPEC)
    assert '"owner": "Jo <***>"' in output.out
    assert EMAIL not in output.out
    assert EMAIL not in try_out(SPEC, "--json").out


def test_the_only_provider_of_a_policy_is_tried(try_out: "Try") -> None:
    output = try_out(OWN)
    assert output.code == 0
    assert '{"query": "query { me { funds } }", "token": "***"}' in output.out
    assert "3.20 EUR" in output.out
    assert KEY not in output.out + output.err


def test_one_of_several_providers_of_a_policy_must_be_chosen(try_out: "Try") -> None:
    both = OWN + OWN.replace('slug = "funds"', 'slug = "other"')
    output = try_out(both)
    assert output.code == 1
    assert "choose one by --provider: funds, other" in output.err
    assert try_out(both, "--provider", "other").code == 0


def test_a_specification_in_json_is_tried_as_an_account_holds_it(try_out: "Try") -> None:
    spec = {
        "name": "Wallet",
        "url": "https://wallet.example/v2/left",
        "auth": {"headers": {"Authorization": "Bearer $api_key"}},
        "numbers": "grouped text",
        "currency": "USD",
        "reply": {"balance": "wallet.left"},
    }
    assert "1,234.50 USD" in try_out(json.dumps(spec)).out


def test_an_unexpected_reply_is_shown_with_its_failure(try_out: "Try") -> None:
    output = try_out(SPEC.replace("wallet.left", "wallet.rest"))
    assert output.code == 1
    assert '"left": "1,234.50"' in output.out
    assert "Malformed: The reply has no value at wallet.rest." in output.out


def test_a_key_without_a_limit_is_shown_as_unlimited(try_out: "Try") -> None:
    output = try_out("openrouter-key")
    assert output.code == 0
    assert "no limit, so nothing can run out" in output.out


def test_credentials_alone_are_enough_for_a_provider_with_an_address(try_out: "Try") -> None:
    output = try_out(SPEC, credentials={"api_key": KEY})
    assert output.code == 1
    assert "GET https://wallet.example/v2/left" in output.out
    assert "could not be resolved" in output.out


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ("{", "is not JSON (line 1, column 2)"),
        ([], "must be a JSON object"),
        ({"accounts": []}, "must have exactly one account"),
        ({"token": "x"}, "credentials has no api_key"),
        ({"api_key": f"{KEY} {KEY}"}, "credentials, api_key: is empty, or contains a space"),
        ({"api_key": 5}, "credentials: must be text, not a number"),
    ],
)
def test_a_fault_of_the_credentials_is_printed_without_them(
    try_out: "Try", credentials: object, message: str
) -> None:
    output = try_out(SPEC, credentials=credentials)
    assert output.code == 1
    assert message in output.err
    assert KEY not in output.out + output.err


def test_every_fault_of_a_specification_is_printed(try_out: "Try") -> None:
    output = try_out(SPEC.replace("url =", "address =").replace("balance =", "blance ="))
    assert output.code == 1
    assert "url: is missing" in " ".join(output.err.split())
    assert "reply" in output.err


def test_a_trial_as_json_has_numbers_as_text(try_out: "Try") -> None:
    trial = try_out(SPEC, "--json").json
    assert (trial["balance"], trial["currency"], trial["failure"]) == ("1234.5", "USD", None)
    assert trial["requests"][0][0].startswith("GET http://127.0.0.1")
    assert KEY not in json.dumps(trial)


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "try", "nosuch", "--credentials", "nosuch.json"]) == 1
    assert "nosuch" in capsys.readouterr().err


def test_a_provider_of_the_policy_is_checked_by_the_function(
    run: "Run",
    stage: "Stage",
    tmp_path: Path,
    server: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRUSTED_HOSTS", server.authority)
    file = tmp_path / "policy.toml"
    file.write_text(OWN.replace("https://funds.example", server.url))
    assert (
        "In force from the next run on: 0 rules, 0 routes, 0 mute times, 1 provider"
        in run("policy", "put", str(file), "--yes").out
    )
    inline = {
        "name": "Inline",
        "url": f"{server.url}/v2/left",
        "auth": {"headers": {"Authorization": "Bearer $api_key"}},
        "numbers": "grouped text",
        "currency": "USD",
        "reply": {"balance": "wallet.left"},
    }
    stage.accounts(
        {"name": "mine", "provider": "funds", "credentials": {"api_key": KEY}},
        {"name": "ours", "provider": inline, "credentials": {"api_key": KEY}},
    )
    assert run("check", "--json").json["read"] == 2
    listed = run("status", "--json").json
    assert [(row["provider"], row["balance"], row["currency"]) for row in listed] == [
        ("funds", "3.2", "EUR"),
        ("Inline", "1234.5", "USD"),
    ]


def test_an_account_without_a_limit_is_shown_as_unlimited(
    run: "Run", stage: "Stage", server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_HOSTS", server.authority)
    account = {"name": "key", "provider": "openrouter-key", "credentials": {"api_key": KEY}}
    stage.accounts({**account, "base_url": server.url, "alert_below": "5"})
    assert run("status").out.splitlines()[1].startswith("unchecked\t")
    counted = run("check", "--json").json
    assert (counted["read"], counted["unreadable"], counted["fired"]) == (1, 0, 0)
    assert "no limit" in run("status", "key").out
    (listed,) = run("status", "--json").json
    assert (listed["balance"], listed["currency"], listed["failure"]) == (None, None, None)
    assert run("history", "key", "--json").json == []


def test_a_reply_that_repeats_a_key_in_pieces_is_not_shown(try_out: "Try") -> None:
    output = try_out(SPEC.replace("v2/left", "pieces").replace("wallet.left", "left"))
    assert "repeats a key, in pieces" in output.out
    assert not [piece for piece in (KEY[:5], KEY[5:10]) if piece in output.out]


def test_the_content_type_is_shown_without_a_key(try_out: "Try") -> None:
    assert "application/json; key=***" in try_out(SPEC).out


def test_basic_credentials_are_masked_however_short(try_out: "Try") -> None:
    basic = SPEC.replace(
        '{ headers = { Authorization = "Bearer $api_key" } }', '{ basic = ["x", "$api_key"] }'
    )
    output = try_out(basic, credentials={"api_key": "k7"})
    assert "Authorization: Basic ***" in output.out


def test_a_wrong_path_is_named_as_the_failure(try_out: "Try") -> None:
    output = try_out(SPEC.replace("/v2/left", "/nowhere"))
    assert "HTTP 404: nothing exists at the requested address." in output.out


def test_a_number_that_is_text_gets_a_hint(try_out: "Try") -> None:
    output = try_out(SPEC.replace('numbers = "grouped text"\n', ""))
    assert "is text, not a number" in output.out
    assert 'numbers = "text"' in output.out


def test_credentials_alone_are_rejected_where_a_variable_is_missing(try_out: "Try") -> None:
    output = try_out("twilio", credentials={"account_sid": "AC1", "auth_token": KEY})
    assert "variables, account_sid: is missing" in output.err
    assert '{"credentials": {…}, "variables": {…}}' in output.err


def test_a_policy_without_a_provider_has_none_to_try(try_out: "Try") -> None:
    output = try_out('[[rules]]\nname = "low"\nbelow = "5"\n')
    assert "has no [[providers]] to try" in output.err


def test_the_only_account_of_a_secret_is_used(try_out: "Try", server: LoopbackServer) -> None:
    account = {"name": "a", "credentials": {"api_key": KEY}, "base_url": server.url}
    assert try_out(SPEC, credentials={"accounts": [account]}).code == 0


def test_a_policy_with_a_provider_of_the_catalogue_is_invalid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(OWN.replace('slug = "funds"', 'slug = "you"'))
    assert main(["policy", "check", str(file)]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "policy providers, you (line 2): is also in the catalogue" in told
