"""The accounts of a file are stored, all of them or none, and every fault is named by its place."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from balance_watch.cli.account_file import FIELDS, TABLES
from balance_watch.cli.main import main
from tests.cli.test_accounts import in_secret
from tests.support.canaries import CORE, key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Output, Run, Stage


@pytest.fixture
def bring(stage: "Stage", run: "Run", tmp_path: Path) -> "Callable[..., Output]":
    """Imports a text as a file of this name."""
    del stage

    def bring(text: str, name: str = "accounts.csv", *words: str) -> "Output":
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return run("accounts", "import", str(file), "--yes", *words)

    return bring


def entry(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "provider": "you", "credentials": {"api_key": key(name)}, **more}


def test_json_in_the_form_of_the_secret(stage: "Stage", bring: "Callable[..., Output]") -> None:
    both = [entry("one", alert_below=0.5), entry("two", labels={"team": "x"})]
    output = bring(json.dumps({"accounts": both}), "mine.json")
    assert (output.code, in_secret(stage)[2:]) == (0, both)
    assert CORE not in output.out + output.err


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_csv_with_a_column_for_each_field(
    stage: "Stage", bring: "Callable[..., Output]", delimiter: str, start: str
) -> None:
    rows = [
        ("name", "provider", "alert_below", "credentials.api_key", "labels.team", "variables.x"),
        ("one", "you", "12.50", key("one"), "search; more, or less", ""),
        ("", "", "", "", "", ""),
        ("two", "deepseek", "", key("two"), "", "y"),
    ]
    lines = (delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert bring(start + "\r\n".join(lines) + "\r\n").code == 0
    one, two = in_secret(stage)[2:]
    assert one == {
        "name": "one",
        "provider": "you",
        "credentials": {"api_key": key("one")},
        "alert_below": "12.50",
        "labels": {"team": "search; more, or less"},
    }
    assert (two["provider"], two["variables"]) == ("deepseek", {"x": "y"})


def test_a_dotenv_file_of_keys(stage: "Stage", bring: "Callable[..., Output]") -> None:
    text = f"""# keys
export DEEPSEEK_API_KEY="{key("deepseek")}"
TWILIO_ACCOUNT_SID=AC{"0" * 32}   # of the sub-account
TWILIO_AUTH_TOKEN='{key("twilio")}'

PORT=8080
"""
    output = bring(text, ".env")
    assert output.code == 0, output.err
    assert in_secret(stage)[2:] == [
        {
            "name": "deepseek",
            "provider": "deepseek",
            "credentials": {"api_key": key("deepseek")},
        },
        {
            "name": "twilio",
            "provider": "twilio",
            "credentials": {"auth_token": key("twilio")},
            "variables": {"account_sid": f"AC{'0' * 32}"},
        },
    ]
    assert "Not the key of a provider: PORT" in output.err
    assert CORE not in output.out + output.err


def test_a_key_of_another_kind_leads_to_what_the_provider_takes(
    bring: "Callable[..., Output]",
) -> None:
    text = "OPENAI_API_KEY=sk-x\nANTHROPIC_API_KEY=sk-y\nGEMINI_API_KEY=z\nPORT=1\n"
    output = bring(text, ".env")
    assert "OPENAI_API_KEY: openai takes OPENAI_ADMIN_KEY (an admin key" in output.err
    assert "ANTHROPIC_API_KEY: anthropic takes ANTHROPIC_ADMIN_KEY" in output.err
    assert "GEMINI_API_KEY: gemini tells no balance and no cost" in output.err
    assert "Not the key of a provider: PORT" in output.err
    assert "sk-" not in (output.out + output.err).replace("sk-admin-", "").replace("sk-ant-", "")


def test_keys_of_which_one_is_absent_are_a_fault_and_nothing_is_stored(
    stage: "Stage", bring: "Callable[..., Output]"
) -> None:
    text = f"DEEPSEEK_API_KEY={key('deepseek')}\nTWILIO_AUTH_TOKEN={key('twilio')}\n"
    output = bring(text, ".env")
    assert (output.code, len(in_secret(stage))) == (1, 2)
    assert ".env, line 2: TWILIO_AUTH_TOKEN needs TWILIO_ACCOUNT_SID too" in output.err
    assert CORE not in output.out + output.err


def test_a_variable_without_a_key_is_no_fault(bring: "Callable[..., Output]") -> None:
    output = bring(f"DEEPSEEK_API_KEY={key('deepseek')}\nTWILIO_ACCOUNT_SID=AC0\n", ".env")
    assert output.code == 0, output.err
    assert "Stored 1 account. `balance-watch check` reads it now." in output.out


def test_a_key_of_several_providers_is_left_to_the_user(
    stage: "Stage", bring: "Callable[..., Output]"
) -> None:
    output = bring(f"DIGITALOCEAN_ACCESS_TOKEN={key('x')}\n", ".env")
    assert output.code == 0
    assert "is the key of digitalocean, digitalocean-prepayment" in output.err
    assert "There is nothing new to store." in output.out
    assert len(in_secret(stage)) == 2


def test_accounts_that_exist_are_left_alone(stage: "Stage", bring: "Callable[..., Output]") -> None:
    before = in_secret(stage)
    content = {"accounts": [entry("search", alert_below=1), entry("new")]}
    output = bring(json.dumps(content), "a.json")
    assert "search is in the secret balance-watch/accounts: left alone" in " ".join(
        output.err.split()
    )
    assert in_secret(stage) == [*before, entry("new")]


TWO_FAULTS = """{"accounts": [
{"name": "a", "provider": "you"},
{"name": "b", "provider": "yoo", "credentials": {"api_key": "k"}}]}"""


@pytest.mark.parametrize(
    ("text", "name", "faults"),
    [
        ("{", "a.json", ["a.json is not JSON (line 1, column 2): expecting property name"]),
        (
            '{"accounts": [\n  {"name": "a", "provider": {"name": "x"}, "name": "b"}]}',
            "a.json",
            ["a.json contains the same name twice (line 2, column 44)."],
        ),
        (
            '{"accounts": [{"name": "a", "provider": "you"}, 3, null,\n"x"]}',
            "a.json",
            [
                "a.json, line 1, column 15: credentials: is missing",
                "a.json, line 1, column 49: an account must be a table",
                "a.json, line 1, column 52: an account must be a table",
                "a.json, line 2: an account must be a table",
            ],
        ),
        ("{}", "a.json", ['must be a JSON object with the one field "accounts"']),
        (
            TWO_FAULTS,
            "a.json",
            ["a.json, line 2: credentials: is missing", "a.json, line 3: provider is neither"],
        ),
        (
            "name,provider,credentials.api_key\na,you,k\na,you,k\n",
            "a.csv",
            ["a.csv, line 3: has the name a, as", "a.csv, line 2"],
        ),
        ("name,provider,key\na,you,k\n", "a.csv", ["a.csv, line 1, column key: is unknown"]),
        ("name,credentials.api_key\na,k\n", "a.csv", ["must have the columns name and provider"]),
        ("name,provider\na,you,k\n", "a.csv", ["a.csv, line 2: has 3 cells for 2 columns"]),
        ("name,provider\n,you\n", "a.csv", ["a.csv, line 2: name must be 1 to 100 characters"]),
        (
            "name,provider,alert_below,credentials.api_key\na,you,lots,k\n",
            "a.csv",
            ["a.csv, line 2: alert_below"],
        ),
        ("A=1\nno equals sign\n", ".env", [".env, line 2: is not NAME=VALUE"]),
        ("", "a.csv", ["a.csv is empty."]),
        ("\ufeff\n \n", "a.json", ["a.json is empty."]),
        (
            "name,provider,provider,credentials.api_key\na,you,you,k\n",
            "a.csv",
            ["a.csv, line 1, column provider: is there twice"],
        ),
        (
            "name;provider;alert_below;credentials.api_key\na;you;1,50;k\n",
            "a.csv",
            ["a.csv, line 2: alert_below has a comma: write it with a decimal point"],
        ),
        ('name,provider\n"a,you\n', "a.csv", ["a.csv, line 2: is not CSV"]),
        (f"name,provider\na,{'y' * 140_000}\n", "a.csv", ["a.csv, line 2: is not CSV"]),
        ("name,provider\na\x1b[2J,you\n", "a.csv", ["a.csv, line 2: name must be 1 to 100"]),
        ("name,provider\na,Yuo\n", "a.csv", ["a.csv, line 2: provider is neither", "Similar: you"]),
        ("name,provider\na,Gemini\n", "a.csv", ["Gemini tells no balance", "docs/providers.md"]),
        ("[" * 100_000, "a.json", ["a.json is not JSON."]),
        (
            '{"accounts": [{"name": "a", "provider": "you", "alert_below": NaN}]}',
            "a.json",
            ["a.json, line 1: contains a number that is not finite"],
        ),
        (
            '{"accounts": [{"name": "a", "provider": "you", "alert_below": ' + "9" * 5000 + "}]}",
            "a.json",
            ["a.json, line 1: contains a number that"],
        ),
        (
            '{"accounts": [{"name": "a\\ud800", "provider": "you", "credentials": {}}]}',
            "a.json",
            ["a.json, line 1: contains half of a surrogate pair"],
        ),
        (
            '{"accounts": [{"name": null, "provider": "you", "credentials": {}}]}',
            "a.json",
            ["a.json, line 1: name: is missing"],
        ),
        (
            "DEEPSEEK_API_KEY=one\nDEEPSEEK_API_KEY=two\n",
            ".env",
            [".env, line 2: DEEPSEEK_API_KEY has another value in line 1"],
        ),
        ('DEEPSEEK_API_KEY="one\n', ".env", [".env, line 1: DEEPSEEK_API_KEY has a quote without"]),
    ],
)
def test_a_fault_is_named_by_its_place_and_nothing_is_stored(
    stage: "Stage", bring: "Callable[..., Output]", text: str, name: str, faults: list[str]
) -> None:
    output = bring(text, name)
    shown = " ".join(output.err.split())
    assert output.code == 1, shown
    assert [fault for fault in faults if fault not in shown] == [], shown
    assert len(in_secret(stage)) == 2


def test_a_key_in_the_column_of_the_provider_is_not_shown(
    stage: "Stage", bring: "Callable[..., Output]"
) -> None:
    output = bring(f"name,provider,credentials.api_key\na,{key('x')},you\n")
    assert (output.code, len(in_secret(stage))) == (1, 2)
    assert CORE not in output.out + output.err


def test_variables_without_a_value_are_left_out_and_others_are_stored(
    stage: "Stage", bring: "Callable[..., Output]"
) -> None:
    text = f"# from a template\nOPENAI_ADMIN_KEY=\nDEEPSEEK_API_KEY={key('deepseek')}\n"
    output = bring(text, "keys.txt")
    assert output.code == 0, output.err
    assert "Without a value: OPENAI_ADMIN_KEY" in output.err
    assert [it["name"] for it in in_secret(stage)[2:]] == ["deepseek"]


def test_a_csv_file_may_begin_with_empty_lines_and_end_its_lines_as_windows_does(
    stage: "Stage", bring: "Callable[..., Output]"
) -> None:
    text = f"\r\n\r\nname,provider,credentials.api_key\r\na,you,-{key('a')}\r\n"
    assert bring(text).code == 0
    assert in_secret(stage)[2]["credentials"] == {"api_key": f"-{key('a')}"}


def test_what_goes_beyond_the_size_of_a_secret_is_not_stored(
    stage: "Stage", bring: "Callable[..., Output]"
) -> None:
    many = [entry(f"account-{number}", labels={"x": "y" * 90}) for number in range(400)]
    output = bring(json.dumps({"accounts": many}), "a.json")
    assert (output.code, "65,536 bytes" in output.err) == (1, True)
    assert len(in_secret(stage)) == 2


def test_the_help_names_every_column_of_csv(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["accounts", "import", "--help"])
    words = capsys.readouterr().out.replace(",", " ").replace(";", " ").split()
    assert {*FIELDS, *(f"{table}.X" for table in TABLES)} <= set(words)


def test_without_somebody_to_ask_it_needs_a_yes(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"accounts": [entry("new")]}))
    output = run("accounts", "import", str(file))
    assert (output.code, "add --yes" in output.err) == (2, True)


def test_every_fault_of_a_file_is_named_before_a_yes_is_asked_for(
    run: "Run", tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("name,provider\na,deepsek\nb,opnrouter\n")
    output = run("accounts", "import", str(file))
    assert (output.code, "--yes" in output.err) == (1, False)
    assert "Similar: deepseek" in output.err
    assert "Similar: openrouter" in output.err
