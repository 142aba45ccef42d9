"""The names of channels over time: a renamed webhook still gets what its old name was told."""

from collections.abc import Mapping

from balance_watch.config.loading import Configuration
from balance_watch.domain.channels import kind_of
from balance_watch.domain.run import RunRecord

REMEMBERED = 200
"""How many names a run remembers: about 10 KB of an item's 400 KB."""


def renamed_channels(record: RunRecord, configuration: Configuration) -> dict[str, str]:
    """Returns the present name of each channel that is known by a former one.

    A channel is known by its address. A name that another address has taken is not a former one.
    """
    present: dict[tuple[str, str], str] = {}
    for name, channel in configuration.channels.items():
        present.setdefault((channel.kind.name, channel.digest), name)
    return {
        name: present[kind_of(name), digest]
        for name, digest in _former(record, configuration).items()
        if (kind_of(name), digest) in present
    }


def known_channels(record: RunRecord, configuration: Configuration) -> dict[str, str]:
    """Returns the digests to remember: of present channels, and of former names that still count.

    A kind whose secret cannot be read keeps all of its names.
    """
    renamed = renamed_channels(record, configuration)
    former = {
        name: digest
        for name, digest in _former(record, configuration).items()
        if name in renamed or kind_of(name) in configuration.unread_kinds
    }
    present = {name: channel.digest for name, channel in configuration.channels.items()}
    return dict([*present.items(), *former.items()][:REMEMBERED])


def _former(record: RunRecord, configuration: Configuration) -> Mapping[str, str]:
    return {
        name: digest
        for name, digest in record.channels.items()
        if name not in configuration.channels
    }
