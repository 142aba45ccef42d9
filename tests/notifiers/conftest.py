"""Every kind of channel that posts to a service of its own, and that service on loopback."""

from collections.abc import Iterator

import pytest

from local.scripted_inbox import ScriptedInbox
from tests.support.inboxes import INBOXES


@pytest.fixture(params=INBOXES)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def inbox(kind: str) -> Iterator[ScriptedInbox]:
    with INBOXES[kind]() as server:
        yield server
