"""Dead channels: identified by their address, reported as faults, and tried once a day."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from balance_watch.config.loading import Configuration
from balance_watch.domain.channels import kind_of
from balance_watch.domain.run import DeadChannel
from balance_watch.usecases.delivery import DeliveryReport

_TRY_AGAIN = timedelta(days=1)
"""A dead channel is tried at most this often."""

DeadChannels = Mapping[str, DeadChannel]
"""The channels that fail permanently, by name."""


def still_dead(dead: DeadChannels, configuration: Configuration) -> dict[str, DeadChannel]:
    """Returns the dead channels whose address may still be the one that failed."""
    return {
        name: channel for name, channel in dead.items() if _is_same(name, channel, configuration)
    }


def _is_same(name: str, dead: DeadChannel, configuration: Configuration) -> bool:
    configured = configuration.channels.get(name)
    if configured is not None:
        return configured.digest == dead.digest
    return kind_of(name) in configuration.unread_kinds


def suspended(dead: DeadChannels, now: datetime) -> dict[str, DeadChannel]:
    """Returns the dead channels to which this run sends nothing."""
    return {name: channel for name, channel in dead.items() if now - channel.at < _TRY_AGAIN}


def after_delivery(
    dead: DeadChannels, report: DeliveryReport, configuration: Configuration, now: datetime
) -> dict[str, DeadChannel]:
    """Returns the dead channels after a delivery: adds those that failed, removes the recovered."""
    failed = {
        name: DeadChannel(configuration.channels[name].digest, now, why)
        for name, why in report.permanent.items()
    }
    return {
        name: channel
        for name, channel in {**dead, **failed}.items()
        if name not in report.recovered
    }


def fault_of(name: str, dead: DeadChannel) -> str:
    """Returns the fault of the configuration that a dead channel is."""
    kind, _, own_name = name.partition(":")
    return (
        f"{kind} webhook {own_name}: {dead.why} It fails permanently: put a new address into the"
        f" {kind} secret. Until then, other channels get what is routed to it."
    )
