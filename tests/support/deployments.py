"""A copy of this project that is built and deployed to the emulator of ministack.py."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.stack import Template, read
from tests.support.lambda_runtime import ROOT, TOOLS
from tests.support.ministack import Account

COPIED = ("functions", "samconfig.toml", "template.yaml")
"""What a build reads through no link, or a test changes; the copy has links to the rest."""

STACK = "balance-watch"
"""The stack's name in samconfig.toml."""

_FIRST_TICK = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""A tick of the future would be refused."""

WORKERS = 2
"""How many workers there are where a test has any."""

_BATCHED = ("sns:Publish", "sqs:SendMessage")
"""The rights that a batch needs in AWS; the emulator asks for one that IAM does not know."""

SECONDS = 300.0
"""The most that one command takes."""


def emulatable(template: Template) -> None:
    """Changes a template to what the emulator can create.

    tests/e2e/test_deploy.py says why.
    """
    alarm = template["Resources"]["NoRun"]["Properties"]
    measured = alarm.pop("Metrics")[1]["MetricStat"]
    alarm |= {**measured["Metric"], "Period": measured["Period"], "Statistic": measured["Stat"]}
    mapping = template["Resources"]["BatchesToWorkers"]["Properties"]
    mapping["ScalingConfig"]["MaximumConcurrency"] = WORKERS
    for role in ("CheckBalancesRole", "CheckAccountsRole"):
        for statement in _statements(template["Resources"][role]):
            if (action := statement.get("Action")) in _BATCHED:
                statement["Action"] = [action, f"{action}Batch"]


def _statements(role: Template) -> Iterator[Template]:
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            # One that depends on a condition is the second of the three parts of an `If`.
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


class Project:
    """A copy of this project in a folder, with a template that the emulator can create."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path in ROOT.iterdir():
            if path.name in COPIED:
                copy = shutil.copytree if path.is_dir() else shutil.copy2
                copy(path, folder / path.name)
            elif path in (ROOT / ".venv", TOOLS) or not path.name.startswith("."):
                (folder / path.name).symlink_to(path)
        self.edit(emulatable)

    def edit(self, change: Callable[[Template], None]) -> None:
        """Changes the template."""
        template = read(self.folder / "template.yaml")
        change(template)
        (self.folder / "template.yaml").write_text(json.dumps(template, indent=2))

    def build(self) -> None:
        """Builds the package and the template that are deployed."""
        self.run(None, "sam", "build")

    def run(self, account: Account | None, *command: str) -> str:
        """Runs a command in the folder, with access to the account, and returns its output.

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

    def environment(self, account: Account | None) -> dict[str, str]:
        """Returns the environment in which the commands run."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MAKE"))}
        major, minor = sys.version_info[:2]
        tools = (ROOT / ".venv" / "bin", TOOLS / "sam" / "bin")
        return {
            **inherited,
            **(account.environment if account else {}),
            "PATH": os.pathsep.join([*map(str, tools), os.environ.get("PATH", os.defpath)]),
            "PYTHON_VERSION": f"{major}.{minor}",
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.5",  # by itself, SAM looks at a stack every five seconds
        }


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack of a built project in an account, before, while and after it exists.

    Attributes:
        stack: its name; by default the one in samconfig.toml.
    """

    project: Project
    account: Account
    stack: str = STACK

    def deploy(self, *options: str, **parameters: str) -> None:
        """Creates or updates the stack, with these parameters of the template."""
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        given = ["--parameter-overrides", *overrides] if overrides else []
        command = ("sam", "deploy", "--stack-name", self.stack, *options, *given)
        self.project.run(self.account, *command)

    def delete(self) -> None:
        """Deletes the stack."""
        self.project.run(self.account, "sam", "delete", "--stack-name", self.stack, "--no-prompts")

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        stacks = self.account.client("cloudformation").describe_stacks(StackName=self.stack)
        return {it["OutputKey"]: it["OutputValue"] for it in stacks["Stacks"][0]["Outputs"]}

    def check(self, number: int | None = None) -> dict[str, int]:
        """Has the deployed function check all balances, for the tick of that number, or for now.

        Raises:
            AssertionError: the function raised an error.
        """
        event = {}
        if number is not None:
            tick = _FIRST_TICK + number * timedelta(minutes=5)
            event["scheduled_time"] = tick.isoformat()
        reply = self.account.client("lambda").invoke(
            FunctionName=self.outputs["FunctionName"], Payload=json.dumps(event).encode()
        )
        result = reply["Payload"].read().decode()
        assert "FunctionError" not in reply, result
        counts: dict[str, int] = json.loads(result)
        return counts

    def command(self, *arguments: str) -> str:
        """Runs `balance-watch` for the stack, with the variables of the README; returns its output.

        Raises:
            AssertionError: the command failed.
        """
        outputs = self.outputs
        variables = {
            "TABLE_NAME": outputs["TableName"],
            "TOPIC_ARN": outputs["TopicArn"],
            "POLICY_PARAMETER": outputs["PolicyParameter"],
        }
        given = [f"{name}={value}" for name, value in variables.items()]
        # What it tells beside its result, such as a schedule that stands still, goes nowhere.
        quietly = ("sh", "-c", 'exec "$@" 2>/dev/null', "sh")
        words = (*quietly, "env", *given, "balance-watch", *arguments)
        return self.project.run(self.account, *words)

    def put_policy(self, text: str) -> None:
        """Puts a policy in force."""
        (self.project.folder / "policy.toml").write_text(text)
        self.command("policy", "put", "policy.toml", "--yes")

    @property
    def policy(self) -> str:
        """The text of the policy in force."""
        name = self.outputs["PolicyParameter"]
        text: str = self.account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        return text
