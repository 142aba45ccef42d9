"""Accounts are listed, added, tried, topped up and removed, and no key is shown."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from balance_watch.cli.account_questions import proposal
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, Unlimited
from local.provider_server import ProviderAccount
from tests.support.canaries import CORE, key
from tests.support.examples import TICK

if TYPE_CHECKING:
    from tests.cli.conftest import Output, Run, Stage

Add = Callable[..., "Output"]
SECRET = "balance-watch/accounts"


def in_secret(stage: "Stage", secret: str = SECRET) -> list[dict[str, Any]]:
    reply = stage.aws.client("secretsmanager").get_secret_value(SecretId=secret)
    accounts: list[dict[str, Any]] = json.loads(reply["SecretString"])["accounts"]
    return accounts


@pytest.fixture
def keys(tmp_path: Path) -> str:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"api_key": key("new")}))
    return str(file)


@pytest.fixture
def add(stage: "Stage", run: "Run", keys: str) -> Add:
    """Adds an account at You.com by options alone."""
    stage.you.accounts[key("new")] = ProviderAccount(balance=Decimal(500))

    def add(name: str = "new", *words: str, provider: str = "you") -> "Output":
        options = ("--provider", provider, "--credentials", keys, "--base-url", stage.you.url)
        return run("accounts", "add", name, *options, "--yes", *words)

    return add


def test_the_list_has_every_account_with_its_secret_and_no_key(stage: "Stage", run: "Run") -> None:
    stage.aws.put_secret(
        "balance-watch/accounts/more",
        {"accounts": [stage.entry("off", "you", enabled=False, labels={"team": "x"})]},
    )
    output = run("accounts", "--json")
    assert [(it["account"], it["secret"], it["enabled"]) for it in output.json] == [
        ("search", SECRET, True),
        ("sms", SECRET, True),
        ("off", f"{SECRET}/more", False),
    ]
    assert output.json[0]["alert_below"] == "8000"
    assert output.json[2]["labels"] == {"team": "x"}
    listed = run("accounts")
    assert "off you team=x balance-watch/accounts/more no" in " ".join(listed.out.split())
    assert CORE not in output.out + listed.out


def test_an_account_is_added_by_options_alone_and_the_next_check_reads_it(
    stage: "Stage", run: "Run", add: Add
) -> None:
    output = add("new", "--alert-below", "50", "--label", "team=search")
    assert (output.code, "new has 500.00 USD" in output.out) == (0, True)
    assert in_secret(stage)[2] == {
        "name": "new",
        "provider": "you",
        "credentials": {"api_key": key("new")},
        "base_url": stage.you.url,
        "labels": {"team": "search"},
        "alert_below": "50",
    }
    assert CORE not in output.out + output.err
    assert run("check", "--json").json["read"] == 3


def test_what_the_secret_had_stays_as_it_is_written(stage: "Stage", add: Add) -> None:
    written = '{"accounts" :[ {"name":"a", "provider":"you","alert_below":0.10, "credentials":{}}]}'
    stage.aws.put_secret(SECRET, written)
    assert add().code == 0
    text = stage.aws.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]
    assert text.startswith(written[: written.index("}]}") + 1])


def test_an_account_goes_into_a_secret_of_its_own(stage: "Stage", add: Add) -> None:
    assert add("new", "--secret", "accounts/new").code == 0
    assert [it["name"] for it in in_secret(stage, f"{SECRET}/new")] == ["new"]
    assert len(in_secret(stage)) == 2


@pytest.mark.parametrize("name", ["slack", "heartbeat", "accounts-eu", "accounts/", "", "x"])
def test_a_secret_that_is_not_for_accounts_gets_none(add: Add, name: str) -> None:
    output = add("new", "--secret", name)
    assert (output.code, "named accounts or accounts/ANYTHING" in output.err) == (1, True)


def test_a_name_that_exists_is_refused_with_its_place(stage: "Stage", add: Add) -> None:
    output = add("search")
    assert output.code == 1
    assert f"account search already, in the secret {SECRET}" in output.err
    assert len(in_secret(stage)) == 2


def test_an_account_that_cannot_be_read_is_not_stored_by_a_script(stage: "Stage", add: Add) -> None:
    del stage.you.accounts[key("new")]
    output = add()
    assert output.code == 1
    assert "new cannot be read: key rejected." in output.out
    assert "Nothing was stored." in output.out
    assert len(in_secret(stage)) == 2


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ("yoo", "There is no provider yoo. Similar: you"),
        ("openrouter", "Similar: openrouter-credits, openrouter-key"),
        ("gemini", "tells no balance and no cost"),
    ],
)
def test_a_provider_that_is_not_there_gets_a_hint(add: Add, provider: str, message: str) -> None:
    output = add(provider=provider)
    assert output.code == 1
    assert message in " ".join(output.err.split())


def test_without_somebody_to_ask_what_is_missing_is_wrong_use(run: "Run") -> None:
    output = run("accounts", "add", "--provider", "you")
    assert output.code == 2
    assert "add NAME, --credentials, --yes" in output.err


@pytest.mark.parametrize(
    "words",
    [
        ("add", "new", "--provider", "you", "--credentials", "absent.json"),
        ("add", "new", "--credentials", "absent.json", "--yes"),
        ("add", "new", "--provider", "you", "--credentials", "-", "--alert-below", "x", "--yes"),
        ("add", "--credit", "5", "--budget", "5"),
    ],
)
def test_wrong_use_is_told_before_anything_is_read(
    run: "Run", monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    output = run("accounts", *words)
    assert output.code == 2
    assert "absent.json:" not in output.err


def test_keys_that_cannot_be_read_are_told_before_the_stack_is_asked(
    run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    words = ("new", "--provider", "you", "--credentials", "absent.json", "--yes")
    output = run("accounts", "add", *words)
    assert (output.code, "absent.json: No such file" in output.err) == (1, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object of texts"),
        ('{"api_key": 5}', "must be a JSON object of texts"),
        ('{"token": "x"}', "credentials has no api_key"),
        ('{"api_key": "a b"}', "credentials, api_key: is empty, or contains a space"),
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"api_key": "x", "api_key": "y"}', "contains the same name twice"),
        ('{"api_key": "\\ud800"}', "contains half of a surrogate pair"),
    ],
)
def test_a_fault_of_the_keys_is_named_without_them(
    stage: "Stage", add: Add, keys: str, content: str, message: str
) -> None:
    Path(keys).write_text(content)
    output = add()
    assert (output.code, message in " ".join(output.err.split())) == (1, True), output.err
    assert len(in_secret(stage)) == 2


@pytest.mark.parametrize("text", ['\ufeff{"api_key": "KEY"}\r\n', '{"api_key": " KEY\\n"}'])
def test_a_file_of_keys_may_have_a_mark_and_white_space(
    stage: "Stage", add: Add, keys: str, text: str
) -> None:
    Path(keys).write_text(text.replace("KEY", key("new")), encoding="utf-8")
    output = add()
    assert output.code == 0, output.err
    assert in_secret(stage)[2]["name"] == "new"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--alert-below", "1,5"), 2, "must be a number, or none"),
        (("--alert-below", "nan"), 2, "must be a number, or none"),
        (("--label", "team"), 2, "must be NAME=VALUE"),
        (("--label", "team=a\x1b[2J"), 1, "labels must be"),
        (("--credit", "1,5"), 2, "must be a number of more than 0"),
        (("--credit", "5"), 1, "You.com tells the balance itself"),
        (("--budget", "5"), 1, "You.com tells the balance itself"),
        (("--budget", "5", "--credit", "5"), 2, "not allowed with argument"),
    ],
)
def test_an_option_that_is_invalid_stores_nothing(
    stage: "Stage", add: Add, words: tuple[str, ...], code: int, message: str
) -> None:
    output = add("new", *words)
    assert (output.code, message in " ".join(output.err.split())) == (code, True), output.err
    assert "\x1b[2J" not in output.out + output.err
    assert len(in_secret(stage)) == 2


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "x" * 101])
def test_a_name_that_does_not_fit_on_a_line_is_refused(stage: "Stage", add: Add, name: str) -> None:
    output = add(name)
    assert (output.code, len(in_secret(stage))) == (1, 2)
    assert "\x1b" not in output.out + output.err


def test_an_account_is_tried_and_nothing_is_stored_or_sent(stage: "Stage", run: "Run") -> None:
    output = run("accounts", "try", "search")
    assert (output.code, "search has 7,189.245 USD" in output.out) == (0, True)
    assert run("history", "search", "--json").json == []
    assert stage.slack.messages["default"] == []


def test_an_account_that_cannot_be_read_says_why_when_it_is_tried(
    stage: "Stage", run: "Run"
) -> None:
    stage.you.accounts.clear()
    output = run("accounts", "try", "search")
    assert (output.code, "HTTP 401: the key is invalid." in output.out) == (1, True)


@pytest.mark.parametrize("words", [("status",), ("explain",), ("history",), ("top-up",)])
@pytest.mark.parametrize("name", ["", " "])
def test_an_account_without_a_name_gets_no_suggestion(
    run: "Run", words: tuple[str, ...], name: str
) -> None:
    output = run(*words, name)
    assert (output.code, "There is no such account. See" in output.err) == (1, True)


def test_a_misspelt_account_is_not_topped_up_and_gets_a_suggestion(run: "Run") -> None:
    output = run("top-up", "smz", "--yes")
    assert (output.code, "Did you mean sms?" in output.err) == (1, True)


@pytest.mark.parametrize("action", ["try", "remove"])
def test_a_misspelt_account_gets_a_suggestion(run: "Run", action: str) -> None:
    output = run("accounts", action, "serch")
    assert output.code == 1
    assert "There is no such account. Did you mean search?" in output.err


def test_an_account_is_removed_and_the_others_stay(stage: "Stage", run: "Run") -> None:
    output = run("accounts", "remove", "search", "--yes")
    assert (output.code, [it["name"] for it in in_secret(stage)]) == (0, ["sms"])
    assert "the next check leaves search out" in output.out


def test_of_two_accounts_of_one_name_the_watched_one_is_removed_and_the_other_is_named(
    stage: "Stage", run: "Run"
) -> None:
    stage.aws.put_secret(f"{SECRET}/eu", {"accounts": [stage.entry("search", "you")]})
    output = run("accounts", "remove", "search", "--yes")
    assert [it["name"] for it in in_secret(stage)] == ["sms"]
    assert "Another search is in the secret balance-watch/accounts/eu" in " ".join(
        output.out.split()
    )
    assert run("accounts", "remove", "search", "--yes").code == 0
    assert in_secret(stage, f"{SECRET}/eu") == []


def test_nothing_is_removed_without_a_yes(stage: "Stage", run: "Run") -> None:
    output = run("accounts", "remove", "search")
    assert (output.code, len(in_secret(stage))) == (2, 2)
    assert "scripts need --yes" in output.err


@pytest.fixture
def costs(stage: "Stage") -> "Stage":
    credentials = {"api_key": key("costs")}
    credit = [{"amount": 100.5, "paid_at": "2026-11-01"}]
    entry = {"name": "llm", "provider": "openai", "credentials": credentials, "credit": credit}
    stage.accounts(entry, stage.entry("search", "you"))
    return stage


def test_a_purchase_is_added_beside_the_others(costs: "Stage", run: "Run") -> None:
    words = ("200", "--paid-at", "2026-11-20", "--expires-at", "2027-11-20")
    assert run("accounts", "credit", "llm", *words).code == 0
    assert in_secret(costs)[0]["credit"] == [
        {"amount": 100.5, "paid_at": "2026-11-01"},
        {"amount": "200", "paid_at": "2026-11-20", "expires_at": "2027-11-20"},
    ]


def test_the_same_amount_can_be_paid_twice_on_a_day(costs: "Stage", run: "Run") -> None:
    for _ in range(2):
        assert run("accounts", "credit", "llm", "200", "--paid-at", "2026-11-20").code == 0
    assert len(in_secret(costs)[0]["credit"]) == 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("llm", "-5"), 2, ""),
        (("llm", "0"), 2, "must be a number of more than 0"),
        (("llm", "lots"), 2, "must be a number of more than 0"),
        (("llm", "5", "--paid-at", "yesterday"), 1, "paid_at: must be a time"),
        (("llm", "5", "--expires-at", "2020-01-01"), 1, "expires_at must be after paid_at"),
        (("search", "5"), 1, "the provider tells the balance itself"),
        (("lm", "5"), 1, "Did you mean llm?"),
    ],
)
def test_a_purchase_that_is_not_possible_changes_nothing(
    costs: "Stage", run: "Run", words: tuple[str, ...], code: int, message: str
) -> None:
    before = in_secret(costs)
    output = run("accounts", "credit", *words)
    assert (output.code, message in " ".join(output.err.split())) == (code, True), output.err
    assert in_secret(costs) == before


@pytest.mark.parametrize(
    ("balance", "proposed"),
    [
        ("100000", "10000"),
        ("7189.245", "700"),
        ("9.92", "0.9"),
        ("0.05", "0.005"),
        ("1", "0.1"),
        ("1234567890123", "100000000000"),
        ("0", "none"),
        ("-5", "none"),
    ],
)
def test_the_threshold_that_is_proposed_has_the_size_of_the_balance(
    balance: str, proposed: str
) -> None:
    assert proposal(Reading(TICK, Decimal(balance), "USD")) == proposed


def test_no_threshold_is_proposed_without_a_balance() -> None:
    assert proposal(Unlimited(TICK)) == "none"
    assert proposal(ReadFailure(FailureKind.TIMED_OUT, "no")) == "none"


def test_a_pipe_gets_a_header_and_a_line_for_each_account(run: "Run") -> None:
    header, search, sms = (line.split("\t") for line in run("accounts").out.splitlines())
    assert header == ["account", "provider", "alert_below", "labels", "secret", "enabled"]
    assert search == ["search", "you", "8000", "", "balance-watch/accounts", "yes"]
    assert sms[0] == "sms"


def test_a_file_of_a_whole_account_is_taken_as_providers_try_takes_it(
    stage: "Stage", run: "Run", keys: str
) -> None:
    stage.you.accounts[key("new")] = ProviderAccount(balance=Decimal(70))
    whole = {"credentials": {"api_key": key("new")}, "base_url": stage.you.url}
    Path(keys).write_text(json.dumps(whole))
    output = run("accounts", "add", "new", "--provider", "you", "--credentials", keys, "--yes")
    assert output.code == 0, output.err
    assert in_secret(stage)[2] == {"name": "new", "provider": "you", **whole}
