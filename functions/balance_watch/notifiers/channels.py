"""The kinds of channels: one class and one row of KINDS each.

A route names a channel `kind:NAME`, or `kind` alone where a stack has one channel of that kind. A
kind that has a secret is configured by the secret of its name under the prefix.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from balance_watch.domain.channels import DEFAULT, TOPIC, kind_of
from balance_watch.domain.notification import Notification, SendResult
from balance_watch.notifiers.slack import SlackChannel
from balance_watch.notifiers.sns import SnsChannel
from balance_watch.notifiers.webhooks import is_channel_name, parse_webhooks
from balance_watch.transport import Transport
from balance_watch.validation import Faults, Json


class Channel(Protocol):
    """Something that takes notifications."""

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Sends everything, yielding the result of each message as soon as it is known.

        `deadline` is a time of time.monotonic(); nothing is sent after it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Connections:
    """What channels send through: HTTP, and clients of AWS services by name."""

    transport: Transport
    aws: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of channel.

    `parse_secret` returns the address of each channel by its name, out of the kind's secret as
    parsed JSON, and adds every fault at its place; None: the kind has no secret and one channel,
    whose address the stack gives. `connect` opens the channel at an address.
    """

    name: str
    connect: Callable[[str, Connections], Channel]
    parse_secret: Callable[[Json, str, Faults], Mapping[str, str]] | None = None

    @property
    def default(self) -> str:
        """The channel of this kind that gets what no route sends elsewhere."""
        return self.name if self.parse_secret is None else f"{self.name}:{DEFAULT}"

    def takes(self, channel: str) -> bool:
        """Tells whether a route can name a channel of this kind so."""
        if self.parse_secret is None:
            return channel == self.name
        kind, colon, name = channel.partition(":")
        return kind == self.name and colon == ":" and is_channel_name(name)


@dataclass(frozen=True, slots=True)
class ConfiguredChannel:
    """A channel that the operator configured; its address is a secret and stays out of the repr."""

    name: str
    kind: Kind
    address: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Identifies the address without revealing it."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:16]

    def connect(self, connections: Connections) -> Channel:
        """Opens the channel."""
        return self.kind.connect(self.address, connections)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(TOPIC, lambda topic, connections: SnsChannel(connections.aws("sns"), topic)),
        Kind(
            "slack",
            lambda url, connections: SlackChannel(connections.transport, url),
            parse_webhooks,
        ),
    )
}
"""Every kind by its name, in the order in which they get what no route sends elsewhere."""


def is_channel(channel: str, kinds: Mapping[str, Kind]) -> bool:
    """Tells whether a route can name a channel so."""
    kind = kinds.get(kind_of(channel))
    return kind is not None and kind.takes(channel)


def channel_forms(kinds: Mapping[str, Kind]) -> str:
    """Returns how a route can name channels: `"sns" or "slack:NAME"`."""
    forms = [
        kind.name if kind.parse_secret is None else f"{kind.name}:NAME" for kind in kinds.values()
    ]
    quoted = [f'"{form}"' for form in forms]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def default_channels(kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Returns the channels that get what no route sends elsewhere, if they exist."""
    return tuple(kind.default for kind in kinds.values())


def fallback_channels(kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Returns the channels that take the place of a missing or dead one, the first that exists.

    People read a chat sooner than their mail, so the topic comes last.
    """
    return tuple(sorted(default_channels(kinds), key=lambda channel: channel == TOPIC))


def connect_all(
    channels: Iterable[ConfiguredChannel], connections: Connections
) -> dict[str, Channel]:
    """Opens channels; returns them by name."""
    return {channel.name: channel.connect(connections) for channel in channels}
