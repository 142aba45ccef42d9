"""A key that is typed or pasted into the wrong place is never repeated."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balance_watch.cli.terminal import is_plain_name
from tests.support.canaries import CORE

if TYPE_CHECKING:
    from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accounts", "add", "k4", "--api-key", CORE), "unknown option --api-key"),
        (("accounts", "add", "k4", f"--api-key={CORE}"), "unknown option --api-key"),
        (("accounts", "add", "k4", CORE), "1 word too many"),
        (("accounts", "add", f"-{CORE}"), "1 word too many"),
        (("accounts", CORE), "invalid choice (choose from 'add', "),
        ((CORE,), "invalid choice (choose from 'check', "),
        (("check", f"--json={CORE}"), "argument --json: ignored explicit argument"),
        (("accounts", "add", f"--c={CORE}"), "--c could match --credentials"),
        (("history", "a", "--days", CORE), "must be a number of days"),
        (("accounts", "add", "--label", CORE), "must be NAME=VALUE"),
        (("silence", "add", "--match", CORE), "must be FACT=GLOB"),
        (("channels", "add", CORE, "x"), "KIND must be one of"),
    ],
)
def test_wrong_use_is_told_without_what_was_typed(
    run: "Run", words: tuple[str, ...], said: str
) -> None:
    output = run(*words)
    assert (output.code, said in output.err) == (2, True), output.err
    assert CORE not in output.out + output.err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", f"name,provider,{CORE}\na,you,k\n", "column number 3: is unknown"),
        ("a.csv", f"name,provider,{CORE},{CORE}\na,you,k,k\n", "column number 4: is there twice"),
        ("a.csv", f"{CORE},{CORE}\n", "must have the columns name and provider"),
        (".env", f"A=1\n{CORE}==\n", "Not the key of a provider: A, the name in line 2"),
        (".env", f"A=1\n{CORE}=\n", "Without a value: the name in line 2"),
        (".env", f"A=1\n{CORE}=$X\n", "line 2: its name refers to another variable"),
        (".env", f"A=1\n{CORE}='x\n", "line 2: its name has a quote without its end"),
        ("a.json", f'{{"accounts": [{{"{CORE}": 1}}]}}', "unknown field"),
        ("a.json", f'{{"{CORE}": []}}', 'must be a JSON object with the one field "accounts"'),
        ("a.json", f'{{"accounts": [], "{CORE}": 1, "{CORE}": 2}}', "a.json"),
    ],
)
def test_a_file_with_a_key_in_place_of_a_name_is_told_without_it(
    run: "Run", tmp_path: Path, name: str, text: str, said: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    output = run("accounts", "import", str(file), "--yes")
    assert said in output.out + output.err
    assert CORE not in output.out + output.err


@pytest.mark.parametrize("name", ["key", "API_KEY", "credentials.api key", "Alert Below", "V2"])
def test_a_name_of_words_is_repeated(name: str) -> None:
    assert is_plain_name(name)


@pytest.mark.parametrize(
    "name", ["", "sk-abc", "aGVsbG8gd29ybGQ", "deadbeef0123", "0123456789", "a" * 40, CORE]
)
def test_a_name_that_may_be_a_key_is_not_repeated(name: str) -> None:
    assert not is_plain_name(name)
