"""`sam deploy --guided` at a terminal, in the emulator that tests/e2e/test_deploy.py describes."""

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from local.stack import read
from tests.support.deployments import STACK, Deployment, Project
from tests.support.ministack import Account

pytestmark = pytest.mark.e2e

SECONDS = 120.0

PROMPT = re.compile(r"(?:^|\n)\s*([^\n]*?) \[[^\]\n]*\]: $")
"""A question at the end of what is on the screen, with its default in brackets."""

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def press_enter_at_every_prompt(project: Project, account: Account) -> tuple[int, list[str], str]:
    """Runs `sam deploy --guided`; returns its exit code, what it asked, and what it showed."""
    terminal, side_of_the_command = pty.openpty()
    process = subprocess.Popen(
        ["sam", "deploy", "--guided"],  # noqa: S607 (of this project: see Project.environment)
        cwd=project.folder,
        env=project.environment(account),
        stdin=side_of_the_command,
        stdout=side_of_the_command,
        stderr=side_of_the_command,
        start_new_session=True,
    )
    os.close(side_of_the_command)
    shown, asked, since_enter = "", list[str](), ""
    deadline = time.monotonic() + SECONDS
    try:
        while time.monotonic() < deadline and len(asked) < 100:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                piece = os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # Linux says so when the command has closed its side
                break
            shown += piece
            since_enter += piece
            if prompt := PROMPT.search(STYLE.sub("", since_enter).replace("\r", "")):
                asked.append(prompt[1])
                since_enter = ""
                os.write(terminal, b"\n")
        else:
            process.kill()
        return process.wait(), asked, shown
    finally:
        process.kill()
        os.close(terminal)


def test_enter_at_every_prompt_of_a_guided_deployment_creates_the_stack(
    tmp_path: Path, account: Account
) -> None:
    project = Project(tmp_path)
    project.build()

    code, asked, shown = press_enter_at_every_prompt(project, account)

    assert code == 0, shown
    assert [question for question in asked if asked.count(question) > 1] == [], shown
    parameters = read(project.folder / "template.yaml")["Parameters"]
    assert {f"Parameter {name}" for name in parameters} <= set(asked)
    stack = Deployment(project, account, STACK)
    assert stack.check(0)["accounts"] == 0

    # SAM has saved the answers, so that the next deployment asks nothing.
    project.run(account, "sam", "deploy", "--no-fail-on-empty-changeset")
