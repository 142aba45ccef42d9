"""Who gets the alerts: the fault that nobody does, and the channels that this fault goes to."""

import logging
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.config.loading import Configuration
from balance_watch.domain.channels import TOPIC, kind_of
from balance_watch.domain.policy import Route, destinations
from balance_watch.domain.rules import Severity
from balance_watch.domain.run import RunRecord, TopicSubscribers
from balance_watch.notifiers.subscribers import ConfirmedSubscribers
from balance_watch.usecases.channel_health import ChannelHealth
from balance_watch.usecases.channel_names import REMEMBERED

AskTopic = Callable[[], ConfirmedSubscribers]
"""Asks SNS how many subscribers of the topic have confirmed."""

_log = logging.getLogger(__name__)

_ASK_AGAIN = timedelta(days=1)
_ALWAYS = ("account", "provider", "severity", "rule", "metric")
"""The facts that every alert has, so that `*` matches them."""


class Listeners(Struct, frozen=True):
    """Tells which channels of a configuration reach somebody.

    `subscribers` is None while their number is unknown: the topic then counts as reaching somebody.
    `known` has the channels that the run before knew; None if it is not known of all.
    """

    configuration: Configuration
    health: ChannelHealth
    subscribers: TopicSubscribers | None = None
    known: AbstractSet[str] | None = None

    def faults(self) -> Iterator[str]:
        """Yields a fault for each part of the alerts that only a topic without subscribers gets."""
        if self._has_subscriber(TOPIC):
            return
        routes = self.configuration.policy.routes
        if _leave_some(routes) and not self._is_heard(()):
            which = " that no route sends elsewhere" if routes else ""
            yield (
                "no confirmed subscriber of the topic,"
                f" and {self._why_no_other()}: nobody hears the alerts{which}"
            )
        for index, route in enumerate(routes):
            if not self._is_heard(route.channels):
                yield (
                    f"policy routes[{index}]: its alerts go to the topic alone, which has no"
                    " confirmed subscriber: nobody hears them"
                )
            if _takes_all(route):
                return

    def reaching_somebody(self, channels: tuple[str, ...]) -> tuple[str, ...]:
        """Returns these channels; if none of them reaches somebody, also all others that do.

        If somebody is reached, those of a kind whose secret has a fault are left out if they never
        existed: they may be its default, and an alert about that very fault would wait for it.
        """
        heard = {
            name
            for name in self.configuration.channels
            if name not in self.health.failing and self._has_subscriber(name)
        }
        if heard:
            channels = tuple(it for it in channels if not self._never_existed(it))
        return channels if heard.intersection(channels) else (*channels, *sorted(heard))

    def _never_existed(self, channel: str) -> bool:
        return (
            self.known is not None
            and channel not in self.known
            and channel not in self.configuration.channels
        )

    def _is_heard(self, routed: tuple[str, ...]) -> bool:
        """Tells whether somebody gets what is routed to these channels.

        Without channels, it is about the alerts that no route sends anywhere.
        """
        available = self.configuration.without(self.health.dead.keys())
        names = destinations(routed, available)
        return any(available.has(name) and self._has_subscriber(name) for name in names)

    def _has_subscriber(self, channel: str) -> bool:
        """Tells whether a channel may have a subscriber: the topic and a bus may have none."""
        topic, kind = self.subscribers, self.configuration.kinds.get(kind_of(channel))
        if kind is not None and not kind.reaches_people:
            return False
        return channel != TOPIC or topic is None or topic.confirmed != 0

    def _why_no_other(self) -> str:
        """Returns why no default channel but the topic gets the alerts."""
        kinds = self.configuration.kinds.values()
        others = [kind for kind in kinds if kind.name != TOPIC and kind.reaches_people]
        dead = [kind.noun for kind in others if kind.default in self.health.dead]
        if dead:
            return f"the default {dead[0]} fails permanently"
        return f"no default {' or '.join(dict.fromkeys(kind.noun for kind in others))}"


def listeners_now(
    record: RunRecord, configuration: Configuration, health: ChannelHealth
) -> Listeners:
    """Returns the listeners, with the subscribers that the run before counted for this topic."""
    known, topic = record.subscribers, configuration.channels.get(TOPIC)
    is_same = known is not None and topic is not None and known.digest == topic.digest
    channels = record.channels if 0 < len(record.channels) < REMEMBERED else None
    names = None if channels is None else frozenset(channels)
    return Listeners(configuration, health, known if is_same else None, names)


def ask(listeners: Listeners, ask_topic: AskTopic, now: datetime) -> Listeners:
    """Returns the listeners, after asking SNS for the topic's subscribers if that is due.

    It is due once a day, and in every run while a fault rests on the answer, so that the fault ends
    with the first run after somebody has confirmed.

    Args:
        listeners: as the run before knew them.
        ask_topic: asks SNS.
        now: the tick.
    """
    known, topic = listeners.subscribers, listeners.configuration.channels.get(TOPIC)
    is_recent = known is not None and now - known.at < _ASK_AGAIN
    if topic is None or (is_recent and not any(listeners.faults())):
        return listeners
    answer = ask_topic()
    confirmed = answer.number
    if confirmed is None:
        _log.warning("subscribers of the topic are not known", extra={"why": answer.why})
        if known is not None and not answer.is_denied:
            confirmed = known.confirmed
    return replace(listeners, subscribers=TopicSubscribers(topic.digest, now, confirmed))


def _leave_some(routes: Sequence[Route]) -> bool:
    """Tells whether there may be alerts that no route sends anywhere."""
    return not all(any(_takes_all(route, severity) for route in routes) for severity in Severity)


def _takes_all(route: Route, severity: Severity | None = None) -> bool:
    """Tells whether a route matches every alert, or every one of a severity."""
    return all(
        (fact in _ALWAYS and glob == "*")
        or (fact == "severity" and severity is not None and fnmatchcase(severity, glob))
        for fact, glob in route.match.items()
    )
