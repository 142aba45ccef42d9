"""Sends pending entries, removes what was accepted, and lets no channel hold up another."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from balance_watch.domain.channels import kind_of
from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.notifiers.channels import Channel

_log = logging.getLogger(__name__)


class Outbox(Protocol):
    """Where the entries are pending."""

    def remove(self, entries: Iterable[OutboxEntry]) -> bool:
        """Removes entries that were accepted; False when that could not be stored."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """How many entries were accepted, and how many were not.

    `permanent` has the channels that fail permanently, each with the reason; `recovered` has the
    channels that accepted something; `rejecting` has those that accepted nothing of what they were
    sent, each with the reason.
    """

    delivered: int = 0
    undelivered: int = 0
    permanent: Mapping[str, str] = field(default_factory=dict)
    recovered: frozenset[str] = frozenset()
    rejecting: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _ChannelResult:
    """The result of sending one channel its entries.

    `accepted` also has the entries that were not sent because the channel gets a copy of its own;
    `takes` tells whether it accepted anything that was sent; `why` is its latest rejection.
    """

    accepted: list[OutboxEntry] = field(default_factory=list)
    rejected: list[OutboxEntry] = field(default_factory=list)
    permanent: str = ""
    takes: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Fallbacks:
    """Which channel an entry is sent to when its own is missing or dead."""

    names: Sequence[str]
    unread_kinds: AbstractSet[str]

    def assign(
        self, entries: Iterable[OutboxEntry], channels: Mapping[str, Channel]
    ) -> dict[str, list[OutboxEntry]]:
        """Returns the entries by the channel that they are sent to."""
        fallback = next((name for name in self.names if name in channels), None)
        assigned: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            # The channel of an unread kind may exist, so its entries stay pending.
            keeps = entry.channel in channels or kind_of(entry.channel) in self.unread_kinds
            name = entry.channel if keeps or fallback is None else fallback
            assigned[name].append(entry)
        return assigned


def deliver(
    entries: Sequence[OutboxEntry],
    *,
    channels: Mapping[str, Channel],
    outbox: Outbox,
    deadline: float,
    fallbacks: Sequence[str] = (),
    unread_kinds: AbstractSet[str] = frozenset(),
    clock: Callable[[], float] = time.monotonic,
) -> DeliveryReport:
    """Sends pending entries, each channel on its own, and removes accepted ones at once.

    An entry whose channel does not exist or fails permanently goes to the first fallback that
    exists. A fallback that gets a copy of its own is not sent a second one.

    Args:
        entries: the pending entries.
        channels: the channels to send to, by name.
        outbox: where the entries are pending.
        deadline: when sending has to have ended, on the clock.
        fallbacks: channels by name.
        unread_kinds: the kinds of channels whose secret cannot be read: their entries stay pending.
        clock: seconds, monotonic.
    """
    post = _Post(outbox, deadline, clock)
    rule = _Fallbacks(fallbacks, unread_kinds)
    first = post.send(rule.assign(entries, channels), channels)
    permanent = {name: result.permanent for name, result in first.items() if result.permanent}
    alive = {name: channel for name, channel in channels.items() if name not in permanent}
    left = [entry for name in permanent for entry in first[name].rejected]
    second = post.send(rule.assign(left, alive), alive)
    results = (*first.items(), *second.items())
    accepted = sum(len(result.accepted) for _, result in results)
    recovered = frozenset(name for name, result in results if result.takes)
    rejecting = {name: it.why for name, it in results if it.why and name not in recovered}
    return DeliveryReport(accepted, len(entries) - accepted, permanent, recovered, rejecting)


@dataclass(frozen=True, slots=True)
class _Post:
    """Sends to every channel at once, and lets none hold up another."""

    outbox: Outbox
    deadline: float
    clock: Callable[[], float]

    def send(
        self, assigned: Mapping[str, Sequence[OutboxEntry]], channels: Mapping[str, Channel]
    ) -> dict[str, _ChannelResult]:
        """Sends each channel the entries that are assigned to it."""
        if not assigned:
            return {}
        pool = ThreadPoolExecutor(max_workers=len(assigned))
        tasks = {
            pool.submit(self._send, name, entries, channels.get(name)): name
            for name, entries in assigned.items()
        }
        ended, hanging = wait(tasks, timeout=max(0.0, self.deadline - self.clock()) + 1)
        if hanging:
            _log.error("a channel did not end in time", extra={"channels": len(hanging)})
        pool.shutdown(wait=False, cancel_futures=True)
        late = {tasks[task]: _ChannelResult(why="It did not answer in time.") for task in hanging}
        return {tasks[task]: task.result() for task in ended} | late

    def _send(
        self, name: str, entries: Sequence[OutboxEntry], channel: Channel | None
    ) -> _ChannelResult:
        if channel is None:
            facts = {"channel": name, "entries": len(entries)}
            _log.error("not delivered: no such channel", extra=facts)
            return _ChannelResult(rejected=list(entries))
        result = _ChannelResult()
        # Never redirect a notification to a channel that gets its own copy.
        copied: list[OutboxEntry] = []
        by_id: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            has_copy = entry.channel != name and name in entry.channels
            (copied if has_copy else by_id[entry.notification.alert_id]).append(entry)
        self._accept(name, copied, result)
        notifications = [copies[0].notification for copies in by_id.values()]
        for sent in self._results(name, channel, notifications):
            ids = [notification.alert_id for notification in sent.accepted]
            self._accept(name, [entry for alert_id in ids for entry in by_id[alert_id]], result)
            result.takes = result.takes or bool(ids)
            result.why = sent.why or result.why
            if sent.rejected:
                facts = {"channel": name, "why": sent.why, "entries": len(sent.rejected)}
                _log.error("not delivered", extra=facts)
            if sent.permanent:
                result.permanent = sent.why
                break
        if notifications and not result.takes:
            result.why = result.why or "It failed without an answer."
        accepted = {entry.notification.alert_id for entry in result.accepted}
        result.rejected = [it for it in entries if it.notification.alert_id not in accepted]
        return result

    def _results(
        self, name: str, channel: Channel, notifications: Sequence[Notification]
    ) -> Iterator[SendResult]:
        """Sends; if the channel raises, sends each of the rest alone: one stops no other."""
        if not notifications:
            return
        answered: set[str] = set()
        try:
            for sent in channel.send(notifications, deadline=self.deadline):
                answered |= {it.alert_id for it in (*sent.accepted, *sent.rejected)}
                yield sent
        except Exception as error:  # noqa: BLE001 (one channel's fault must not stop the others)
            left = [it for it in notifications if it.alert_id not in answered]
            facts = {"channel": name, "why": type(error).__name__, "entries": len(left)}
            _log.error("not delivered: the channel raised an error", extra=facts)
            for it in left if len(notifications) > 1 else ():
                yield from self._results(name, channel, [it])

    def _accept(self, name: str, entries: Sequence[OutboxEntry], result: _ChannelResult) -> None:
        result.accepted += entries
        if entries and not self.outbox.remove(entries):
            _log.error("delivered, but not removed: it will be repeated", extra={"channel": name})
