"""Sends what is owed, marks what was accepted, and lets no channel hold up another."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple, Protocol

from balance_watch.domain.notification import Notification, Owed, Sent

_log = logging.getLogger(__name__)


class Channel(Protocol):
    """Something that takes notifications."""

    def send(self, notifications: Sequence[Notification], *, deadline: float) -> Iterator[Sent]:
        """Sends everything, yielding what became of each message as soon as it is known."""
        ...


class Outbox(Protocol):
    """Where what was accepted is taken off."""

    def settle(self, owed: Iterable[Owed]) -> bool:
        """Takes off what was accepted; False when that could not be stored."""
        ...


class Delivered(NamedTuple):
    """How many notifications were accepted and how many were not, each per channel."""

    delivered: int = 0
    undelivered: int = 0


def deliver(  # noqa: PLR0913 (each is a part that it works with)
    owed: Sequence[Owed],
    *,
    channels: Mapping[str, Channel],
    outbox: Outbox,
    deadline: float,
    stand_in: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Delivered:
    """Sends what is owed, every channel on its own, and takes off what was accepted at once.

    Args:
        owed: all that is owed.
        channels: by name, as `Owed.channel` has it.
        stand_in: takes what is owed to a channel that there is not; None: it stays owed.
        outbox: where it is owed.
        deadline: when to have ended, on the clock.
        clock: seconds, monotonic.
    """
    by_channel: dict[str, list[Owed]] = defaultdict(list)
    for each in owed:
        there = each.channel in channels or stand_in is None
        by_channel[each.channel if there else stand_in or ""].append(each)
    if not by_channel:
        return Delivered()
    pool = ThreadPoolExecutor(max_workers=len(by_channel))
    tasks = [
        pool.submit(_send, name, mine, channels.get(name), outbox, deadline)
        for name, mine in by_channel.items()
    ]
    ended, hanging = wait(tasks, timeout=max(0.0, deadline - clock()) + 1)
    if hanging:
        _log.error("a channel did not end in time", extra={"channels": len(hanging)})
    pool.shutdown(wait=False, cancel_futures=True)
    accepted = sum(task.result() for task in ended)
    return Delivered(accepted, len(owed) - accepted)


def _send(
    name: str, owed: Sequence[Owed], channel: Channel | None, outbox: Outbox, deadline: float
) -> int:
    """Returns how many were accepted."""
    if channel is None:
        _log.error("not delivered: no such channel", extra={"channel": name, "owed": len(owed)})
        return 0
    by_id: dict[str, list[Owed]] = defaultdict(list)
    for each in owed:
        by_id[each.notification.alert_id].append(each)
    accepted = 0
    try:
        notifications = [copies[0].notification for copies in by_id.values()]
        for sent in channel.send(notifications, deadline=deadline):
            taken = [each for it in sent.accepted for each in by_id[it.alert_id]]
            accepted += len(taken)
            if taken and not outbox.settle(taken):
                _log.error(
                    "delivered, but not marked so: it will be repeated", extra={"channel": name}
                )
            if sent.refused:
                facts = {"channel": name, "why": sent.why, "owed": len(sent.refused)}
                _log.error("not delivered", extra=facts)
    except Exception as error:  # noqa: BLE001 (one channel's fault must not stop the others)
        facts = {"channel": name, "why": type(error).__name__}
        _log.error("not delivered: the channel failed", extra=facts)
    return accepted
