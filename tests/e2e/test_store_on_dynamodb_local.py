"""The store on AWS's own DynamoDB: units by size, limits, repeated transactions.

moto has none of these. The tests in tests/store run on it too, marked `e2e`.
"""

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from balance_watch.domain.run import RunRecord
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store
from tests.support.dynamodb_clients import Wrapped, sent_twice
from tests.support.dynamodb_local import DynamoDbLocal, NotInstalledError
from tests.support.examples import TICK, entry, quiet_state, reading, state, transition
from tests.support.metering import Meter
from tests.support.tables import client_of, new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    try:
        local = DynamoDbLocal().start()
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    yield local.url
    local.stop()


@pytest.fixture
def client(endpoint: str) -> "DynamoDBClient":
    return client_of(endpoint)


@pytest.fixture
def table(client: "DynamoDBClient") -> str:
    return new_table(client)


@pytest.fixture
def meter(client: "DynamoDBClient") -> Meter:
    meter = Meter()
    meter.attach(client)
    return meter


@pytest.fixture
def store(client: "DynamoDBClient", table: str) -> Store:
    return Store(client, table)


def quiet(number: int) -> list[AccountState]:
    return [quiet_state(f"llm-production-eu-{index:03}") for index in range(number)]


def test_a_quiet_account_is_written_with_one_unit(store: Store, meter: Meter) -> None:
    store.accounts.save(quiet(50))
    assert meter.write_units == 50


def test_a_state_is_read_with_one_unit(store: Store, meter: Meter) -> None:
    store.accounts.save(quiet(50))
    store.accounts.states([state.account for state in quiet(50)])
    assert meter.read_units == 50


def test_an_item_over_one_kilobyte_takes_a_second_unit(store: Store, meter: Meter) -> None:
    long = quiet_state()
    assert long.reading is not None
    store.accounts.save([replace(long, reading=replace(long.reading, status="s" * 1024))])
    assert meter.write_units == 2


def test_a_claim_and_a_close_take_a_unit_each(store: Store, meter: Meter) -> None:
    run = store.runs.claim(TICK, 100)
    assert run is not None
    store.runs.close(run, RunRecord(policy_digest="d" * 64), done=True)
    assert meter.write_units == 2


def test_an_empty_outbox_is_read_with_one_unit_at_most(store: Store, meter: Meter) -> None:
    store.outbox.pending()
    assert meter.read_units <= 1


def test_a_transaction_that_is_sent_again_takes_effect_once(
    client: "DynamoDBClient", table: str, store: Store
) -> None:
    run = store.runs.claim(TICK, 100)
    assert run is not None
    repeating: Any = Wrapped(client, transact_write_items=sent_twice(client.transact_write_items))
    assert Store(repeating, table).save_transitions(run, [transition("a")]) == set()
    assert store.outbox.pending().entries == [entry("a")]


def test_a_batch_larger_than_the_store_sends_is_rejected(
    client: "DynamoDBClient", table: str
) -> None:
    key = {"pk": {"S": uuid.uuid4().hex}}
    puts: Any = [{"PutRequest": {"Item": {**key, "sk": {"S": f"{i}"}}}} for i in range(26)]
    with pytest.raises(ClientError, match="Too many items"):
        client.batch_write_item(RequestItems={table: puts})


def test_one_enormous_balance_leaves_the_table_readable(store: Store) -> None:
    balance = replace(reading(), balance=Decimal("1E+125"))
    store.accounts.save([replace(state("a"), reading=balance), state("b")])
    assert set(store.accounts.states(["a", "b"])) == {"a", "b"}
