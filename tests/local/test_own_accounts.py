"""`make run ACCOUNTS=FILE POLICY=FILE` names the file, the line and the column of what is wrong."""

from pathlib import Path

import pytest

from balance_watch.errors import CommandError
from local.own_accounts import own_accounts
from tests.support.wallet_server import KEY, OWN, WalletServer


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"accounts": [\n  {"name": "a",}\n]}', " is not JSON (line 2, column 16)"),
        (b'{"accounts": []} x', " is not JSON (line 1, column 18)"),
        (b"", " is empty."),
        (b"\xff\xfe{}", " is not UTF-8 text."),
        (b"[" * 100_000, " is not JSON."),
        (b"name;key\n", ", line 1: must have the columns name and provider."),
    ],
)
def test_a_file_that_holds_no_accounts_is_named_with_the_place(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = written(tmp_path, "mine.json", content)
    with pytest.raises(CommandError) as raised:
        own_accounts(file)
    assert f"{file}{problem}" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "faults"),
    [
        (
            "mine.json",
            b'{"accounts": [\n{"name": "a", "provider": "vonnage", "credentials": {}},\n7]}',
            [
                "line 2: provider is neither in the catalogue nor in the policy. Similar: vonage.",
                "line 3: an account must be a table",
            ],
        ),
        (
            "mine.csv",
            b"name,provider,credentials.api_key\na,yo,k\na,you,k\n",
            ["line 2: provider is neither", "line 3: has the name a"],
        ),
        (".env", b'YOU_API_KEY="k\n', ["line 1: YOU_API_KEY has a quote without its end"]),
    ],
)
def test_every_fault_is_told_by_its_place_before_anything_is_checked(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    faults: list[str],
) -> None:
    file = written(tmp_path, name, content)
    with pytest.raises(CommandError, match="Nothing was checked"):
        own_accounts(file)
    shown = " ".join(capsys.readouterr().err.split())
    assert [fault for fault in faults if f"{file}, {fault}" not in shown] == [], shown


def test_a_provider_of_the_policy_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with WalletServer() as server:
        monkeypatch.setenv("TRUSTED_HOSTS", server.authority)
        policy = written(tmp_path, "mine.toml", OWN.encode())
        row = f"a,funds,{KEY},{server.url}\n".encode()
        header = b"name,provider,credentials.api_key,base_url\n"
        accounts = written(tmp_path, "mine.csv", header + row)
        assert own_accounts(accounts, policy) == 0
    assert "funds" in capsys.readouterr().out


def test_a_policy_with_a_fault_is_named_with_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = written(tmp_path, "mine.json", b'{"accounts": []}')
    policy = written(tmp_path, "mine.toml", b'[[rules]]\nname = "low"\nmetric = "balance"\n')
    with pytest.raises(CommandError) as raised:
        own_accounts(accounts, policy)
    assert f"The policy in {policy} has 1 fault." in str(raised.value)
    assert 'rules[0] "low"' in capsys.readouterr().err


def test_a_fault_of_the_whole_file_tells_which_file_is_the_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "mine.json", b'{"accounts": []}')
    assert own_accounts(file) == 1
    assert f"the secret balance-watch/accounts is {file}" in capsys.readouterr().err
