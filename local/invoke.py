"""`make invoke`: a built function in a Lambda container, against the embedded stack on this host.

Run as `python -m local.invoke FUNCTION EVENT` after `sam build`. A container does not reach this
host's loopback, so the servers listen on every address; they hold made-up keys only.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.aws import CREDENTIALS
from local.scenario import states_at, ticks
from local.stack import read
from local.world import World

ROOT = Path(__file__).resolve().parent.parent
SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
CONFIGURATION = ROOT / "samconfig.toml"
VARIABLES = ROOT / ".local" / "env.json"

CONTAINERS_HOST = "host.docker.internal"
GATEWAY = "172.17.0.1"
"""The address of this host for a container on Docker's default bridge."""

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 (for the container: see above)
HOUR = 36
"""The hour of the scenario: every account can be read, and some are low."""


def main(function: str, event: str) -> int:
    """Invokes the function once, shows its result and its messages, and returns the exit code.

    Args:
        function: the function's logical id in template.yaml.
        event: the path of the event's file.
    """
    if missing := what_is_missing():
        print(missing, file=sys.stderr)
        return 1
    with World(host=EVERY_ADDRESS, advertised=CONTAINERS_HOST) as world:
        tick = ticks()[HOUR]
        world.show(states_at(tick), tick)
        variables = write_variables(VARIABLES, function, world.environment_of(function))
        code, result = invoke(function, event, variables)
        _report(world, result)
    return code or (1 if is_error(result) else 0)


def what_is_missing() -> str | None:
    """Returns why `sam local invoke` cannot run here, and what to do, or None if it can."""
    if not SAM.exists():
        return f"{SAM} is missing: `make invoke` installs it."
    if not BUILT.exists():
        return "The function is not built: run `make invoke`, or `sam build` first."
    docker = shutil.which("docker")
    if docker is None or _run(docker, "info").returncode:
        return (
            "sam local invoke runs the function in a container, and no Docker engine answers "
            "`docker info`. Start one and try again; `make run` needs none."
        )
    return None


def write_variables(file: Path, function: str, environment: Mapping[str, str]) -> Path:
    """Writes the function's variables into a file for SAM's --env-vars, and returns the file."""
    # SAM passes declared variables only, and takes credentials from its own environment.
    declared = {name: value for name, value in environment.items() if name not in CREDENTIALS}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({function: declared}, indent=2), encoding="utf-8")
    return file


def invoke(
    function: str, event: str, variables: Path, *, timeout: float | None = None
) -> tuple[int, str]:
    """Runs `sam local invoke`. Returns SAM's exit code, and the function's result as SAM prints it.

    Args:
        function: the function's logical id.
        event: the path of the event's file.
        variables: the file that `write_variables` wrote.
        timeout: the seconds after which SAM is stopped, with a TimeoutExpired.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = _run(
        *(f"{SAM}", "local", "invoke", function, "--event", event, "--skip-pull-image"),
        # By itself, SAM looks for its configuration beside the template.
        *(
            "--template",
            f"{declare_endpoint(BUILT, function)}",
            "--config-file",
            f"{CONFIGURATION}",
        ),
        *("--add-host", f"{CONTAINERS_HOST}:{GATEWAY}", "--env-vars", f"{variables}"),
        environment={**inherited, **CREDENTIALS, "SAM_CLI_TELEMETRY": "0"},
        stderr=None,
        timeout=timeout,
    )
    return process.returncode, process.stdout.strip()


def declare_endpoint(template: Path, function: str) -> Path:
    """Writes a template in which the function declares AWS_ENDPOINT_URL, and returns its file.

    SAM's --env-vars sets declared variables only. The template that is deployed does not declare
    this one: an empty value would hide the endpoint that an emulator of AWS gives to a function.
    """
    content = read(template)
    properties = content["Resources"][function]["Properties"]
    properties.setdefault("Environment", {}).setdefault("Variables", {})["AWS_ENDPOINT_URL"] = ""
    # In the same folder, since the path of the code is relative to the template.
    file = template.with_name("invoke.json")
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return file


def _run(
    *command: str,
    environment: Mapping[str, str] | None = None,
    stderr: int | None = subprocess.DEVNULL,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (the callers above fix the command)
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=timeout,
        check=False,
    )


def is_error(result: str) -> bool:
    """Tells whether the function raised: SAM prints the error as the result, and exits with 0."""
    try:
        content = json.loads(result)
    except ValueError:
        return True
    return not isinstance(content, dict) or "errorType" in content


def _report(world: World, result: str) -> None:
    print(f"\nResult: {result or 'none'}")
    for name, messages in world.slack.messages.items():
        print(f"\nSlack webhook {name}: {len(messages)} accepted")
        for message in messages:
            print(json.dumps(message, indent=2, ensure_ascii=False))
    for rejection in world.slack.rejected:
        print(f"\nSlack rejected: {rejection}")
    published = world.aws.published()
    print(f"\nSNS topic: {len(published)} published")
    for sent in published:
        print(sent.body)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
