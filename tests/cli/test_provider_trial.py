"""`providers try` and `providers SLUG`: what a user sees of one provider, and never a key."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from balance_watch.cli.main import main
from balance_watch.providers.registry import catalogue_provider, slugs
from local.loopback import LoopbackServer, Reply, Request
from tests.cli.conftest import Said
from tests.support.canaries import key

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

KEY = key()
SPEC = """
name = "Wallet"
url = "https://wallet.example/v2/left"
auth = { headers = { Authorization = "Bearer $api_key" } }
numbers = "grouped text"

[reply]
balance = "wallet.left"
currency = "wallet.unit"
credits = "wallet.credits"
"""
OWN = """
[[providers]]
slug = "funds"
name = "Funds"
url = "https://funds.example/gql"
method = "POST"
json.query = "query { me { funds } }"
auth = { body = { token = "$api_key" } }
currency = "EUR"
reply.balance = "data.me.funds"
"""


class Wallets(LoopbackServer):
    """Answers by path; what a key was sent in comes back."""

    def answer(self, request: Request) -> Reply:
        told = {
            "/v2/left": {
                "wallet": {"left": "1,234.50", "unit": "usd"},
                "your key": request.headers.get("authorization"),
                "as a number": 10.50,
            },
            "/v1/projects": {"projects": [{"project_id": "p-1"}]},
            "/v1/projects/p-1/balances": {"balances": [{"amount": 12.5, "units": "usd"}]},
            "/pieces": {"left": 1, "said": [KEY[at : at + 5] for at in range(0, len(KEY), 5)]},
            "/gql": {"data": {"me": {"funds": 3.2}}, "sent": request.body.decode()},
            "/api/v1/key": {"data": {"limit": None, "limit_remaining": None}},
        }.get(request.path)
        if told is None:
            return Reply(404, b"<html>no", "text/html")
        return Reply(200, json.dumps(told).encode(), f"application/json; key={KEY}")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with Wallets() as running:
        yield running


Try = Callable[..., Said]


@pytest.fixture
def try_out(
    server: LoopbackServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Try:
    """Tries text of a file, or a slug, at the server."""
    monkeypatch.setenv("TRUSTED_HOSTS", server.authority)

    def run(what: str, *words: str, credentials: object = None) -> Said:
        spec = tmp_path / "spec"
        spec.write_text(what)
        account = {"credentials": {"api_key": KEY}, "base_url": server.url}
        keys = tmp_path / "keys.json"
        given = account if credentials is None else credentials
        keys.write_text(given if isinstance(given, str) else json.dumps(given))
        named = what if catalogue_provider(what) else str(spec)
        code = main(["providers", "try", named, "--credentials", str(keys), *words])
        return Said(code, *capsys.readouterr())

    return run


def test_a_specification_is_tried_and_what_was_understood_is_shown(try_out: Try) -> None:
    said = try_out(SPEC)
    assert said.code == 0
    lines = [line.strip() for line in said.out.splitlines()]
    assert "Authorization: Bearer ***" in lines
    assert "balance  1,234.50 USD" in lines
    assert "credits  not in the reply" in lines


def test_a_reply_is_shown_as_it_was_written_but_for_the_key(try_out: Try) -> None:
    said = try_out(SPEC)
    assert '"your key": "Bearer ***"' in said.out
    assert '"as a number": 10.5' in said.out
    assert KEY not in said.out + said.err


def test_every_request_of_a_provider_that_takes_two_is_shown(try_out: Try) -> None:
    said = try_out("deepgram")
    assert said.code == 0
    assert said.out.count("Request") == 2
    assert "/v1/projects/p-1/balances" in said.out
    assert "12.50 USD" in said.out


def test_a_provider_that_is_in_a_policy_alone_is_tried(try_out: Try) -> None:
    said = try_out(OWN)
    assert said.code == 0
    assert '{"query": "query { me { funds } }", "token": "***"}' in said.out
    assert "3.20 EUR" in said.out
    assert KEY not in said.out + said.err


def test_one_of_several_providers_of_a_policy_has_to_be_chosen(try_out: Try) -> None:
    both = OWN + OWN.replace('slug = "funds"', 'slug = "other"')
    said = try_out(both)
    assert said.code == 1
    assert "choose one by --provider; there is funds, other" in said.err
    assert try_out(both, "--provider", "other").code == 0


def test_a_specification_in_json_is_tried_as_an_account_holds_it(try_out: Try) -> None:
    spec = {
        "name": "Wallet",
        "url": "https://wallet.example/v2/left",
        "auth": {"headers": {"Authorization": "Bearer $api_key"}},
        "numbers": "grouped text",
        "currency": "USD",
        "reply": {"balance": "wallet.left"},
    }
    assert "1,234.50 USD" in try_out(json.dumps(spec)).out


def test_what_was_not_understood_is_told_with_the_reply_above_it(try_out: Try) -> None:
    said = try_out(SPEC.replace("wallet.left", "wallet.rest"))
    assert said.code == 1
    assert '"left": "1,234.50"' in said.out
    assert "Malformed: The reply has no value at wallet.rest." in said.out


def test_a_key_without_a_limit_is_told_as_such(try_out: Try) -> None:
    said = try_out("openrouter-key")
    assert said.code == 0
    assert "no limit to run into" in said.out


def test_the_bare_keys_are_enough_for_a_provider_with_an_address(try_out: Try) -> None:
    said = try_out(SPEC, credentials={"api_key": KEY})
    assert said.code == 1
    assert "GET https://wallet.example/v2/left" in said.out
    assert "could not be resolved" in said.out


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        ("{", "is not JSON (line 1, column 2)"),
        ([], "must be a JSON object"),
        ({"accounts": []}, "holds several accounts, or none"),
        ({"token": "x"}, "credentials has no api_key"),
        ({"api_key": f"{KEY} {KEY}"}, "credentials, api_key: is empty, or has a space"),
        ({"api_key": 5}, "credentials: must be text, not a number"),
    ],
)
def test_what_is_wrong_with_the_credentials_is_told_without_them(
    try_out: Try, capsys: pytest.CaptureFixture[str], credentials: object, told: str
) -> None:
    said = try_out(SPEC, credentials=credentials)
    del capsys
    assert said.code == 1
    assert told in said.err
    assert KEY not in said.out + said.err


def test_every_fault_of_a_specification_is_told(try_out: Try) -> None:
    said = try_out(SPEC.replace("url =", "address =").replace("balance =", "blance ="))
    assert said.code == 1
    assert "url: is missing" in " ".join(said.err.split())
    assert "reply" in said.err


def test_the_same_as_json_has_numbers_as_text(try_out: Try) -> None:
    told = try_out(SPEC, "--json").json
    assert (told["balance"], told["currency"], told["failure"]) == ("1234.5", "USD", None)
    assert told["requests"][0][0].startswith("GET http://127.0.0.1")
    assert KEY not in json.dumps(told)


@pytest.mark.parametrize(
    "words",
    [
        ["try"],
        ["try", "spec.toml"],
        ["you", "spec.toml"],
        ["you", "--credentials", "keys.json"],
        ["--provider", "x"],
    ],
)
def test_words_that_belong_together_are_asked_for(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["providers", *words])
    assert ended.value.code == 2


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "try", "nosuch", "--credentials", "nosuch.json"]) == 1
    assert "nosuch" in capsys.readouterr().err


@pytest.mark.parametrize("slug", slugs())
def test_the_example_account_of_every_provider_is_complete(
    slug: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["providers", slug, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    example = told["example"]
    assert set(example["credentials"]) == set(told["credentials"])
    assert set(example.get("variables", {})) == set(told["variables"])
    assert None not in (told["number"], told["evidence"], told["checked"])


def test_one_provider_is_shown_with_an_account_to_copy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "twilio"]) == 0
    out = capsys.readouterr().out
    entry = json.loads(out[out.index("{") :])
    assert entry["credentials"] == {"auth_token": "…"}
    assert entry["variables"] == {"account_sid": "…"}


def test_a_provider_that_there_is_not_cannot_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "nobody"]) == 1
    assert "There is no provider nobody" in capsys.readouterr().err


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
    assert run("policy", "put", str(file)).out.startswith(
        "In force from the next run on: 0 rules, 0 routes, 0 mute times, 1 provider"
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
    listed = {it["account"]: it for it in run("status", "--json").json}
    assert [(it["provider"], it["balance"], it["currency"]) for it in listed.values()] == [
        ("funds", "3.2", "EUR"),
        ("Inline", "1234.5", "USD"),
    ]


def test_an_account_without_a_limit_is_shown_as_such(
    run: "Run", stage: "Stage", server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_HOSTS", server.authority)
    account = {"name": "key", "provider": "openrouter-key", "credentials": {"api_key": KEY}}
    stage.accounts({**account, "base_url": server.url, "alert_below": "5"})
    assert "not checked yet" in run("status").out
    counted = run("check", "--json").json
    assert (counted["read"], counted["unreadable"], counted["fired"]) == (1, 0, 0)
    assert "no limit" in run("status").out
    (listed,) = run("status", "--json").json
    assert (listed["balance"], listed["currency"], listed["failure"]) == (None, None, None)
    assert run("history", "key", "--json").json == []


def test_a_key_that_comes_back_in_pieces_keeps_the_reply_from_being_shown(try_out: Try) -> None:
    said = try_out(SPEC.replace("v2/left", "pieces").replace("wallet.left", "left"))
    assert "repeats a key, in pieces" in said.out
    assert not [piece for piece in (KEY[:5], KEY[5:10]) if piece in said.out]


def test_the_kind_of_a_reply_is_shown_without_a_key(try_out: Try) -> None:
    assert "application/json; key=***" in try_out(SPEC).out


def test_what_basic_encodes_is_not_shown_however_short(try_out: Try) -> None:
    basic = SPEC.replace(
        '{ headers = { Authorization = "Bearer $api_key" } }', '{ basic = ["x", "$api_key"] }'
    )
    said = try_out(basic, credentials={"api_key": "k7"})
    assert "Authorization: Basic ***" in said.out


def test_a_wrong_path_is_told_as_such(try_out: Try) -> None:
    said = try_out(SPEC.replace("/v2/left", "/nowhere"))
    assert "HTTP 404: nothing exists at the requested address." in said.out


def test_a_number_that_is_text_comes_with_a_hint(try_out: Try) -> None:
    said = try_out(SPEC.replace('numbers = "grouped text"\n', ""))
    assert "is text, not a number" in said.out
    assert 'numbers = "text"' in said.out


def test_what_else_an_account_has_is_asked_for_where_the_keys_are_not_enough(try_out: Try) -> None:
    said = try_out("twilio", credentials={"account_sid": "AC1", "auth_token": KEY})
    assert "variables, account_sid: is missing" in said.err
    assert '{"credentials": {…}, "variables": {…}}' in said.err


def test_a_policy_without_a_provider_has_none_to_try(try_out: Try) -> None:
    said = try_out('[[rules]]\nname = "low"\nbelow = "5"\n')
    assert "has no [[providers]] to try" in said.err


def test_the_one_account_of_a_secret_is_taken(try_out: Try, server: LoopbackServer) -> None:
    account = {"name": "a", "credentials": {"api_key": KEY}, "base_url": server.url}
    assert try_out(SPEC, credentials={"accounts": [account]}).code == 0


def test_a_name_that_is_near_some_is_told_which(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "OpenRouter"]) == 1
    assert "There is openrouter-credits, openrouter-key." in capsys.readouterr().err


def test_an_old_name_shows_the_provider_of_today(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "aimlapi-v1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slug"] == "aimlapi-v1-legacy"


def test_in_a_pipe_each_provider_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(slugs())
    assert all(line.count("\t") == 4 for line in lines)


def test_a_policy_with_a_provider_of_the_catalogue_is_not_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(OWN.replace('slug = "funds"', 'slug = "you"'))
    assert main(["policy", "check", str(file)]) == 1
    assert "you is also in the catalogue" in " ".join(capsys.readouterr().err.split())
