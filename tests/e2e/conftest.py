"""What the tests of deployments share: the emulator and a built copy of this project."""

from collections.abc import Iterator

import pytest

from tests.support.deployments import Project
from tests.support.ministack import Account, Ministack, NotInstalledError
from tests.support.watched import Watched


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
