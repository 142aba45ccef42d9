"""A run tells every kind of channel that posts to a service, and a refusal loses nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from local.loopback import Reply
from local.scripted_inbox import ScriptedInbox
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT
from tests.support.inboxes import INBOXES


@dataclass
class World:
    """A check with one low account, whose alerts go to the default channel of one kind."""

    bench: Bench
    kind: str
    inbox: ScriptedInbox

    @property
    def published(self) -> list[str]:
        """The accounts that the topic was told about since the last look."""
        return [it.attributes["account"] for it in self.bench.aws.published()]


@pytest.fixture(params=INBOXES)
def world(bench: Bench, request: pytest.FixtureRequest) -> Iterator[World]:
    kind: str = request.param
    with INBOXES[kind]() as inbox:
        bench.deliver_to(inbox.authority)
        bench.deliver = bench.wiring.deliver
        bench.aws.put_policy(f'[[routes]]\nchannels = ["{kind}:default"]\n')
        bench.put_secret(kind, inbox.secret)
        bench.watch("a")
        bench.reads.balances["a"] = LOW
        bench.aws.published()
        yield World(bench, kind, inbox)


def test_an_alert_that_is_routed_to_it_reaches_it_alone(world: World) -> None:
    summary = world.bench.run()
    assert (summary.delivered, summary.undelivered) == (1, 0)
    assert len(world.inbox.messages) == 1
    assert world.published == []


def test_an_alert_that_it_refuses_for_now_is_sent_in_the_next_run(world: World) -> None:
    world.inbox.script(Reply(503))
    assert world.bench.run().undelivered == 1
    assert world.bench.run(NEXT).delivered == 1
    assert len(world.inbox.messages) == 1


def test_the_topic_gets_what_it_refuses_for_good_and_it_is_tried_again_later(world: World) -> None:
    world.inbox.script(Reply(403))
    world.bench.run()
    assert "a" in world.published
    assert world.inbox.messages == []
    world.bench.run(NEXT)
    world.bench.run(NEXT + timedelta(minutes=10))
    assert len(world.inbox.messages) == 1
