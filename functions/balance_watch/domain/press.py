"""Presses of the buttons of an alert: what somebody asked for, who, and when."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from balance_watch.domain.metrics import METRICS
from balance_watch.domain.notification import Notification
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.rules import Metric


class Deed(StrEnum):
    """What a button does. Of one alert, each is done once. The words are stored: do not rename."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    TOP_UP = "top_up"


SILENCE_DURATIONS: Mapping[str, timedelta] = MappingProxyType(
    {
        "1h": timedelta(hours=1),
        "4h": timedelta(hours=4),
        "1d": timedelta(days=1),
        "1w": timedelta(weeks=1),
    }
)
"""How long the silences of the buttons last."""


class Person(NamedTuple):
    """Who pressed a button: their id in Slack, and the name that other channels show."""

    id: str
    name: str


class Subject(NamedTuple):
    """The alert of a button, as its value names it.

    Attributes:
        alert_id: of the notification.
        said_at: when the notification was said.
        account: its account; None: it is of several, or of the configuration.
    """

    alert_id: str
    said_at: datetime
    account: str | None


class Press(NamedTuple):
    """The first press for a deed of an alert. Every later one finds it, and changes nothing.

    Attributes:
        until: when the silence ends, if it is one.
        is_done: whether its effect is stored. If not, whoever finds it stores the effect.
    """

    deed: Deed
    by: Person
    at: datetime
    until: datetime | None = None
    is_done: bool = False


def deeds_for(notification: Notification) -> tuple[Deed, ...]:
    """Returns what the buttons of a notification can do: nothing, unless it is bad news."""
    is_of_order = notification.value == PaymentOutcome.DROPPED
    if not notification.reason.is_bad_news or notification.metric is Metric.TEST or is_of_order:
        return ()
    can_be_paid = notification.purse is not None and METRICS[notification.metric].about_money
    return (Deed.ACKNOWLEDGE, Deed.SILENCE, *([Deed.TOP_UP] if can_be_paid else []))
