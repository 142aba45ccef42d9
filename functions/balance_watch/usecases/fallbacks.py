"""Chooses the channels that stand in for one that does not exist or refuses everything."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from balance_watch.domain.channels import kind_of
from balance_watch.domain.notification import Reason
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.notifiers.channels import Channel, takes_digests


class Fallbacks(NamedTuple):
    """Chooses the channel for an entry whose own channel is missing or refuses everything."""

    names: Sequence[str]
    unread_kinds: AbstractSet[str]
    renamed: Mapping[str, str]

    def own(self, entry: OutboxEntry) -> str:
        """Returns the present name of an entry's own channel."""
        return self.renamed.get(entry.channel, entry.channel)

    def assign(
        self,
        entries: Iterable[OutboxEntry],
        channels: Mapping[str, Channel],
        refusing: AbstractSet[str],
    ) -> tuple[dict[str, list[OutboxEntry]], int]:
        """Returns the entries by the channel to send them to, and the number of the others.

        The others wait for a channel that refuses everything, while a fallback has a copy.
        """
        present = [name for name in self.names if name in channels]
        of_alerts, of_digests = present[:1], list(filter(takes_digests, present))[:1]
        assigned: dict[str, list[OutboxEntry]] = defaultdict(list)
        waiting = 0
        for entry in entries:
            current = self.own(entry)
            is_digest = entry.notification.reason is Reason.DIGEST
            (fallback,) = (of_digests if is_digest else of_alerts) or (None,)
            # The channel of an unread kind may exist, so its entries stay pending.
            may_exist = current in channels or kind_of(current) in self.unread_kinds
            name = current if fallback is None else fallback
            if current in refusing:
                if has_copy(entry, fallback):
                    waiting += 1
                    continue
            elif may_exist:
                name = current
            assigned[name].append(entry)
        return assigned, waiting


def has_copy(entry: OutboxEntry, channel: str | None) -> bool:
    """Tells whether a channel gets, or has taken, a copy of an entry of another channel."""
    return entry.channel != channel and channel in (*entry.channels, *entry.taken_by)
