"""`make run ACCOUNTS=FILE POLICY=FILE` names the file, the line and the column of what is wrong."""

from pathlib import Path

import pytest

from balance_watch.errors import CommandError
from local.own_accounts import own_accounts


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b'{"accounts": [\n  {"name": "a",}\n]}', ", line 2, column 16: is not JSON"),
        (b"", ", line 1, column 1: is not JSON"),
        (b'{"accounts": []} x', ", line 1, column 18: is not JSON"),
        (b"\xff\xfe{}", " is not a text in UTF-8"),
        (b"[" * 100_000, " is not JSON that can be read"),
    ],
)
def test_a_file_that_is_not_json_is_named_with_the_place(
    tmp_path: Path, content: bytes, place: str
) -> None:
    file = written(tmp_path, "mine.json", content)
    with pytest.raises(CommandError) as raised:
        own_accounts(file)
    assert f"{file}{place}" in str(raised.value)


def test_a_policy_with_a_fault_is_named_with_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = written(tmp_path, "mine.json", b'{"accounts": []}')
    policy = written(tmp_path, "mine.toml", b'[[rules]]\nname = "low"\nmetric = "balance"\n')
    with pytest.raises(CommandError) as raised:
        own_accounts(accounts, policy)
    assert f"The policy in {policy} has 1 fault." in str(raised.value)
    assert 'rules[0] "low"' in capsys.readouterr().err


def test_a_fault_of_an_account_tells_which_file_is_the_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "mine.json", b'{"accounts": [{"name": "a", "provider": "none"}]}')
    assert own_accounts(file) == 1
    assert f"the secret balance-watch/accounts is {file}" in capsys.readouterr().err
