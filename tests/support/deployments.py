"""A copy of this project that is built and deployed to the emulator of ministack.py."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from local.stack import Template, read
from tests.support.lambda_runtime import ROOT, TOOLS
from tests.support.ministack import Account

COPIED = ("functions", "samconfig.toml", "template.yaml", "Makefile", "tools.mk", "e2e.mk")
LINKED = (".tools", ".venv", "pyproject.toml", "requirements")
STACK = "balance-watch"
"""The stack's name in samconfig.toml."""

SECONDS = 300.0
"""The most that one command takes."""


def emulatable(template: Template) -> None:
    """Changes a template to what the emulator can create.

    tests/e2e/test_deploy.py says why.
    """
    alarm = template["Resources"]["NoRun"]["Properties"]
    measured = alarm.pop("Metrics")[1]["MetricStat"]
    alarm |= {**measured["Metric"], "Period": measured["Period"], "Statistic": measured["Stat"]}
    for policy in template["Resources"]["CheckBalancesRole"]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement.get("Sid") == "SendAlerts":
                statement["Action"] = ["sns:Publish", "sns:PublishBatch"]


class Project:
    """A copy of this project in a folder, with a template that the emulator can create."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)
        self.edit(emulatable)

    def edit(self, change: Callable[[Template], None]) -> None:
        """Changes the template."""
        template = read(self.folder / "template.yaml")
        change(template)
        (self.folder / "template.yaml").write_text(json.dumps(template, indent=2))

    def run(self, account: Account, *command: str) -> str:
        """Runs a command in the folder and returns its output.

        Its `sam` is that of this project, and a build is for this host's Python, which runs the
        function in the emulator.

        Raises:
            AssertionError: the command failed.
        """
        process = subprocess.run(  # noqa: S603 (the tests fix the commands)
            command,
            cwd=self.folder,
            env=self.environment(account),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert process.returncode == 0, process.stdout
        return process.stdout

    def deploy(self, account: Account, **parameters: str) -> None:
        """Deploys what is built, as the stack of samconfig.toml, with these parameters."""
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        self.run(
            account, "sam", "deploy", *(["--parameter-overrides", *overrides] if overrides else [])
        )

    def environment(self, account: Account) -> dict[str, str]:
        """Returns the environment in which the commands run."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MAKE"))}
        major, minor = sys.version_info[:2]
        tools = (ROOT / ".venv" / "bin", TOOLS / "sam" / "bin")
        return {
            **inherited,
            **account.environment,
            "PATH": os.pathsep.join([*map(str, tools), os.environ.get("PATH", os.defpath)]),
            "PYTHON_VERSION": f"{major}.{minor}",
            "SAM_CLI_TELEMETRY": "0",
        }
