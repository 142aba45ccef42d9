"""The first four providers on loopback, and a client that may reach them."""

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import NamedTuple

import pytest

from balance_watch.providers.client import ProviderClient
from balance_watch.transport import Transport
from local.provider_server import ProviderAccount, ProviderServer
from local.providers import AimlapiServer, LegnextServer, VonageServer, YouServer
from local.trouble import FINE
from tests.support.provider_reads import KEY, SECRET


class World(NamedTuple):
    """Each server holds one account: keys of provider_reads.py, numbers of the documentation."""

    legnext: LegnextServer
    you: YouServer
    aimlapi: AimlapiServer
    vonage: VonageServer
    client: ProviderClient


@pytest.fixture(scope="session")
def _servers() -> Iterator[World]:
    with ExitStack() as stack:
        legnext = stack.enter_context(LegnextServer())
        you = stack.enter_context(YouServer())
        aimlapi = stack.enter_context(AimlapiServer())
        vonage = stack.enter_context(VonageServer())
        servers = (legnext, you, aimlapi, vonage)
        transport = Transport([server.authority for server in servers])
        client = ProviderClient(transport, sleep=lambda _: None)
        yield World(legnext, you, aimlapi, vonage, client)


@pytest.fixture
def world(_servers: World) -> World:
    _servers.legnext.flat = False
    _reset(_servers.legnext, KEY, ProviderAccount(Decimal("72.048"), points=1048))
    _reset(_servers.you, KEY, ProviderAccount(Decimal("7189.245")))
    _reset(_servers.aimlapi, KEY, ProviderAccount(Decimal("100.5"), Decimal(50), auto_reload=True))
    _reset(_servers.vonage, f"{KEY}:{SECRET}", ProviderAccount(Decimal("10.17127500")))
    return _servers


def _reset(server: ProviderServer, key: str, account: ProviderAccount) -> None:
    server.accounts = {key: account}
    server.trouble = FINE
    server.requests.clear()
