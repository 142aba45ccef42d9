"""Channels that send by a script, an outbox that records what is removed, and a delivery."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.notifiers.channels import Channel
from balance_watch.usecases.delivery import deliver
from tests.support.notifications import low

ONE, TWO, THREE = (low(account=name) for name in ("one", "two", "three"))


class FakeOutbox:
    """Records the entries that are removed or taken; `works` is False if that cannot be stored."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.removed: list[tuple[str, ...]] = []
        self.taken: list[tuple[str, ...]] = []

    def whole(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        return list(entries)

    def remove(self, entries: Iterable[OutboxEntry]) -> bool:
        self.removed.append(
            tuple(f"{entry.channel} {entry.notification.account}" for entry in entries)
        )
        return self.works

    def mark_taken(self, entries: Iterable[OutboxEntry], channel: str) -> bool:
        self.taken.append((channel, *(entry.notification.account for entry in entries)))
        return self.works


class ScriptedChannel:
    """A channel that sends by a script."""

    def __init__(self, script: Callable[[Sequence[Notification]], Iterator[SendResult]]) -> None:
        self.script = script

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        assert deadline > 0
        return self.script(notifications)


@ScriptedChannel
def accepting(notifications: Sequence[Notification]) -> Iterator[SendResult]:
    yield SendResult(accepted=tuple(notifications))


@ScriptedChannel
def rejecting(notifications: Sequence[Notification]) -> Iterator[SendResult]:
    yield SendResult(rejected=tuple(notifications), why="Slack answers HTTP 404, no_service.")


def pending(channel: str, *notifications: Notification) -> list[OutboxEntry]:
    return [OutboxEntry(notification, channel) for notification in notifications]


def delivered(
    entries: Sequence[OutboxEntry],
    outbox: FakeOutbox | None = None,
    left: float = 5.0,
    **channels: Channel,
) -> tuple[int, int]:
    """Returns how many entries were delivered, and how many were not."""
    end = monotonic() + left
    report = deliver(entries, channels=channels, outbox=outbox or FakeOutbox(), deadline=end)
    return report.delivered, report.undelivered
