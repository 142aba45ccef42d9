"""Ctrl-C and Ctrl-D at any question, or a login that has expired: nothing is stored or paid."""

import io
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from local.provider_server import ProviderAccount
from tests.support.canaries import CORE, key
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

CTRL_C, CTRL_D = "Ctrl-C", "Ctrl-D"
SMS = f"{key('sms')}:{key('sms-secret')}"


class Keyboard(io.StringIO):
    """A terminal at which somebody types lines, then presses a key that leaves."""

    def __init__(self, lines: Sequence[str], last: str) -> None:
        super().__init__("".join(f"{line}\n" for line in lines))
        self._last = last
        self.has_left = False

    def isatty(self) -> bool:
        """Tells that it is a terminal."""
        return True

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        """Returns what is typed next."""
        line = super().readline(-1 if size is None else size)
        if not line:
            self.has_left = True
            if self._last == CTRL_C:
                raise KeyboardInterrupt
        return line

    def hidden(self, *_: object, **__: object) -> str:
        """Answers a hidden question, as getpass does."""
        if not (line := self.readline()):
            raise EOFError
        return line


def everything(stage: "Stage") -> tuple[Any, ...]:
    """Returns all that a command could store or pay: secrets, the policy, payments."""
    secrets, ssm = stage.aws.client("secretsmanager"), stage.aws.client("ssm")
    texts = {
        found["Name"]: secrets.get_secret_value(SecretId=found["Name"])["SecretString"]
        for found in secrets.list_secrets()["SecretList"]
    }
    stored = ssm.describe_parameters()["Parameters"]
    return texts, [(it["Name"], it["Version"]) for it in stored], stage.vonage.accounts[SMS].top_ups


@pytest.fixture
def files(stage: "Stage", tmp_path: Path) -> dict[str, str]:
    stage.you.accounts[key("new")] = ProviderAccount(balance=Decimal(70))
    stage.slack.messages["new"] = []
    texts = {
        "POLICY": '[[rules]]\nname = "x"\nmatch = { provider = "vonage" }\nbelow = 11\n',
        "IMPORT": f"name,provider,credentials.api_key\nnew,you,{key('new')}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: str(tmp_path / name) for name in texts} | {"URL": stage.you.url}


COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "policy put": ("policy put POLICY", ()),
    "top-up": ("top-up sms", ()),
    "accounts remove": ("accounts remove sms", ()),
    "accounts import": ("accounts import IMPORT", ()),
    "accounts add": ("accounts add --base-url URL", ("you.com", "y", "new", "KEY", "1", "a=b")),
    "accounts add, costs": ("accounts add --base-url URL", ("openai", "1", "new", "KEY", "5", "")),
    "channels add": ("channels add slack new", ()),
}
"""Each command that asks, with the answers up to its last question."""

MOMENTS = [(name, n) for name, (_, lines) in COMMANDS.items() for n in range(len(lines) + 1)]


@pytest.mark.parametrize("last", [CTRL_C, CTRL_D])
@pytest.mark.parametrize(("command", "answered"), MOMENTS)
def test_whoever_leaves_at_a_question_stores_and_pays_nothing(
    stage: "Stage",
    run: "Run",
    files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    answered: int,
    last: str,
) -> None:
    words, lines = COMMANDS[command]
    before = everything(stage)
    typed = [key("new") if line == "KEY" else line for line in lines[:answered]]
    keyboard = Keyboard(typed, last)
    monkeypatch.setattr("sys.stdin", keyboard)
    monkeypatch.setattr("getpass.getpass", keyboard.hidden)
    output = run(*(files.get(word, word) for word in words.split()))
    assert keyboard.has_left, "it asked"
    assert everything(stage) == before
    assert output.code == (130 if last == CTRL_C else 1)
    assert "Traceback" not in output.err
    lines_said = output.err.strip().splitlines()
    if last == CTRL_C:
        assert lines_said[-1] == "balance-watch: Stopped."
    elif command == "top-up":
        assert output.out.strip().splitlines()[-1] == "Nothing was paid."
    else:
        assert lines_said[-1] == "balance-watch: The input has ended: nothing was changed."
    assert CORE not in output.out + output.err


def test_whoever_leaves_at_the_offer_of_a_test_message_keeps_the_channel(
    stage: "Stage", run: "Run", files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del files
    keyboard = Keyboard([stage.slack.webhook("new")], CTRL_D)
    monkeypatch.setattr("sys.stdin", keyboard)
    monkeypatch.setattr("getpass.getpass", keyboard.hidden)
    output = run("channels", "add", "slack", "new")
    assert (output.code, "nothing was changed" in output.err) == (0, False)
    assert stage.slack.webhook("new") in everything(stage)[0]["balance-watch/slack"]
    assert stage.slack.messages["new"] == []


@pytest.mark.parametrize(
    ("words", "question", "pressed", "code", "line"),
    [
        (
            ("accounts", "add"),
            "Provider (a part of its name): ",
            "\x04",
            1,
            "balance-watch: The input has ended: nothing was changed.",
        ),
        (("top-up", "sms"), "enabled. [y/N]: ", "\x04", 1, "Nothing was paid."),
        (("accounts", "remove", "sms"), "[y/N]: ", "\x03", 130, "balance-watch: Stopped."),
    ],
)
def test_at_a_terminal_the_last_line_stands_alone(
    stage: "Stage", words: tuple[str, ...], question: str, pressed: str, code: int, line: str
) -> None:
    before = everything(stage)
    command = [sys.executable, "-m", "balance_watch.cli.main", *words]
    with Terminal(command, os.environ, columns=120) as terminal:
        terminal.expect(question)
        terminal.press(pressed)
        assert terminal.end() == code
        assert terminal.screen.strip().splitlines()[-1] == line
    assert everything(stage) == before


@pytest.mark.parametrize(
    "words",
    [
        "accounts",
        "accounts add new --provider you --credentials KEYS --yes",
        "accounts import IMPORT --yes",
        "accounts remove sms --yes",
        "accounts credit sms 5",
        "channels",
        "channels add slack new --address ADDRESS",
        "channels add email ops@example.com",
        "policy put POLICY --yes",
        "doctor",
    ],
)
def test_an_expired_login_is_one_plain_line_that_says_what_to_do(
    stage: "Stage",
    run: "Run",
    files: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
) -> None:
    (tmp_path / "KEYS").write_text(f'{{"api_key": "{key("new")}"}}')
    (tmp_path / "ADDRESS").write_text(stage.slack.webhook("new"))
    files |= {name: str(tmp_path / name) for name in ("KEYS", "ADDRESS")}
    before = everything(stage)

    def expire(model: OperationModel, **_: object) -> None:
        raise ClientError({"Error": {"Code": "ExpiredTokenException"}}, model.name)

    session = boto3.Session()
    session.events.register("before-call", expire)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    output = run(*(files.get(word, word) for word in words.split()))
    session.events.unregister("before-call", expire)
    assert output.code == 1
    said = output.out if words == "doctor" else output.err
    assert "Your AWS login has expired: run `aws sso login`, then try again." in said
    assert "Traceback" not in output.out + output.err
    assert CORE not in output.out + output.err
    assert everything(stage) == before
