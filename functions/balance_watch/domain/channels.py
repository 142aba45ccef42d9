"""The names of channels: `sns`, or `slack:oncall` for a kind that has several channels."""

from collections.abc import Set as AbstractSet

from msgspec import Struct

TOPIC = "sns"
"""The channel that every stack has: alerts go there when no other channel is left."""

EVENTS = "events"
"""The channel of EventBridge's bus, if the stack may send to it."""

DEFAULT = "default"
"""The name of a kind's default channel, which gets the alerts that no route sends elsewhere."""


def kind_of(channel: str) -> str:
    """Returns the kind of a channel: `slack` for `slack:oncall`, `sns` for `sns`."""
    return channel.partition(":")[0]


class AvailableChannels(Struct, frozen=True):
    """The channels that a run can route alerts to.

    `names` are the channels that exist and do not refuse; `unread_kinds` the kinds whose secret
    cannot be read or has a fault; `defaults` the channels that get what no route sends elsewhere.
    """

    names: AbstractSet[str]
    unread_kinds: AbstractSet[str] = frozenset()
    defaults: tuple[str, ...] = (TOPIC,)

    def has(self, channel: str) -> bool:
        """Tells whether an alert can be routed to a channel.

        A channel of an unread kind may exist, so what is routed to it stays pending until its
        secret can be read.
        """
        return channel in self.names or kind_of(channel) in self.unread_kinds

    def among(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Returns those of the wanted channels that an alert can be routed to, in their order."""
        return tuple(channel for channel in wanted if self.has(channel))
