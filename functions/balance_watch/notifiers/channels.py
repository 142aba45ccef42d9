"""The kinds of channels: each is one class and one row of KINDS.

A route names a channel `kind:NAME`, or only `kind` if a stack has one channel of that kind. A kind
that has a secret is configured by the secret of its name under the prefix.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Protocol

from msgspec import Struct

from balance_watch.domain.channels import DEFAULT, EVENTS, TOPIC, kind_of
from balance_watch.domain.confidential import Confidential
from balance_watch.domain.notification import Notification, SendResult
from balance_watch.notifiers.slack_secret import SLACK, parse_slack
from balance_watch.notifiers.webhooks import is_channel_name, parse_webhooks
from balance_watch.transport import Transport
from balance_watch.validation import Faults, Json


class Channel(Protocol):
    """Something that notifications can be sent to."""

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Sends everything, and yields the result of each message as soon as it is known.

        Nothing is sent after `deadline`, a time of time.monotonic().
        """
        ...


class Connections(Struct, frozen=True):
    """The connections that channels send through: HTTP, and clients of AWS services by name.

    `dashboard` is the address of the dashboard, to which messages for people link; empty: none.
    `buttons` tells whether alerts in Slack have buttons.
    """

    transport: Transport
    aws: Callable[[str], Any]
    dashboard: str = ""
    buttons: bool = False


class Kind(Struct, frozen=True):
    """One kind of channel.

    Attributes:
        connect: opens the channel at an address.
        parse_secret: takes the kind's secret as parsed JSON, its place, and the faults to add to;
            returns the addresses of the channels by name. None if the kind has no secret, but one
            channel, whose address belongs to the stack.
        noun: what people call one of its channels.
        table: the field of the secret with an entry for each channel.
        entry: what people call such an entry.
        reaches_people: False if nobody may read what its channels get, so that they replace no
            other channel.
        new_fields: returns the other fields that a new secret of this kind needs.
        takes_digests: False if whatever its channels get opens an incident.
    """

    name: str
    connect: Callable[[str, Connections], Channel]
    parse_secret: Callable[[Json, str, Faults], Mapping[str, str]] | None = None
    noun: str = "channel"
    table: str = "webhooks"
    entry: str = "address"
    reaches_people: bool = True
    new_fields: Callable[[], Mapping[str, str]] = dict
    takes_digests: bool = True

    @property
    def default(self) -> str:
        """The channel of this kind that gets the alerts that match no route."""
        return self.name if self.parse_secret is None else f"{self.name}:{DEFAULT}"

    def describe(self, channel: str) -> str:
        """Returns what faults call a channel of this kind, such as `slack webhook oncall`."""
        own_name = channel.partition(":")[2]
        noun = "" if self.noun == self.name else self.noun
        return " ".join(filter(None, (self.name, noun, own_name)))

    def takes(self, channel: str) -> bool:
        """Tells whether a route can use this name for a channel of this kind."""
        if self.parse_secret is None:
            return channel == self.name
        kind, colon, name = channel.partition(":")
        return kind == self.name and colon == ":" and is_channel_name(name)


class ConfiguredChannel(Confidential, frozen=True):
    """A channel that the operator configured. Its address is a secret: the repr omits it."""

    shown = ("name",)

    name: str
    kind: Kind
    address: str

    @property
    def url(self) -> str:
        """Where its requests go, which is a secret; empty if the stack has its address."""
        return "" if self.kind.parse_secret is None else self.address.partition(" ")[0]

    @property
    def digest(self) -> str:
        """Identifies the address without revealing it."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:16]

    def connect(self, connections: Connections) -> Channel:
        """Opens the channel."""
        return self.kind.connect(self.address, connections)


def _late(module: str, name: str) -> Callable[..., Any]:
    """Returns what calls a function of a module here, and imports the module only then.

    A cold start imports no kind of channel that it sends nothing to.
    """

    def call(*args: object, **named: object) -> object:
        return getattr(import_module(f"balance_watch.notifiers.{module}"), name)(*args, **named)

    return call


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            TOPIC,
            lambda topic, it: _late("sns", "SnsChannel")(
                it.aws("sns"), topic, dashboard=it.dashboard
            ),
        ),
        Kind(
            SLACK,
            lambda url, it: _late("slack", "SlackChannel")(
                it.transport, url, dashboard=it.dashboard, buttons=it.buttons
            ),
            parse_slack,
            noun="webhook",
        ),
        Kind(
            "pagerduty",
            lambda address, it: _late("pagerduty", "pagerduty_channel")(it.transport, address),
            _late("pagerduty", "parse_routing_keys"),
            noun="service",
            table="routing_keys",
            entry="routing key",
            takes_digests=False,
        ),
        Kind(
            "teams",
            lambda url, it: _late("teams", "teams_channel")(it.transport, url, it.dashboard),
            partial(parse_webhooks, query=True),
            noun="webhook",
        ),
        Kind(
            "discord",
            lambda url, it: _late("discord", "discord_channel")(it.transport, url, it.dashboard),
            partial(parse_webhooks, query=True),
            noun="webhook",
        ),
        Kind(
            "webhook",
            lambda address, it: _late("signed_webhooks", "webhook_channel")(it.transport, address),
            _late("signed_webhooks", "parse_signed_webhooks"),
            noun="webhook",
            new_fields=lambda: {"signing_secret": _late("signed_webhooks", "new_signing_secret")()},
        ),
        Kind(
            EVENTS,
            lambda bus, it: _late("eventbridge", "EventsChannel")(it.aws("events"), bus),
            reaches_people=False,
        ),
    )
}
"""Every kind by its name, in the order of their default channels."""


def is_channel(channel: str, kinds: Mapping[str, Kind]) -> bool:
    """Tells whether a route can use this name for a channel of one of the kinds."""
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
    """Returns the channels that get the alerts that match no route, if they exist."""
    return tuple(kind.default for kind in kinds.values())


def fallback_channels(kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Returns the channels that can replace a missing or dead one, the preferred one first.

    The topic comes last, because people read a chat sooner than their mail.
    """
    heard = (kind.default for kind in kinds.values() if kind.reaches_people)
    return tuple(sorted(heard, key=lambda channel: channel == TOPIC))


def takes_digests(channel: str, kinds: Mapping[str, Kind] = KINDS) -> bool:
    """Tells whether a channel is of a kind that digests can go to."""
    kind = kinds.get(kind_of(channel))
    return kind is None or kind.takes_digests


def connect_all(
    channels: Iterable[ConfiguredChannel], connections: Connections
) -> dict[str, Channel]:
    """Opens channels; returns them by name."""
    return {channel.name: channel.connect(connections) for channel in channels}
