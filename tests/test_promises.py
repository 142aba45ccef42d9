"""Whatever happens, in whatever order, the promises are kept: tests/support/state_machine.py."""

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from balance_watch.domain.notification import Reason
from tests.support.state_machine import ONCALL, POLICIES, World, hold, hold_in_the_end, run
from tests.support.tables import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = timedelta(hours=1)


def test_in_some_lives() -> None:
    run(examples=10, steps=25)


@pytest.mark.e2e  # a matter of minutes
def test_in_many_lives() -> None:
    run(examples=60, steps=40)


@pytest.fixture
def world() -> "Iterator[World]":
    with mock_aws():
        yield World(client_of("https://dynamodb.us-east-1.amazonaws.com"))


def tick(world: World, after: timedelta = HOUR, **shown: str) -> None:
    world.now += after
    world.shown |= {name: Decimal(balance) for name, balance in shown.items()}
    world.run(world.now)


def test_an_account_that_went_low_and_comes_back_low_is_announced_again(world: World) -> None:
    """Found: its alert had ended without a word, and there is no `resolved` between the two."""
    tick(world, b="3")
    world.watched -= {"b"}
    world.moved.append(("b", world.now))
    tick(world)
    world.watched |= {"b"}
    tick(world, after=7 * HOUR)
    reasons = [it.it.reason for it in world.heard if (it.channel, it.it.account) == ("sns", "b")]
    assert reasons == [Reason.FIRED, Reason.FIRED]
    hold(world)
    hold_in_the_end(world)


def test_a_webhook_that_is_gone_while_a_run_dies_doubles_nothing_elsewhere(world: World) -> None:
    world.policy = POLICIES["routed"]
    world.answers[ONCALL] = "gone"
    world.shown |= {"a": Decimal(3)}
    world.now += HOUR
    world.run(world.now, ("before", 9))
    tick(world)
    hold(world)
    hold_in_the_end(world)
