"""The channels of the state machine: each replies as the world says; what it accepts is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from balance_watch.domain.channels import TOPIC
from balance_watch.domain.notification import Notification, SendResult
from tests.support.crash_points import CALL

if TYPE_CHECKING:
    from tests.support.model_world import World

WEBHOOK, ONCALL = "slack:default", "pagerduty:oncall"
CHANNELS = (TOPIC, WEBHOOK, ONCALL)

Reply = Literal["accepts", "rejects", "is dead", "accepts unsaid"]
"""How a channel replies to notifications. A dead channel rejects them permanently, and of one that
accepts them unsaid nobody knows whether it has."""


@dataclass(frozen=True)
class Received:
    """A notification that a channel accepted, and when."""

    channel: str
    notification: Notification
    at: datetime


@dataclass
class ModelChannel:
    """A channel that replies as the world says. Sending is an effect of the current process."""

    name: str
    world: "World"

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        del deadline
        world, every = self.world, tuple(notifications)
        reply = world.replies[self.name]
        nth = world.process.begin(CALL)
        if reply in ("accepts", "accepts unsaid"):
            world.received += [Received(self.name, sent, world.now) for sent in every]
        world.process.end(CALL, nth)
        if reply == "accepts":
            yield SendResult(accepted=every)
            return
        world.missed[self.name].append(world.now)
        is_unsure = reply == "accepts unsaid"
        if is_unsure:
            world.unsaid.add(self.name)
        yield SendResult((), every, reply, permanent=reply == "is dead", unsure=is_unsure)
