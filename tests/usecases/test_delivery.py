"""Delivery: channels do not delay each other, and accepted entries are removed at once."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Barrier, Event
from time import monotonic

import pytest

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.outbox import OutboxEntry, entries_for
from balance_watch.notifiers.channels import Channel
from balance_watch.usecases.delivery import deliver
from tests.support.canaries import CORE, webhook
from tests.support.notifications import low

ONE, TWO, THREE = (low(account=name) for name in ("one", "two", "three"))


class FakeOutbox:
    """Records the entries that are removed; `works` is False if that cannot be stored."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.removed: list[tuple[str, ...]] = []

    def remove(self, entries: Iterable[OutboxEntry]) -> bool:
        self.removed.append(
            tuple(f"{entry.channel} {entry.notification.account}" for entry in entries)
        )
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


@ScriptedChannel
def raising(notifications: Sequence[Notification]) -> Iterator[SendResult]:
    """Raises an error at one of the notifications."""
    for notification in notifications:
        if notification == TWO:
            raise RuntimeError(webhook())
        yield SendResult(accepted=(notification,))


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


def test_accepted_entries_are_removed() -> None:
    outbox = FakeOutbox()
    assert delivered(pending("sns", ONE, TWO), outbox, sns=accepting) == (2, 0)
    assert outbox.removed == [("sns one", "sns two")]


def test_without_pending_entries_nothing_happens() -> None:
    outbox = FakeOutbox()
    assert delivered([], outbox, sns=accepting) == (0, 0)
    assert outbox.removed == []


def test_a_rejected_entry_stays_pending(caplog: pytest.LogCaptureFixture) -> None:
    outbox = FakeOutbox()
    assert delivered(pending("sns", ONE), outbox, sns=rejecting) == (0, 1)
    assert outbox.removed == []
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert vars(record)["why"] == "Slack answers HTTP 404, no_service."


def test_a_channel_gets_only_its_own_entries() -> None:
    received: dict[str, list[str]] = {}

    def recording(name: str) -> ScriptedChannel:
        def script(notifications: Sequence[Notification]) -> Iterator[SendResult]:
            received[name] = [notification.account for notification in notifications]
            yield SendResult(accepted=tuple(notifications))

        return ScriptedChannel(script)

    entries = [*pending("a", ONE, TWO), *pending("b", ONE, THREE)]
    assert delivered(entries, a=recording("a"), b=recording("b")) == (4, 0)
    assert received == {"a": ["one", "two"], "b": ["one", "three"]}


def test_each_accepted_entry_is_removed_before_the_next_is_sent() -> None:
    outbox = FakeOutbox()

    def script(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        for number, notification in enumerate(notifications):
            assert len(outbox.removed) == number
            yield SendResult(accepted=(notification,))

    assert delivered(pending("sns", ONE, TWO, THREE), outbox, sns=ScriptedChannel(script)) == (3, 0)
    assert outbox.removed == [("sns one",), ("sns two",), ("sns three",)]


def test_only_the_rejected_entry_of_a_message_stays_pending() -> None:
    outbox = FakeOutbox()

    @ScriptedChannel
    def partly(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        yield SendResult(
            accepted=(notifications[1],),
            rejected=(notifications[0],),
            why="SNS answers InternalError.",
        )

    assert delivered(pending("sns", ONE, TWO), outbox, sns=partly) == (1, 1)
    assert outbox.removed == [("sns two",)]


def test_a_channel_that_raises_stops_no_other_channel_and_no_other_entry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox = FakeOutbox()
    entries = [*pending("bad", ONE, TWO, THREE), *pending("good", ONE)]
    assert delivered(entries, outbox, bad=raising, good=accepting) == (3, 1)
    assert sorted(outbox.removed) == [("bad one",), ("bad three",), ("good one",)]
    assert CORE not in caplog.text, "the text of an error may contain an address"


def test_an_entry_for_a_missing_channel_stays_pending(caplog: pytest.LogCaptureFixture) -> None:
    outbox = FakeOutbox()
    entries = [*pending("slack:missing", ONE), *pending("sns", ONE)]
    assert delivered(entries, outbox, sns=accepting) == (1, 1)
    assert outbox.removed == [("sns one",)]
    assert vars(caplog.records[0])["channel"] == "slack:missing"


def test_the_entries_of_a_missing_channel_are_sent_by_a_fallback_once() -> None:
    outbox = FakeOutbox()
    entries = [
        *pending("slack:missing", low()),
        *pending("sns", low()),
        *pending("slack:missing", low(account="b")),
    ]
    report = deliver(
        entries,
        channels={"sns": ScriptedChannel(accepting.script)},
        outbox=outbox,
        deadline=monotonic() + 5,
        fallbacks=("sns",),
    )
    assert (report.delivered, report.undelivered) == (3, 0)


def test_channels_are_served_in_parallel() -> None:
    together = Barrier(3, timeout=5)

    @ScriptedChannel
    def waiting(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        together.wait()
        yield SendResult(accepted=tuple(notifications))

    entries = [*pending("a", ONE), *pending("b", ONE), *pending("c", ONE)]
    assert delivered(entries, a=waiting, b=waiting, c=waiting) == (3, 0)


def test_channels_that_hang_delay_neither_the_others_nor_the_run() -> None:
    outbox, release = FakeOutbox(), Event()

    @ScriptedChannel
    def hanging(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        release.wait(20)
        yield SendResult(rejected=tuple(notifications), why="late")

    begun = monotonic()
    hanging_channels = {f"h{number}": hanging for number in range(4)}
    entries = [OutboxEntry(ONE, name) for name in (*hanging_channels, "good")]
    try:
        result = delivered(entries, outbox, left=0.05, good=accepting, **hanging_channels)
    finally:
        release.set()
    assert result == (1, 4)
    assert outbox.removed == [("good one",)]
    assert monotonic() - begun < 3, "one second of grace for all of them, not for each"


def test_a_delivered_entry_that_cannot_be_removed_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox = FakeOutbox(works=False)
    assert delivered(pending("sns", ONE), outbox, sns=accepting) == (1, 0)
    assert "it will be sent again" in caplog.text


DEAD = "Slack answers HTTP 404, no_service."


@ScriptedChannel
def dead(notifications: Sequence[Notification]) -> Iterator[SendResult]:
    yield SendResult(rejected=tuple(notifications[:1]), why=DEAD, permanent=True)
    raise AssertionError("a dead channel is tried once")


def test_the_entries_of_a_dead_channel_are_sent_by_a_fallback() -> None:
    outbox, received = FakeOutbox(), list[str]()

    @ScriptedChannel
    def recording(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        received.extend(notification.account for notification in notifications)
        yield SendResult(accepted=tuple(notifications))

    report = deliver(
        [*pending("slack:oncall", ONE), *entries_for(TWO, ("slack:oncall", "sns"))],
        channels={"slack:oncall": dead, "sns": recording},
        outbox=outbox,
        deadline=monotonic() + 5,
        fallbacks=("slack:default", "sns"),
    )
    assert (report.delivered, report.undelivered) == (3, 0)
    assert (dict(report.permanent), report.recovered) == (
        {"slack:oncall": DEAD},
        frozenset({"sns"}),
    )
    assert sorted(received) == ["one", "two"], "the fallback gets nothing twice"
    removed = sorted(entry for call in outbox.removed for entry in call)
    assert removed == ["slack:oncall one", "slack:oncall two", "sns two"]


def test_without_a_fallback_the_entries_of_a_dead_channel_stay_pending() -> None:
    assert delivered(pending("oncall", ONE), oncall=dead) == (0, 1)


def test_a_dead_channel_is_not_a_fallback() -> None:
    report = deliver(
        [*pending("slack:oncall", ONE), *pending("slack:default", TWO)],
        channels={"slack:oncall": dead, "slack:default": dead, "sns": accepting},
        outbox=FakeOutbox(),
        deadline=monotonic() + 5,
        fallbacks=("slack:default", "sns"),
    )
    assert (report.delivered, report.undelivered, report.recovered) == (2, 0, frozenset({"sns"}))
