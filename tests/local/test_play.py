"""`make play`: a stack that another process uses, until it is ended."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import NamedTuple

import pytest

from tests.support.canaries import canary_form

_START = (
    "import sys; from pathlib import Path; from local.play import main;"
    "sys.exit(main(Path(sys.argv[1]), hours=2))"
)
_LONGEST = 240.0
_COMMAND = str(Path(sys.executable).with_name("balance-watch"))
_HERE = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


class Playing(NamedTuple):
    """The process, its folder, and what it has written so far."""

    process: subprocess.Popen[str]
    folder: Path
    lines: list[str]

    def until(self, text: str) -> str:
        """Reads on until a line has this text, and returns that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        pytest.fail(f"{text} was never written: {''.join(self.lines)}")

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command in another process, as a user of another terminal does."""
        script = f'. "{self.folder / "play.env"}"; exec "$0" "$@"'
        # A profile that does not exist: the file has to make it ineffective.
        environment = {**_HERE, "AWS_PROFILE": "nobody", "COLUMNS": "120"}
        return subprocess.run(  # noqa: S603 (the tests fix the words)
            ["/bin/sh", "-c", script, _COMMAND, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def start(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 (this very program)
        [sys.executable, "-c", _START, f"{folder}"],
        env=_HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def playing_in(folder: Path) -> Iterator[Playing]:
    process = start(folder)
    playing = Playing(process, folder, [])
    # Whoever waits for a line that never comes is told so.
    last_resort = Timer(_LONGEST, process.kill)
    last_resort.start()
    try:
        playing.until("What Slack and the topic get")
        yield playing
    finally:
        last_resort.cancel()
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    with playing_in(tmp_path_factory.mktemp("play")) as playing:
        yield playing


def test_another_process_sees_the_accounts_checked(playing: Playing) -> None:
    shown = json.loads(playing.run("status", "--json").stdout)
    assert len(shown) == 10
    assert all(account["observed_at"] for account in shown)


def test_another_process_sees_the_history(playing: Playing) -> None:
    readings = json.loads(playing.run("history", "sms", "--json").stdout)
    assert len(readings) >= 2


def test_another_process_explains_an_account(playing: Playing) -> None:
    assert "alert_below" in playing.run("explain", "sms").stdout


def test_a_silence_of_another_process_holds(playing: Playing) -> None:
    words = ("--match", "account=search-batch", "--for", "1h", "--reason", "test")
    assert playing.run("silence", "add", *words).returncode == 0
    assert "search-batch" in playing.run("silence", "list").stdout


def test_an_account_that_no_secret_has_can_be_tried(playing: Playing) -> None:
    file = f"{playing.folder / 'play-account.json'}"
    assert "250.00 USD" in playing.run("providers", "try", "you", "--credentials", file).stdout


def test_a_check_of_another_process_reads_every_account(playing: Playing) -> None:
    result = json.loads(playing.run("check", "--json").stdout)
    assert (result["accounts"], result["read"]) == (10, 10)


def test_what_arrives_is_shown(playing: Playing, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rules]]\nname = "spent"\nmatch = { account = "llm-batch" }\nbelow = "200"')
    assert playing.run("policy", "put", f"{policy}", "--yes").returncode == 0
    assert playing.run("check").returncode == 0
    # The stack looks twice a second, so either of them may be shown first.
    seen, arrived = len(playing.lines), {"sns": "", "#default": ""}
    while not all(arrived.values()):
        line = playing.until("llm-batch")
        arrived = {where: line if where in line else it for where, it in arrived.items()}
    assert len(playing.lines) > seen
    assert "llm-batch is at 123.45 USD, below 200.00 USD" in arrived["#default"]
    assert "fired · llm-batch · spent · warning" in arrived["sns"]


def test_no_key_is_shown(playing: Playing) -> None:
    assert canary_form("".join(playing.lines)) is None
    assert canary_form((playing.folder / "play.env").read_text()) is None


def test_a_second_one_says_that_one_runs_already(playing: Playing) -> None:
    second = start(playing.folder)
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"runs already, as process {playing.process.pid}" in " ".join(output.split())
    assert (playing.folder / "play.env").exists()


def test_after_one_that_was_killed_another_one_starts_and_ends_tidily(tmp_path: Path) -> None:
    with playing_in(tmp_path) as killed:
        killed.process.kill()
        killed.process.wait(timeout=60)
    assert (tmp_path / "play.env").exists()
    with playing_in(tmp_path) as playing:
        assert playing.run("status").returncode == 0
        playing.process.send_signal(signal.SIGTERM)
        assert playing.process.wait(timeout=60) == 0
    assert not (tmp_path / "play.env").exists()
