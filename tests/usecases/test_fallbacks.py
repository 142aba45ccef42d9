"""Entries of a missing or dead channel: a fallback gets them, or they stay pending."""

from collections.abc import Iterator, Sequence
from time import monotonic

import pytest

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.outbox import entries_for
from balance_watch.usecases.delivery import deliver
from tests.support.notifications import low
from tests.support.scripted_channels import (
    ONE,
    TWO,
    FakeOutbox,
    ScriptedChannel,
    accepting,
    delivered,
    pending,
)


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
    assert (report.delivered, report.undelivered) == (2, 0)
    assert (dict(report.permanent), report.recovered) == (
        {"slack:oncall": DEAD},
        frozenset({"sns"}),
    )
    assert sorted(received) == ["one", "two"], "the fallback gets nothing twice"
    assert outbox.removed == [("sns two",)], "the dead channel is owed its own"
    assert outbox.taken == [("sns", "one")]


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
