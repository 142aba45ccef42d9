"""Delivery: channels do not delay each other, and accepted entries are removed at once."""

import logging
from collections.abc import Iterator, Sequence
from threading import Barrier, Event
from time import monotonic

import pytest

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.usecases.delivery import deliver
from tests.support.canaries import CORE, webhook
from tests.support.scripted_channels import (
    ONE,
    THREE,
    TWO,
    FakeOutbox,
    ScriptedChannel,
    accepting,
    delivered,
    pending,
    rejecting,
)


@ScriptedChannel
def raising(notifications: Sequence[Notification]) -> Iterator[SendResult]:
    """Raises an error at one of the notifications."""
    for notification in notifications:
        if notification == TWO:
            raise RuntimeError(webhook())
        yield SendResult(accepted=(notification,))


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


def test_what_a_channel_accepted_before_it_hangs_counts() -> None:
    outbox, release = FakeOutbox(), Event()

    @ScriptedChannel
    def late(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        yield SendResult(accepted=(notifications[0],))
        release.wait(20)
        yield SendResult(rejected=tuple(notifications[1:]), why="late")

    channels = {"sns": late}
    try:
        report = deliver(
            pending("sns", ONE, TWO),
            channels=channels,
            outbox=outbox,
            deadline=monotonic() + 0.05,
        )
    finally:
        release.set()
    assert (report.delivered, report.undelivered) == (1, 1)
    assert report.recovered == {"sns"}
    assert report.rejecting == {}


def test_a_delivered_entry_that_cannot_be_removed_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox = FakeOutbox(works=False)
    assert delivered(pending("sns", ONE), outbox, sns=accepting) == (1, 0)
    assert "it will be sent again" in caplog.text


def test_what_needs_no_message_tells_nothing_of_its_channel() -> None:
    @ScriptedChannel
    def sending_one(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        yield SendResult(accepted=(notifications[0],), unsent=True)
        for notification in notifications[1:]:
            yield SendResult(rejected=(notification,), why="It answers HTTP 503.")

    for notifications, rejecting_why in (((ONE,), {}), ((ONE, TWO), {"a": "It answers HTTP 503."})):
        report = deliver(
            pending("a", *notifications),
            channels={"a": sending_one},
            outbox=FakeOutbox(),
            deadline=monotonic() + 5,
        )
        assert report.delivered == 1
        assert report.recovered == frozenset()
        assert report.rejecting == rejecting_why
