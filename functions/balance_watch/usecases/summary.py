"""The counts of a run, in the words of its contract."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from balance_watch.domain.formatting import iso_time
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import Outgoing


@dataclass
class Summary:
    """The counts of a run, in the words of its contract."""

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

    def as_json(self) -> dict[str, Any]:
        """The result of the function."""
        return vars(self) | {"scheduled_time": iso_time(self.scheduled_time)}

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do for this tick."""
        return not (self.deferred or self.undelivered)

    def count(self, owed: Iterable[Outgoing]) -> None:
        """Counts notifications, each once however many channels it goes to."""
        for said in distinct_notifications(owed):
            self.fired += said.reason in (Reason.FIRED, Reason.WORSENED)
            self.resolved += said.reason is Reason.RESOLVED
            self.reminded += said.reason is Reason.REMINDER


def distinct_notifications(owed: Iterable[Outgoing]) -> Iterable[Notification]:
    """Each notification once, however many channels it is owed to."""
    return {each.notification.alert_id: each.notification for each in owed}.values()
