"""Sends what is owed, marks what was accepted, and lets no channel hold up another."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.outbox import OutboxEntry

_log = logging.getLogger(__name__)


class Channel(Protocol):
    """Something that takes notifications."""

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Sends everything, yielding what became of each message as soon as it is known."""
        ...


class Outbox(Protocol):
    """Where what was accepted is taken off."""

    def remove(self, owed: Iterable[OutboxEntry]) -> bool:
        """Takes off what was accepted; False when that could not be stored."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """How many notifications were accepted and how many were not, each per channel.

    `gone` has the channels that answered that they are gone for good, each with its words;
    `taking` those that took something.
    """

    delivered: int = 0
    undelivered: int = 0
    permanent: Mapping[str, str] = field(default_factory=dict)
    recovered: frozenset[str] = frozenset()


@dataclass(slots=True)
class _ChannelResult:
    """What became of what one channel was owed."""

    accepted: list[OutboxEntry] = field(default_factory=list)
    rejected: list[OutboxEntry] = field(default_factory=list)
    permanent: str = ""

    @property
    def ids(self) -> set[str]:
        """The alerts that were accepted."""
        return {each.notification.alert_id for each in self.accepted}


def deliver(  # noqa: PLR0913 (each is a part that it works with)
    owed: Sequence[OutboxEntry],
    *,
    channels: Mapping[str, Channel],
    outbox: Outbox,
    deadline: float,
    fallbacks: Sequence[str] = (),
    clock: Callable[[], float] = time.monotonic,
) -> DeliveryReport:
    """Sends what is owed, every channel on its own, and takes off what was accepted at once.

    What is owed to a channel that there is not, or that answers that it is gone for good, goes to
    the first of the stand-ins that there is; one that gets a copy of its own takes it off.

    Args:
        owed: all that is owed.
        channels: by name, as `Owed.channel` has it.
        outbox: where it is owed.
        deadline: when to have ended, on the clock.
        fallbacks: channels by name; none: what is owed to no channel stays owed.
        clock: seconds, monotonic.
    """
    post = _Post(outbox, deadline, clock)
    first = post.send(_by_channel(owed, channels, fallbacks), channels)
    gone = {name: each.permanent for name, each in first.items() if each.permanent}
    there = {name: channel for name, channel in channels.items() if name not in gone}
    left = _by_channel([it for name in gone for it in first[name].rejected], there, fallbacks)
    second = post.send(left, there)
    ends = (*first.items(), *second.items())
    accepted = sum(len(each.accepted) for _, each in ends)
    taking = frozenset(name for name, each in ends if each.accepted)
    return DeliveryReport(accepted, len(owed) - accepted, gone, taking)


def _by_channel(
    owed: Sequence[OutboxEntry], channels: Mapping[str, Channel], stand_ins: Sequence[str]
) -> dict[str, list[OutboxEntry]]:
    stand_in = next((name for name in stand_ins if name in channels), None)
    by_channel: dict[str, list[OutboxEntry]] = defaultdict(list)
    for each in owed:
        there = each.channel in channels or stand_in is None
        by_channel[each.channel if there else stand_in or ""].append(each)
    return by_channel


@dataclass(frozen=True, slots=True)
class _Post:
    """Sends to every channel at once, and lets none hold up another."""

    outbox: Outbox
    deadline: float
    clock: Callable[[], float]

    def send(
        self, by_channel: Mapping[str, Sequence[OutboxEntry]], channels: Mapping[str, Channel]
    ) -> dict[str, _ChannelResult]:
        """Sends what each channel is owed."""
        if not by_channel:
            return {}
        pool = ThreadPoolExecutor(max_workers=len(by_channel))
        tasks = {
            pool.submit(self._send, name, mine, channels.get(name)): name
            for name, mine in by_channel.items()
        }
        ended, hanging = wait(tasks, timeout=max(0.0, self.deadline - self.clock()) + 1)
        if hanging:
            _log.error("a channel did not end in time", extra={"channels": len(hanging)})
        pool.shutdown(wait=False, cancel_futures=True)
        return {tasks[task]: task.result() for task in ended}

    def _send(
        self, name: str, owed: Sequence[OutboxEntry], channel: Channel | None
    ) -> _ChannelResult:
        if channel is None:
            facts = {"channel": name, "owed": len(owed)}
            _log.error("not delivered: no such channel", extra=facts)
            return _ChannelResult(rejected=list(owed))
        sending = _ChannelResult()
        # What another channel does not take is no news to one that has, or gets, its own copy.
        own: list[OutboxEntry] = []
        by_id: dict[str, list[OutboxEntry]] = defaultdict(list)
        for each in owed:
            has_own = each.channel != name and name in each.channels
            (own if has_own else by_id[each.notification.alert_id]).append(each)
        self._take(name, own, sending)
        notifications = [copies[0].notification for copies in by_id.values()]
        for sent in self._sent(name, channel, notifications):
            self._take(name, [e for it in sent.accepted for e in by_id[it.alert_id]], sending)
            if sent.rejected:
                facts = {"channel": name, "why": sent.why, "owed": len(sent.rejected)}
                _log.error("not delivered", extra=facts)
            if sent.permanent:
                sending.permanent = sent.why
                break
        taken = sending.ids
        sending.rejected = [each for each in owed if each.notification.alert_id not in taken]
        return sending

    def _sent(
        self, name: str, channel: Channel, notifications: Sequence[Notification]
    ) -> Iterator[SendResult]:
        """Sends; should the channel fail at one, each goes alone: the others get through."""
        if not notifications:
            return
        answered: set[str] = set()
        try:
            for sent in channel.send(notifications, deadline=self.deadline):
                answered |= {it.alert_id for it in (*sent.accepted, *sent.rejected)}
                yield sent
        except Exception as error:  # noqa: BLE001 (one channel's fault must not stop the others)
            left = [it for it in notifications if it.alert_id not in answered]
            facts = {"channel": name, "why": type(error).__name__, "owed": len(left)}
            _log.error("not delivered: the channel failed", extra=facts)
            for it in left if len(notifications) > 1 else ():
                yield from self._sent(name, channel, [it])

    def _take(self, name: str, taken: Sequence[OutboxEntry], sending: _ChannelResult) -> None:
        sending.accepted += taken
        if taken and not self.outbox.remove(taken):
            _log.error("delivered, but not marked so: it will be repeated", extra={"channel": name})
