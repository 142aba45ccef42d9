"""What several tests share: a release, the emulator, and a built copy of this project."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.deployments import Project
from tests.support.lambda_runtime import ROOT
from tests.support.ministack import Account, Ministack, NotInstalledError
from tests.support.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_release(folder: Path) -> Path:
    """Makes a release in a folder, as `make release` makes it in dist/."""
    command = ["make", "release", f"DIST={folder}"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S603 (our own)
    return folder


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def ministack() -> Iterator[Ministack]:
    try:
        running = Ministack().start()
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    yield running
    running.stop()


@pytest.fixture
def account(ministack: Ministack) -> Account:
    return ministack.account()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"))
    project.build()
    return project


@pytest.fixture
def watched() -> Iterator[Watched]:
    with Watched(balance="90") as watched:
        yield watched
