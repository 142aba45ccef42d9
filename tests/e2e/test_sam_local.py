"""`sam local invoke`, where a Docker engine and AWS's base image are there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from local.aws import CREDENTIALS
from local.scenario import states_at, ticks
from local.world import World
from tests.support.lambda_runtime import ROOT, TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

SAM = TOOLS / "sam" / "bin" / "sam"
EVENT = "events/scheduled_check.json"
IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"

# How a container on Docker's default bridge reaches this host.
HOST, GATEWAY = "host.docker.internal", "172.17.0.1"
HOUR = 10
"""Of the scenario: every account can be read."""


def missing() -> str | None:
    """Returns why sam local invoke can not run here, if so."""
    docker = shutil.which("docker")
    if docker is None:
        return "no docker command"
    if subprocess.run([docker, "info"], capture_output=True, check=False).returncode:  # noqa: S603 (fixed)
        return "no Docker engine answers"
    inspect = [docker, "image", "inspect", IMAGE]
    if subprocess.run(inspect, capture_output=True, check=False).returncode:  # noqa: S603 (fixed)
        return f"the image {IMAGE} is not there"
    if not (ROOT / ".aws-sam" / "build" / "template.yaml").exists():
        return "the function is not built: make build"
    return None


@pytest.fixture
def reachable_world() -> Iterator[World]:
    if reason := missing():
        pytest.skip(reason)
    # On every address, since a container does not reach the loopback of its host.
    with World(host="0.0.0.0", advertised=HOST) as world:  # noqa: S104 (see above)
        tick = ticks()[HOUR]
        world.show(states_at(tick), tick)
        yield world


def test_sam_local_invoke_reads_every_account(reachable_world: World, tmp_path: Path) -> None:
    # SAM passes declared variables only, and takes credentials from its own environment.
    declared = {
        name: value
        for name, value in reachable_world.environment.items()
        if name not in CREDENTIALS
    }
    variables = tmp_path / "env.json"
    variables.write_text(json.dumps({"CheckBalances": declared}))
    command = [str(SAM), "local", "invoke", "CheckBalances", "-e", EVENT, "--skip-pull-image"]
    command += ["--add-host", f"{HOST}:{GATEWAY}", "--env-vars", str(variables)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}

    done = subprocess.run(  # noqa: S603 (fixed)
        command,
        cwd=ROOT,
        env={**inherited, **CREDENTIALS, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert "errorType" not in result, done.stderr
    assert result["accounts"] > 0
    assert result["read"] == result["accounts"]
    assert result["scheduled_time"] == json.loads((ROOT / EVENT).read_text())["scheduled_time"]
