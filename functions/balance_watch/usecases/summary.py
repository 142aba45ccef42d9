"""The counts of a run."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from balance_watch.domain.formatting import counted, iso_time
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import Outgoing


class Summary(Struct):
    """The counts of a run. The fields are keys of the function's result: do not rename.

    `batches` is how many batches a planner has sent; its result has the key only then.
    """

    scheduled_time: datetime
    accounts: int = 0
    read: int = 0
    unreadable: int = 0
    fired: int = 0
    resolved: int = 0
    reminded: int = 0
    delivered: int = 0
    undelivered: int = 0
    deferred: int = 0
    skipped: bool = False
    batches: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Returns the function's result."""
        content = asdict(self) | {"scheduled_time": iso_time(self.scheduled_time)}
        if self.batches is None:
            del content["batches"]
        return content

    @property
    def counts(self) -> dict[str, int]:
        """The counts by name."""
        return {name: value for name, value in asdict(self).items() if type(value) is int}

    def add(self, counts: Mapping[str, int]) -> None:
        """Adds the counts of a batch."""
        for name in counts.keys() & self.counts.keys():
            setattr(self, name, getattr(self, name) + counts[name])

    @property
    def complete(self) -> bool:
        """Tells whether nothing is left to do for this tick."""
        return not (self.deferred or self.undelivered)

    @property
    def left(self) -> str:
        """What is left to do for this tick; empty for a complete run."""
        accounts = f"{counted(self.deferred, 'account')} to read" if self.deferred else ""
        number = counted(self.undelivered, "notification")
        return ", ".join(
            filter(None, (accounts, f"{number} to deliver" if self.undelivered else ""))
        )

    def count(self, entries: Iterable[Outgoing]) -> None:
        """Adds the notifications of outbox entries to the counts, each of them once."""
        for notification in distinct_notifications(entries):
            reason = notification.reason
            self.fired += reason in (Reason.FIRED, Reason.WORSENED)
            self.resolved += reason is Reason.RESOLVED
            self.reminded += reason is Reason.REMINDER


def distinct_notifications(entries: Iterable[Outgoing]) -> Iterable[Notification]:
    """Returns each notification once, however many channels it has an entry for."""
    return {entry.notification.alert_id: entry.notification for entry in entries}.values()
