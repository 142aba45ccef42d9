"""Does what a button of an alert says, once: whoever presses it later finds who was first.

A press is claimed, then its effect is stored, then it is marked as done. The effect follows from
the press and its alert alone, so it is the same whoever stores it, however often.
"""

import hashlib
import logging
from collections.abc import Callable, Collection
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.acknowledgement import Acknowledgement
from balance_watch.domain.event import OF_SEVERAL
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.notification import Notification
from balance_watch.domain.outbox import PaymentOrder
from balance_watch.domain.policy import CONFIGURATION
from balance_watch.domain.press import (
    SILENCE_DURATIONS,
    Deed,
    Person,
    Press,
    Subject,
    deeds_for,
)
from balance_watch.domain.rules import Metric
from balance_watch.domain.silences import Silence
from balance_watch.store.dynamodb import Store

MAX_ACKNOWLEDGEMENTS = 100
"""The most acknowledgements of alerts that fire: they share an item, which every run writes."""

_FEW = 20
"""With fewer acknowledgements, none is looked for that could be forgotten."""

_LETTERS, _LENGTH = "abcdefghjkmnpqrstuvwxyz23456789", 8

_log = logging.getLogger(__name__)


class Asked(NamedTuple):
    """What somebody asks for by pressing a button; `duration` is a key of `SILENCE_DURATIONS`."""

    deed: Deed
    subject: Subject
    by: Person
    duration: str = ""


class Pressing(Struct, frozen=True):
    """Does what buttons say.

    Attributes:
        store: the table.
        start_check: has a check begin at once, without waiting for it; False if it cannot.
    """

    store: Store
    start_check: Callable[[], bool]

    def press(self, asked: Asked, now: datetime) -> str | None:
        """Does what a button says, unless it was done before.

        Returns:
            Why it is not done, in a sentence for whoever pressed; None if it is done.
        """
        alert_id = asked.subject.alert_id
        event = self.store.events.find(asked.subject.account, asked.subject.said_at, alert_id)
        if event is None:
            return "This alert is no longer known, so nothing was done."
        notification = event.notification
        first = self._first(alert_id, asked.deed)
        if first is None:
            if (why := self._why_not(asked.deed, notification, now)) is not None:
                return why
            until = now + SILENCE_DURATIONS[asked.duration] if asked.duration else None
            mine = Press(asked.deed, asked.by, now, until)
            # Of two at once, one is first; the other finds it.
            is_mine = self.store.presses.claim(alert_id, mine)
            first = mine if is_mine else self._first(alert_id, asked.deed)
        if first is not None and not first.is_done:
            self._store_effect(first, notification)
            if first.deed is Deed.TOP_UP:
                # Before the press is done: whoever presses after a crash begins a check as well.
                self.start_check()
            self.store.presses.mark_done(alert_id, first.deed)
            facts = {"deed": first.deed.value, "account": notification.account}
            _log.warning("pressed", extra={**facts, "by": first.by.name})
        return None

    def _first(self, alert_id: str, deed: Deed) -> Press | None:
        presses = self.store.presses.of([alert_id]).get(alert_id, ())
        return next((press for press in presses if press.deed is deed), None)

    def _why_not(self, deed: Deed, notification: Notification, now: datetime) -> str | None:
        """Returns why a deed is not to be done for an alert, if it is not."""
        if deed not in deeds_for(notification):
            return "This cannot be done for this alert."
        if deed is Deed.SILENCE:
            return None
        found = self._alerts([(notification.account, notification.metric)])
        alert = found.get((notification.account, notification.metric))
        if alert is None or not alert.firing or alert.since != notification.since:
            return "This alert is over, so nothing was done."
        if deed is Deed.ACKNOWLEDGE:
            if not _acknowledgement(notification, "", now).covers(alert):
                return "It has become worse since then: press the button of the later message."
            return self._make_room()
        return None

    def _alerts(self, wanted: Collection[tuple[str, Metric]]) -> dict[tuple[str, Metric], Alert]:
        """Returns the alerts of these accounts and metrics, as the latest run left them."""
        names = {name for name, metric in wanted if metric not in OF_SEVERAL}
        states = self.store.accounts.states(list(names)) if names else {}
        alerts = {name: state.alerts for name, state in states.items()}
        found = {
            (name, metric): alerts[name][metric]
            for name, metric in wanted
            if metric in alerts.get(name, {})
        }
        if len(names) < len(wanted):
            record = self.store.runs.record()
            found |= {(name, Metric.OUTAGE): it for name, it in record.outages.items()}
            if record.configuration.alert is not None:
                found[CONFIGURATION, Metric.CONFIGURATION] = record.configuration.alert
        return found

    def _make_room(self) -> str | None:
        """Forgets acknowledgements of alerts that are over; returns why there is still no room."""
        found = self.store.acknowledgements.by_alert()
        if len(found) < _FEW:
            return None
        alerts = self._alerts(found.keys())
        over = [
            it
            for key, it in found.items()
            # The end of an alert that was announced is still to tell who acknowledged it.
            if key not in alerts or not it.is_of(alerts[key]) or alerts[key].notified is None
        ]
        self.store.acknowledgements.forget(over)
        if len(found) - len(over) < MAX_ACKNOWLEDGEMENTS:
            return None
        return f"There are already {MAX_ACKNOWLEDGEMENTS} acknowledged alerts: silence this one."

    def _store_effect(self, press: Press, notification: Notification) -> None:
        match press.deed:
            case Deed.ACKNOWLEDGE:
                made = _acknowledgement(notification, press.by.name, press.at)
                self.store.acknowledgements.put(made)
            case Deed.SILENCE:
                self.store.silences.add(_silence(press, notification))
            case Deed.TOP_UP:
                ordered = replace(notification, said_at=press.at, mentions=(), trend=())
                order = PaymentOrder(ordered, notification.purse, press.by.name)
                self.store.outbox.put(order)


def _acknowledgement(notification: Notification, by: str, at: datetime) -> Acknowledgement:
    return Acknowledgement(
        notification.account,
        notification.metric,
        notification.since,
        notification.said_at,
        by,
        at,
    )


def _silence(press: Press, notification: Notification) -> Silence:
    """Returns the silence of a press. Its name follows from the alert, so that it is added once."""
    digest = hashlib.sha256(notification.alert_id.encode()).digest()
    name = "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_LENGTH])
    match = {"account": notification.account, "metric": notification.metric.value}
    reason = f"pressed by {press.by.name} in Slack"
    return Silence(name, match, press.until or press.at, reason, press.at, exact=True)
