"""The health of channels: which have failed permanently, and which reject everything.

A dead channel is tried again once a day. One that has rejected everything for an hour is a fault.
A channel is known by its address: with a new address, it is a new channel.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self, TypeVar

from balance_watch.config.loading import Configuration
from balance_watch.domain.channels import TOPIC, kind_of
from balance_watch.domain.run import DeadChannel, RejectingChannel, RunRecord
from balance_watch.notifiers.channels import KINDS, Kind
from balance_watch.usecases.delivery import DeliveryReport

_TRY_AGAIN = timedelta(days=1)
"""A dead channel is tried at most this often."""

_REJECTED_FOR = timedelta(hours=1)
"""A channel that rejected everything for this long is a fault."""

_REMEMBERED, _WHY_LENGTH = 20, 200
"""How many rejecting channels a run remembers, and how much of each reason."""

_Remembered = TypeVar("_Remembered", DeadChannel, RejectingChannel)


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """The dead channels, and those that have rejected everything they were sent, by name."""

    dead: Mapping[str, DeadChannel] = field(default_factory=dict)
    rejecting: Mapping[str, RejectingChannel] = field(default_factory=dict)

    @classmethod
    def remembered(cls, record: RunRecord, configuration: Configuration) -> Self:
        """Returns what the run before recorded of the channels that still exist."""
        return cls(
            _still_there(dict(record.dead_channels), configuration),
            _still_there(dict(record.rejecting), configuration),
        )

    def into(self, record: RunRecord) -> RunRecord:
        """Returns the record with what is known of the channels now."""
        rejecting = tuple(sorted(self.rejecting.items()))[:_REMEMBERED]
        dead = tuple(sorted(self.dead.items()))
        return replace(record, dead_channels=dead, rejecting=rejecting)

    def suspended(self, now: datetime) -> dict[str, DeadChannel]:
        """Returns the dead channels that nothing is sent to in this run."""
        return {name: it for name, it in self.dead.items() if now - it.at < _TRY_AGAIN}

    @property
    def failing(self) -> frozenset[str]:
        """The dead channels, and those that have rejected everything for an hour."""
        return frozenset(self.dead) | {name for name, it in self.rejecting.items() if _is_fault(it)}

    def after(self, report: DeliveryReport, configuration: Configuration, now: datetime) -> Self:
        """Returns the health once a delivery has shown which channels fail and which recovered."""
        failed = {
            name: DeadChannel(configuration.channels[name].digest, now, why)
            for name, why in report.permanent.items()
        }
        dead = {
            name: it for name, it in {**self.dead, **failed}.items() if name not in report.recovered
        }
        rejected = {
            name: self._rejected(name, why, configuration, now)
            for name, why in report.rejecting.items()
            if name in configuration.channels
        }
        rejecting = {
            name: it
            for name, it in {**self.rejecting, **rejected}.items()
            if name not in report.recovered and name not in dead
        }
        return type(self)(dead, rejecting)

    def faults(self, kinds: Mapping[str, Kind] = KINDS) -> Iterator[str]:
        """Yields a fault for each dead channel, and for each that rejects all for an hour."""
        for name, dead in sorted(self.dead.items()):
            yield _dead_fault(name, kinds[kind_of(name)], dead)
        for name, rejecting in sorted(self.rejecting.items()):
            if _is_fault(rejecting):
                place = _place(name, kinds[kind_of(name)])
                # A time in it would make each recurrence a new fault, to be announced at once.
                yield f"{place}: {rejecting.why} It has accepted nothing for more than an hour."

    def _rejected(
        self, name: str, why: str, configuration: Configuration, now: datetime
    ) -> RejectingChannel:
        """Returns a channel after one more rejection; once it is a fault, its reason stays."""
        before = self.rejecting.get(name)
        if before is None:
            digest = configuration.channels[name].digest
            return RejectingChannel(digest, now, now, why[:_WHY_LENGTH])
        why = before.why if _is_fault(before) else why[:_WHY_LENGTH]
        return before._replace(until=now, why=why)


def _still_there(
    remembered: Mapping[str, _Remembered], configuration: Configuration
) -> dict[str, _Remembered]:
    """Returns the channels that still have the address that failed, as far as is known."""
    return {
        name: channel
        for name, channel in remembered.items()
        if _is_same(name, channel.digest, configuration)
    }


def _is_same(name: str, digest: str, configuration: Configuration) -> bool:
    configured = configuration.channels.get(name)
    if configured is not None:
        return configured.digest == digest
    return kind_of(name) in configuration.unread_kinds


def _is_fault(rejecting: RejectingChannel) -> bool:
    return rejecting.until - rejecting.since >= _REJECTED_FOR


def _dead_fault(name: str, kind: Kind, dead: DeadChannel) -> str:
    has_secret = kind.parse_secret is not None
    target = f"put a new address into the {kind.name} secret" if has_secret else "replace it"
    return (
        f"{_place(name, kind)}: {dead.why} It fails permanently: {target}."
        " Until then, other channels get what is routed to it."
    )


def _place(name: str, kind: Kind) -> str:
    """Returns the place of a channel's fault: `topic`, or what its kind calls the channel."""
    return "topic" if name == TOPIC else kind.describe(name)
