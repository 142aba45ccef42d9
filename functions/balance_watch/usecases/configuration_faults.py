"""Every fault of the configuration: its own, and those that only the run before reveals."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.config.loading import Configuration
from balance_watch.domain.inventory import Inventory
from balance_watch.domain.lost_secrets import LostSecrets, lost_fault, lost_secrets, remember
from balance_watch.domain.run import RunRecord
from balance_watch.domain.silences import Silence
from balance_watch.domain.unmatched import unmatched_fault, unmatched_silences
from balance_watch.notifiers.channels import Kind
from balance_watch.usecases.channel_health import ChannelHealth
from balance_watch.usecases.channel_names import known_channels, renamed_channels
from balance_watch.usecases.listeners import Listeners, listeners_now


class Examination(Struct, frozen=True):
    """A configuration, compared with the run record: lost secrets, and who gets the alerts."""

    configuration: Configuration
    lost: LostSecrets
    listeners: Listeners

    def into(self, record: RunRecord) -> RunRecord:
        """Returns the record with what the next run has to compare with."""
        return replace(
            self.listeners.health.into(record),
            secrets=remember(record.secrets, self.configuration.presence),
            lost_secrets=self.lost,
            subscribers=self.listeners.subscribers,
            channels=known_channels(record, self.configuration),
        )

    def faults(self, silences: Sequence[Silence]) -> list[str]:
        """Returns every fault, first those because of which nobody gets some alerts.

        A match that fits no account is a fault only while the secrets are whole.

        Args:
            silences: the active ones.
        """
        configuration = self.configuration
        unmatched = [unmatched_fault(place) for place in configuration.unmatched]
        own = [fault for fault in configuration.faults if fault not in unmatched]
        if not configuration.secrets_are_whole or not configuration.accounts:
            unmatched = []
        else:
            unmatched += map(unmatched_fault, unmatched_silences(silences, configuration.facts))
        prefix = configuration.prefix
        return [
            *self.listeners.faults(),
            *own,
            *(lost_fault(name, it, prefix) for name, it in self.lost.items()),
            *self.listeners.health.faults(configuration.kinds),
            *unmatched,
        ]


def recorded_faults(
    record: RunRecord, inventory: Inventory, silences: Sequence[Silence], kinds: Mapping[str, Kind]
) -> list[str]:
    """Returns the faults that the latest run left, for commands that may not read a secret.

    Args:
        record: the record of the latest run.
        inventory: what that run found configured.
        silences: the active ones, which may be newer.
        kinds: the kinds of channels.
    """
    health = ChannelHealth(dict(record.failing_channels))
    facts = inventory.facts
    unmatched = unmatched_silences(silences, facts) if facts and inventory.is_whole else ()
    faults = (
        *record.configuration.faults,
        *health.faults(kinds),
        *map(unmatched_fault, unmatched),
    )
    return list(dict.fromkeys(faults))


def examine(configuration: Configuration, record: RunRecord, now: datetime) -> Examination:
    """Compares a configuration with the run record. A lost secret leaves the secrets not whole.

    Args:
        configuration: as it was loaded.
        record: the record of the run before.
        now: the tick.
    """
    lost = lost_secrets(record.secrets, record.lost_secrets, configuration.presence, now)
    is_whole = configuration.secrets_are_whole and not lost
    renamed = renamed_channels(record, configuration)
    configuration = replace(configuration, secrets_are_whole=is_whole, renamed=renamed)
    health = ChannelHealth.remembered(record, configuration)
    return Examination(configuration, lost, listeners_now(record, configuration, health))
