"""The promises hold in any order of events: tests/support/state_machine.py."""

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from balance_watch.domain.notification import Reason
from tests.support.crash_points import CALL, CrashPoint
from tests.support.dynamodb_local import DynamoDbLocal, NotInstalledError
from tests.support.model_channels import ONCALL
from tests.support.model_workers import WorkersWorld
from tests.support.model_world import PAYER, PAYER_TOO, POLICIES, World
from tests.support.promises import alerts_received, check_promises, check_recovery
from tests.support.state_machine import run
from tests.support.tables import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = timedelta(hours=1)


def test_the_promises_hold_in_ten_examples() -> None:
    run(examples=10, steps=25)


@pytest.mark.e2e  # takes minutes
def test_the_promises_hold_in_many_examples() -> None:
    run(examples=25, steps=40)


def test_the_promises_hold_with_workers_at_once_in_three_examples() -> None:
    run(examples=3, steps=15, make_world=WorkersWorld)


@pytest.mark.e2e  # takes minutes
def test_the_promises_hold_with_workers_at_once_on_dynamodb_local() -> None:
    try:
        local = DynamoDbLocal().start()
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    try:
        run(examples=10, steps=30, make_world=WorkersWorld, address=local.url)
    finally:
        local.stop()


def test_workers_of_the_model_are_at_work_at_once_and_finish_the_tick() -> None:
    with mock_aws():
        world = WorkersWorld(client_of("https://dynamodb.us-east-1.amazonaws.com"))
        tick(world, a="3", b="3", payer="3")
    assert (world.at_once, world.texts) == (2, [])
    assert world.finished[world.now].fired
    alerts = alerts_received(world, "sns")
    assert {name for name, _ in alerts} == {"a", "b", PAYER}


@pytest.fixture
def world() -> "Iterator[World]":
    with mock_aws():
        yield World(client_of("https://dynamodb.us-east-1.amazonaws.com"))


def tick(world: World, after: timedelta = HOUR, **balances: str) -> None:
    world.now += after
    world.shown |= {name: Decimal(balance) for name, balance in balances.items()}
    world.run(world.now)


def test_a_low_account_that_is_removed_and_added_again_is_announced_again(world: World) -> None:
    """Its alert ends unannounced when it is removed, so no `resolved` is between the two."""
    tick(world, b="3")
    world.watched -= {"b"}
    world.added_or_removed.append(("b", world.now))
    tick(world)
    world.watched |= {"b"}
    tick(world, after=7 * HOUR)
    reasons = [
        received.notification.reason
        for received in world.received
        if (received.channel, received.notification.account) == ("sns", "b")
    ]
    assert reasons == [Reason.FIRED, Reason.FIRED]
    check_promises(world)
    check_recovery(world)


def test_a_crash_while_a_webhook_is_dead_doubles_nothing_in_other_channels(world: World) -> None:
    world.policy = POLICIES["routed"]
    world.replies[ONCALL] = "is dead"
    world.shown |= {"a": Decimal(3)}
    world.now += HOUR
    world.run(world.now, CrashPoint("before", CALL, 9))
    tick(world)
    check_promises(world)
    check_recovery(world)


def test_of_two_names_of_a_purse_one_is_paid_for_whenever_it_is_low(
    world: World,
) -> None:
    world.policy = POLICIES["pays"]
    world.watched |= {PAYER_TOO}
    for balance in ("12", "60") * 4:
        tick(world, after=7 * HOUR, payer=balance)
    assert len(world.payments) == 4
    check_promises(world)
    check_recovery(world)
