"""The kinds of channels that post to a service, each with the loopback inbox of that service."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.notifiers.channels import KINDS, ConfiguredChannel, Connections
from balance_watch.notifiers.posting import PostingChannel
from balance_watch.transport import Transport
from balance_watch.validation import Faults
from local.discord_inbox import DiscordInbox
from local.pagerduty_inbox import PagerDutyInbox
from local.scripted_inbox import ScriptedInbox
from local.teams_inbox import TeamsInbox
from local.webhook_receiver import WebhookReceiver

INBOXES: Mapping[str, Callable[[], ScriptedInbox]] = {
    "pagerduty": PagerDutyInbox,
    "teams": TeamsInbox,
    "discord": DiscordInbox,
    "webhook": WebhookReceiver,
}
"""The inbox of each kind that has a secret, except Slack's, which has tests of its own."""


@dataclass
class Time:
    """A clock that `sleep` moves forward."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def configured(kind: str, secret: dict[str, Any]) -> ConfiguredChannel:
    """Returns the default channel that a kind's secret configures."""
    parse, faults = KINDS[kind].parse_secret, Faults()
    assert parse is not None
    address = parse(secret, f"secret {kind}", faults)["default"]
    assert not faults
    return ConfiguredChannel(f"{kind}:default", KINDS[kind], address)


def channel_to(kind: str, inbox: ScriptedInbox, time: Time) -> PostingChannel:
    """Returns the default channel of an inbox, which waits on this clock."""
    transport = Transport([inbox.authority])
    connections = Connections(transport, lambda _: None)
    channel = configured(kind, inbox.secret).connect(connections)
    assert isinstance(channel, PostingChannel)
    return replace(channel, clock=time.clock, sleep=time.sleep)


def send(
    kind: str,
    inbox: ScriptedInbox,
    notifications: Sequence[Notification],
    time: Time | None = None,
    left: float = 30.0,
) -> list[SendResult]:
    """Sends notifications to an inbox and returns the results."""
    time = time or Time()
    return list(channel_to(kind, inbox, time).send(notifications, deadline=time.now + left))
