"""Sends pending entries and removes the accepted ones. No channel delays another."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor, wait
from types import MappingProxyType
from typing import NamedTuple, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.outbox import WHOLE, OutboxEntry
from balance_watch.notifiers.channels import Channel
from balance_watch.usecases.fallbacks import Fallbacks, has_copy

_SMALLEST_PAGE = 50
"""So many notifications of a channel are in memory at once, however many channels there are."""

_log = logging.getLogger(__name__)


class Outbox(Protocol):
    """The part of the store that holds the pending entries."""

    def whole(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        """Returns entries with what their outlines lack; what cannot be read is left out."""
        ...

    def remove(self, entries: Iterable[OutboxEntry]) -> bool:
        """Removes accepted entries; returns False if that could not be stored."""
        ...

    def mark_taken(self, entries: Iterable[OutboxEntry], channel: str) -> bool:
        """Stores that a channel accepted these in place of their own; False if it is not stored."""
        ...


class DeliveryReport(Struct, frozen=True):
    """The result of a delivery.

    Attributes:
        delivered: how many entries were accepted.
        undelivered: how many entries are still pending.
        permanent: the channels that fail permanently, each with the reason.
        recovered: the channels that accepted something.
        rejecting: the channels that accepted nothing of what they were sent, each with the reason.
        unsure: those of them that may have accepted it all the same.
    """

    delivered: int = 0
    undelivered: int = 0
    permanent: Mapping[str, str] = field(default_factory=dict)
    recovered: frozenset[str] = frozenset()
    rejecting: Mapping[str, str] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()


class _ChannelResult(Struct):
    """The result of sending entries to one channel.

    Attributes:
        accepted: the ids of the accepted entries, and of those that were not sent, as the channel
            gets a copy of its own. The entries themselves would fill the memory.
        permanent: the reason of a failure that is permanent.
        takes: the channel accepted something that it was sent.
        why: the reason of its latest rejection.
        unsure: it may have accepted something that it was sent all the same.
    """

    accepted: list[str] = field(default_factory=list)
    rejected: list[OutboxEntry] = field(default_factory=list)
    permanent: str = ""
    takes: bool = False
    why: str = ""
    unsure: bool = False

    def when_late(self) -> "_ChannelResult":
        """Returns the result as it is now, of a channel that is still at work."""
        return replace(
            self, accepted=[*self.accepted], why="It did not answer in time.", unsure=True
        )


def deliver(
    entries: Sequence[OutboxEntry],
    *,
    channels: Mapping[str, Channel],
    outbox: Outbox,
    deadline: float,
    fallbacks: Sequence[str] = (),
    unread_kinds: AbstractSet[str] = frozenset(),
    renamed: Mapping[str, str] = MappingProxyType({}),
    refusing: AbstractSet[str] = frozenset(),
    clock: Callable[[], float] = time.monotonic,
) -> DeliveryReport:
    """Sends pending entries to all channels in parallel, and removes each as it is accepted.

    An entry whose channel does not exist or fails permanently goes to the first fallback that
    exists, unless that fallback gets a copy of its own. The entry of a channel that refuses
    everything stays in the outbox all the same, for when that channel takes it.

    Each channel is sent what is urgent first, if there is more than fits into memory, page by page.

    Args:
        entries: the pending entries, or their outlines.
        channels: the channels to send to, by name.
        outbox: holds the pending entries.
        deadline: the time on the clock by which sending must end.
        fallbacks: the names of the channels that replace others, the preferred one first.
        unread_kinds: the kinds of channels whose entries stay pending, since a channel may exist.
        renamed: the present names of channels, by their former ones.
        refusing: the channels that exist and refuse everything, so nothing is sent to them.
        clock: a monotonic clock, in seconds.
    """
    replacements = Fallbacks(fallbacks, unread_kinds, renamed)
    sender = _Sender(outbox, deadline, clock, replacements, channels.keys() | refusing)
    assigned, waiting = replacements.assign(entries, channels, refusing)
    first = sender.send(assigned, channels)
    permanent = {name: result.permanent for name, result in first.items() if result.permanent}
    alive = {name: channel for name, channel in channels.items() if name not in permanent}
    left = [entry for name in permanent for entry in first[name].rejected]
    assigned, also_waiting = replacements.assign(left, alive, refusing | permanent.keys())
    second = sender.send(assigned, alive)
    results = (*first.items(), *second.items())
    accepted = sum(len(result.accepted) for _, result in results)
    recovered = frozenset(name for name, result in results if result.takes)
    return DeliveryReport(
        accepted,
        len(entries) - accepted - waiting - also_waiting,
        permanent,
        recovered,
        {name: it.why for name, it in results if it.why and name not in recovered},
        frozenset(name for name, it in results if it.unsure and name not in recovered),
    )


def _pages(groups: Sequence[list[OutboxEntry]], size: int) -> Iterator[Sequence[list[OutboxEntry]]]:
    """Yields groups of copies, so many at a time; what is urgent first if they are several pages.

    A channel sends what it is given in order of time, so no page has both.
    """
    if len(groups) <= size:
        yield groups
        return
    for is_urgent in (True, False):
        some = [group for group in groups if group[0].is_urgent is is_urgent]
        for start in range(0, len(some), size):
            yield some[start : start + size]


class _Sender(NamedTuple):
    """Sends to all channels in parallel, so that none delays another."""

    outbox: Outbox
    deadline: float
    clock: Callable[[], float]
    replacements: Fallbacks
    existing: AbstractSet[str]

    def send(
        self, assigned: Mapping[str, Sequence[OutboxEntry]], channels: Mapping[str, Channel]
    ) -> dict[str, _ChannelResult]:
        """Sends the assigned entries to each channel.

        Of one that hangs, what it accepted before that counts.
        """
        if not assigned:
            return {}
        page = max(_SMALLEST_PAGE, WHOLE // len(assigned))
        pool = ThreadPoolExecutor(max_workers=len(assigned))
        results = {name: _ChannelResult() for name in assigned}
        tasks = {
            pool.submit(self._send, name, entries, channels.get(name), page, results[name]): name
            for name, entries in assigned.items()
        }
        ended, hanging = wait(tasks, timeout=max(0.0, self.deadline - self.clock()) + 1)
        if hanging:
            _log.error("a channel did not finish in time", extra={"channels": len(hanging)})
        pool.shutdown(wait=False, cancel_futures=True)
        for task in ended:
            task.result()  # raises what it raised
        late = {tasks[task]: results[tasks[task]].when_late() for task in hanging}
        return results | late

    def _send(
        self,
        name: str,
        entries: Sequence[OutboxEntry],
        channel: Channel | None,
        page: int,
        result: _ChannelResult,
    ) -> None:
        if channel is None:
            facts = {"channel": name, "entries": len(entries)}
            _log.error("not delivered: the channel does not exist", extra=facts)
            result.rejected = list(entries)
            return
        # Never redirect a notification to a channel that gets its own copy.
        copied: list[OutboxEntry] = []
        by_id: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            has_own = has_copy(entry, name)
            (copied if has_own else by_id[entry.notification.alert_id]).append(entry)
        for start in range(0, len(copied), page):
            self._accept(name, self.outbox.whole(copied[start : start + page]), result)
        is_asked = False
        for number, group in enumerate(_pages(list(by_id.values()), page)):
            if result.permanent or (number and self.clock() >= self.deadline):
                break
            whole = self.outbox.whole([entry for copies in group for entry in copies])
            is_asked = is_asked or bool(whole)
            self._send_page(name, channel, whole, result)
        accepted = set(result.accepted)
        result.rejected = [it for it in entries if it.notification.alert_id not in accepted]
        if is_asked and result.rejected and not result.takes:
            result.why = result.why or "It failed without an answer."

    def _send_page(
        self,
        name: str,
        channel: Channel,
        entries: Sequence[OutboxEntry],
        result: _ChannelResult,
    ) -> None:
        """Sends whole entries, the copies of a notification once, and adds to the result."""
        by_id: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            by_id[entry.notification.alert_id].append(entry)
        notifications = [copies[0].notification for copies in by_id.values()]
        for send_result in self._send_results(name, channel, notifications):
            ids = [notification.alert_id for notification in send_result.accepted]
            self._accept(name, [entry for alert_id in ids for entry in by_id[alert_id]], result)
            result.takes = result.takes or (bool(ids) and not send_result.unsent)
            result.why = send_result.why or result.why
            result.unsure = result.unsure or send_result.unsure
            if send_result.rejected:
                left = len(send_result.rejected)
                facts = {"channel": name, "why": send_result.why, "entries": left}
                _log.error("not delivered", extra=facts)
            if send_result.permanent:
                result.permanent = send_result.why
                break

    def _send_results(
        self, name: str, channel: Channel, notifications: Sequence[Notification]
    ) -> Iterator[SendResult]:
        """Yields the results of sending; if the channel raises, sends each of the rest alone."""
        if not notifications:
            return
        answered: set[str] = set()
        try:
            for result in channel.send(notifications, deadline=self.deadline):
                answered |= {it.alert_id for it in (*result.accepted, *result.rejected)}
                yield result
        except Exception as error:  # noqa: BLE001 (one channel's fault must not stop the others)
            left = [it for it in notifications if it.alert_id not in answered]
            facts = {"channel": name, "why": type(error).__name__, "entries": len(left)}
            _log.error("not delivered: the channel raised an error", extra=facts)
            for notification in left if len(notifications) > 1 else ():
                yield from self._send_results(name, channel, [notification])

    def _accept(self, name: str, entries: Sequence[OutboxEntry], result: _ChannelResult) -> None:
        result.accepted += (entry.notification.alert_id for entry in entries)
        taken = [it for it in entries if self.replacements.own(it) in self.existing - {name}]
        done = [it for it in entries if it not in taken]
        is_stored = not taken or self.outbox.mark_taken(taken, name)
        if not (is_stored and (not done or self.outbox.remove(done))):
            _log.error(
                "delivered, but not removed from the outbox: it will be sent again",
                extra={"channel": name},
            )
