"""`sam local invoke` runs the function, if a Docker engine and AWS's base image are here."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from local import invoke
from local.scenario import states_at, ticks
from local.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

FUNCTION = "CheckBalances"
EVENT = "events/scheduled_check.json"
IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"

HOUR = 10
"""The hour of the scenario: every account can be read."""


def missing() -> str | None:
    """Returns why sam local invoke cannot run here, or None if it can."""
    if reason := invoke.what_is_missing():
        return reason
    docker = shutil.which("docker")
    assert docker is not None
    inspect = [docker, "image", "inspect", IMAGE]
    if subprocess.run(inspect, capture_output=True, check=False).returncode:  # noqa: S603 (fixed)
        return f"the image {IMAGE} is missing"
    return None


@pytest.fixture
def reachable_world() -> Iterator[World]:
    if reason := missing():
        pytest.skip(reason)
    with World(host=invoke.EVERY_ADDRESS, advertised=invoke.CONTAINERS_HOST) as world:
        tick = ticks()[HOUR]
        world.show(states_at(tick), tick)
        yield world


def test_sam_local_invoke_reads_every_account(reachable_world: World, tmp_path: Path) -> None:
    environment = reachable_world.environment_of(FUNCTION)
    variables = invoke.write_variables(tmp_path / "env.json", FUNCTION, environment)

    code, output = invoke.invoke(FUNCTION, EVENT, variables, timeout=300)

    assert code == 0
    assert not invoke.is_error(output)
    result = json.loads(output)
    assert result["accounts"] > 0
    assert result["read"] == result["accounts"]
    scheduled = json.loads((invoke.ROOT / EVENT).read_text())
    assert result["scheduled_time"] == scheduled["scheduled_time"]
