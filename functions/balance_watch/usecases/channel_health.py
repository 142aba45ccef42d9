"""Channels that fail: permanently, which is tried again once a day, or for an hour already.

A channel is known by its address: a new address is a new channel.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self, TypeVar

from balance_watch.config.loading import Configuration
from balance_watch.domain.channels import TOPIC, kind_of
from balance_watch.domain.run import DeadChannel, RejectingChannel, RunRecord
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
    """The channels that fail permanently, and those that rejected all they were sent; by name."""

    dead: Mapping[str, DeadChannel] = field(default_factory=dict)
    rejecting: Mapping[str, RejectingChannel] = field(default_factory=dict)

    @classmethod
    def remembered(cls, record: RunRecord, configuration: Configuration) -> Self:
        """Returns what the run before knew of the channels that there still are."""
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
        """The channels that accept nothing: dead, or rejecting for an hour."""
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

    def faults(self) -> Iterator[str]:
        """Yields the faults of the configuration that channels are."""
        yield from (_dead_fault(name, it) for name, it in sorted(self.dead.items()))
        for name, it in sorted(self.rejecting.items()):
            if _is_fault(it):
                # A time in it would make each recurrence a new fault, to be announced at once.
                yield f"{_label(name)}: {it.why} It has accepted nothing for more than an hour."

    def _rejected(
        self, name: str, why: str, configuration: Configuration, now: datetime
    ) -> RejectingChannel:
        """Returns a channel after one more rejection; the reason of a fault that is told stays."""
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


def _dead_fault(name: str, dead: DeadChannel) -> str:
    kind = kind_of(name)
    return (
        f"{_label(name)}: {dead.why} It fails permanently: put a new address into the {kind}"
        " secret. Until then, other channels get what is routed to it."
    )


def _label(name: str) -> str:
    """Returns what people call a channel: `slack webhook oncall`, or `topic`."""
    kind, _, own_name = name.partition(":")
    if own_name:
        return f"{kind} webhook {own_name}"
    return "topic" if name == TOPIC else name
