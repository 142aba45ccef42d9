"""`make invoke`: the built function in a Lambda container, against the embedded stack on this host.

Run as `python -m local.invoke` after `sam build`. The servers listen on every address of this host,
since a container does not reach its loopback; they hold made-up keys only.
"""
# ruff: noqa: T201 (a command prints)

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from local.aws import CREDENTIALS
from local.scenario import states_at, ticks
from local.stack import FUNCTION
from local.world import World

ROOT = Path(__file__).resolve().parent.parent
SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
ENVIRONMENT = ROOT / ".local" / "env.json"
EVENT = "events/scheduled_check.json"

HOST = "host.docker.internal"
GATEWAY = "172.17.0.1"
"""This host as a container on Docker's default bridge sees it."""

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 (see above)
HOUR = 36
"""Of the scenario: all accounts can be read, some of them are low."""


def main() -> int:
    """Invokes the function once, shows what came of it, and returns the exit code."""
    if missing := _what_is_missing():
        print(missing, file=sys.stderr)
        return 1
    with World(host=EVERY_ADDRESS, advertised=HOST) as world:
        tick = ticks()[HOUR]
        world.show(states_at(tick), tick)
        write_environment(world.environment)
        code, result = _invoke()
        _report(world, result)
    return code or (1 if is_error(result) else 0)


def _what_is_missing() -> str | None:
    if not SAM.exists():
        return f"{SAM.relative_to(ROOT)} is not there: `make invoke` makes it."
    if not BUILT.exists():
        return "The function is not built: run `sam build`, or `make invoke`, which does so."
    if not _engine_answers():
        return (
            "sam local invoke runs the function in a container, and no Docker engine answers "
            "`docker info`. Start one and try again; `make run` does the same job without."
        )
    return None


def _engine_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    asked = subprocess.run([docker, "info"], capture_output=True, check=False)  # noqa: S603 (fixed)
    return asked.returncode == 0


def write_environment(variables: dict[str, str]) -> None:
    """Writes the file for SAM's --env-vars."""
    # SAM passes declared variables only, and credentials from its own environment.
    declared = {name: value for name, value in variables.items() if name not in CREDENTIALS}
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    ENVIRONMENT.write_text(json.dumps({FUNCTION: declared}, indent=2), encoding="utf-8")


def _invoke() -> tuple[int, str]:
    """Returns SAM's exit code, and the function's result as SAM prints it."""
    command = [f"{SAM}", "local", "invoke", FUNCTION, "-e", EVENT, "--skip-pull-image"]
    command += ["--add-host", f"{HOST}:{GATEWAY}", "--env-vars", f"{ENVIRONMENT}"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(  # noqa: S603 (fixed)
        command,
        cwd=ROOT,
        env={**inherited, **CREDENTIALS, "SAM_CLI_TELEMETRY": "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()


def is_error(result: str) -> bool:
    """Tells whether the function raised: SAM prints the error for a result, and exits with 0."""
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
    for refusal in world.slack.refused:
        print(f"\nSlack refused: {refusal}")
    published = world.aws.published()
    print(f"\nSNS topic: {len(published)} published")
    for one in published:
        print(one.body)


if __name__ == "__main__":
    sys.exit(main())
