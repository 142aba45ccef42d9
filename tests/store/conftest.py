"""Every test of the store runs on moto and, marked `e2e`, on AWS's own DynamoDB Local."""

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from balance_watch.store.dynamodb import Store
from local.loopback import LOOPBACK
from tests.support.clock import Clock
from tests.support.dynamodb_local import DynamoDbLocal, NotInstalledError
from tests.support.tables import client_of, new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="session", params=["moto", pytest.param("aws", marks=pytest.mark.e2e)])
def client(request: pytest.FixtureRequest) -> Iterator["DynamoDBClient"]:
    if request.param == "moto":
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
        server.start()
        yield client_of(f"http://{LOOPBACK}:{server.get_host_and_port()[1]}")
        server.stop()
        return
    try:
        local = DynamoDbLocal().start()
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    yield client_of(local.url)
    local.stop()


@pytest.fixture
def table(client: "DynamoDBClient") -> Iterator[str]:
    name = new_table(client)
    yield name
    client.delete_table(TableName=name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(client: "DynamoDBClient", table: str, clock: Clock) -> Store:
    return Store(client, table, clock=clock.time, sleep=clock.sleep)


@pytest.fixture
def store_over(table: str, clock: Clock) -> Callable[[Any], Store]:
    """Returns a function that makes a store on the same table over another client."""
    return lambda client: Store(client, table, clock=clock.time, sleep=clock.sleep)
