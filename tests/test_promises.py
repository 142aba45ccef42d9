"""The promises hold in any order of events: tests/support/state_machine.py."""

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from balance_watch.domain.notification import Reason
from tests.support.crash_points import CALL, CrashPoint
from tests.support.model_channels import ONCALL
from tests.support.model_world import PAYER_TOO, POLICIES, World
from tests.support.promises import check_promises, check_recovery
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
