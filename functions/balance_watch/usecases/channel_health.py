"""The health of channels: which refuse everything, and how long each of them is left alone.

A channel that refuses several times over some time is dead, and a fault names it; so is one that
has rejected everything for an hour. A channel is known by its address: with a new address, it is a
new channel.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from msgspec import Struct, field
from msgspec.structs import replace

from balance_watch.config.loading import Configuration
from balance_watch.domain.channels import TOPIC, kind_of
from balance_watch.domain.run import FailingChannel, RunRecord
from balance_watch.notifiers.channels import KINDS, Kind

if TYPE_CHECKING:
    from balance_watch.usecases.delivery import DeliveryReport

_REJECTED_FOR = timedelta(hours=1)
"""A channel that rejected everything for this long is a fault."""

_REMEMBERED, _WHY_LENGTH = 100, 200
"""How many failing channels a run remembers, and how much of each reason."""


class ChannelHealth(Struct, frozen=True):
    """The channels that have rejected everything they were sent, by name."""

    channels: Mapping[str, FailingChannel] = field(default_factory=dict)

    @classmethod
    def remembered(cls, record: RunRecord, configuration: Configuration) -> Self:
        """Returns what the run before recorded of the channels that still have that address."""
        remembered = dict(record.failing_channels)
        return cls(
            {
                name: channel
                for name, channel in remembered.items()
                if _is_same(name, channel.digest, configuration)
            }
        )

    def into(self, record: RunRecord) -> RunRecord:
        """Returns the record with what is known of the channels now."""
        gravest = sorted(self.channels.items(), key=lambda it: (not it[1].is_dead, it[0]))
        return replace(record, failing_channels=tuple(sorted(gravest[:_REMEMBERED])))

    def refusing(self, now: datetime) -> frozenset[str]:
        """Returns the channels that refuse everything, and that nothing is sent to in this run."""
        return frozenset(
            name for name, it in self.channels.items() if it.refusals and it.is_paused(now)
        )

    def unsure(self, now: datetime) -> frozenset[str]:
        """Returns the channels that are sent nothing again for now: they may have accepted it."""
        return frozenset(
            name for name, it in self.channels.items() if not it.refusals and it.is_paused(now)
        )

    @property
    def dead(self) -> Mapping[str, FailingChannel]:
        """The channels that fail permanently, by name."""
        return {name: it for name, it in self.channels.items() if it.is_dead}

    @property
    def failing(self) -> frozenset[str]:
        """The dead channels, and those that have rejected everything for an hour."""
        return frozenset(name for name, it in self.channels.items() if it.is_dead or _is_fault(it))

    def after(self, report: "DeliveryReport", configuration: Configuration, now: datetime) -> Self:
        """Returns the health once a delivery has shown which channels fail and which recovered."""
        failed = {
            name: self._failed(name, why, report, configuration, now)
            for name, why in {**report.rejecting, **report.permanent}.items()
            if name in configuration.channels
        }
        channels = {**self.channels, **failed}
        return type(self)(
            {name: it for name, it in channels.items() if name not in report.recovered}
        )

    def faults(self, kinds: Mapping[str, Kind] = KINDS) -> Iterator[str]:
        """Yields a fault for each dead channel, and for each that rejects all for an hour."""
        for name, channel in sorted(self.channels.items()):
            kind = kinds[kind_of(name)]
            if channel.is_dead:
                yield _dead_fault(name, kind, channel)
            elif _is_fault(channel):
                # A time in it would make each recurrence a new fault, to be announced at once.
                yield (
                    f"{_place(name, kind)}: {channel.why}"
                    " It has accepted nothing for more than an hour."
                )

    def _failed(
        self,
        name: str,
        why: str,
        report: "DeliveryReport",
        configuration: Configuration,
        now: datetime,
    ) -> FailingChannel:
        """Returns a channel after one more failure; once it is a fault, its reason stays."""
        digest = configuration.channels[name].digest
        before = self.channels.get(name) or FailingChannel(digest, now, now, "")
        is_told = before.is_dead or _is_fault(before)
        refused = name in report.permanent
        return before.failed(
            now,
            before.why if is_told and not refused else why[:_WHY_LENGTH],
            refused=refused,
            unsure=name in report.unsure,
        )


def _is_same(name: str, digest: str, configuration: Configuration) -> bool:
    configured = configuration.channels.get(name)
    if configured is not None:
        return configured.digest == digest
    return kind_of(name) in configuration.unread_kinds


def _is_fault(channel: FailingChannel) -> bool:
    return channel.until - channel.since >= _REJECTED_FOR


def _dead_fault(name: str, kind: Kind, dead: FailingChannel) -> str:
    has_secret = kind.parse_secret is not None
    target = f"put a new address into the {kind.name} secret" if has_secret else "replace it"
    return (
        f"{_place(name, kind)}: {dead.why} It fails permanently: {target}."
        " Until then, other channels get what is routed to it."
    )


def _place(name: str, kind: Kind) -> str:
    """Returns the place of a channel's fault: `topic`, or what its kind calls the channel."""
    return "topic" if name == TOPIC else kind.describe(name)
