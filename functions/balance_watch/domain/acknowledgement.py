"""Acknowledgements: somebody has seen an alert, so nobody is reminded of it until it is worse."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.formatting import format_time
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.notification import Notification
from balance_watch.domain.rules import Metric


class Acknowledgement(Struct, frozen=True):
    """That somebody has seen the alert of one metric of one account.

    Attributes:
        account: the account, or what else the notification named in its place.
        since: since when the alert was breached: it tells one episode from another.
        said_at: when the notification was said that was acknowledged.
        by: the name of whoever acknowledged it.
        at: when.
    """

    account: str
    metric: Metric
    since: datetime
    said_at: datetime
    by: str
    at: datetime

    def is_of(self, alert: Alert) -> bool:
        """Tells whether it is of this episode of the alert, be it worse by now."""
        return self.since == alert.since

    def covers(self, alert: Alert) -> bool:
        """Tells whether the alert fires and was not told as worse since it was acknowledged."""
        is_worse = alert.worsened_at is not None and alert.worsened_at > self.said_at
        return alert.firing and self.is_of(alert) and not is_worse


Acknowledgements = Mapping[tuple[str, Metric], Acknowledgement]
"""The acknowledgements by account and metric: one each, the latest."""

NONE: Acknowledgements = MappingProxyType({})


def covering(
    acknowledgements: Acknowledgements, account: str, metric: Metric, alert: Alert | None
) -> Acknowledgement | None:
    """Returns the acknowledgement for which nobody is reminded of an alert, if there is one."""
    found = acknowledgements.get((account, metric))
    return found if found is not None and alert is not None and found.covers(alert) else None


def with_acknowledgement(
    notification: Notification, acknowledgements: Acknowledgements, alert: Alert
) -> Notification:
    """Returns a notification that says who acknowledged its alert, if somebody has."""
    found = acknowledgements.get((notification.account, notification.metric))
    if found is None or not found.is_of(alert):
        return notification
    said = f"Acknowledged by {found.by}, {format_time(found.at)}."
    return replace(notification, detail="\n".join(filter(None, (notification.detail, said))))
