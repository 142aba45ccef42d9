"""A release, made once for all tests of it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.lambda_runtime import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def make_release(folder: Path) -> Path:
    """Makes a release in a folder, as `make release` makes it in dist/."""
    command = ["make", "release", f"DIST={folder}"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S603 (our own)
    return folder


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("release"))
