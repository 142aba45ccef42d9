"""Delivery: every channel on its own, and what was accepted is taken off at once."""

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


class Outbox:
    """Notes what is taken off; `works` is whether that can be stored."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.settled: list[tuple[str, ...]] = []

    def remove(self, owed: Iterable[OutboxEntry]) -> bool:
        self.settled.append(tuple(f"{it.channel} {it.notification.account}" for it in owed))
        return self.works


class Scripted:
    """A channel that does as it is told."""

    def __init__(self, script: Callable[[Sequence[Notification]], Iterator[SendResult]]) -> None:
        self.script = script

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        assert deadline > 0
        return self.script(notifications)


@Scripted
def accepting(its: Sequence[Notification]) -> Iterator[SendResult]:
    yield SendResult(accepted=tuple(its))


@Scripted
def refusing(its: Sequence[Notification]) -> Iterator[SendResult]:
    yield SendResult(rejected=tuple(its), why="Slack answers HTTP 404, no_service.")


@Scripted
def breaking(its: Sequence[Notification]) -> Iterator[SendResult]:
    """One of them it cannot even write down."""
    for it in its:
        if it == TWO:
            raise RuntimeError(webhook())
        yield SendResult(accepted=(it,))


def owed(channel: str, *its: Notification) -> list[OutboxEntry]:
    return [OutboxEntry(it, channel) for it in its]


def delivered(
    it: Sequence[OutboxEntry], outbox: Outbox | None = None, left: float = 5.0, **channels: Channel
) -> tuple[int, int]:
    end = monotonic() + left
    result = deliver(it, channels=channels, outbox=outbox or Outbox(), deadline=end)
    return result.delivered, result.undelivered


def test_what_is_accepted_is_taken_off() -> None:
    outbox = Outbox()
    assert delivered(owed("sns", ONE, TWO), outbox, sns=accepting) == (2, 0)
    assert outbox.settled == [("sns one", "sns two")]


def test_nothing_owed_is_nothing_done() -> None:
    outbox = Outbox()
    assert delivered([], outbox, sns=accepting) == (0, 0)
    assert outbox.settled == []


def test_what_is_refused_is_owed_still(caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox()
    assert delivered(owed("sns", ONE), outbox, sns=refusing) == (0, 1)
    assert outbox.settled == []
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert vars(record)["why"] == "Slack answers HTTP 404, no_service."


def test_a_channel_is_given_what_is_owed_to_it_alone() -> None:
    given: dict[str, list[str]] = {}

    def noting(name: str) -> Scripted:
        def script(its: Sequence[Notification]) -> Iterator[SendResult]:
            given[name] = [it.account for it in its]
            yield SendResult(accepted=tuple(its))

        return Scripted(script)

    both = [*owed("a", ONE, TWO), *owed("b", ONE, THREE)]
    assert delivered(both, a=noting("a"), b=noting("b")) == (4, 0)
    assert given == {"a": ["one", "two"], "b": ["one", "three"]}


def test_each_message_is_taken_off_before_the_next_is_sent() -> None:
    outbox = Outbox()

    def script(its: Sequence[Notification]) -> Iterator[SendResult]:
        for number, it in enumerate(its):
            assert len(outbox.settled) == number
            yield SendResult(accepted=(it,))

    assert delivered(owed("sns", ONE, TWO, THREE), outbox, sns=Scripted(script)) == (3, 0)
    assert outbox.settled == [("sns one",), ("sns two",), ("sns three",)]


def test_one_of_a_message_that_was_refused_is_owed_alone() -> None:
    outbox = Outbox()

    @Scripted
    def partly(its: Sequence[Notification]) -> Iterator[SendResult]:
        yield SendResult(accepted=(its[1],), rejected=(its[0],), why="SNS answers InternalError.")

    assert delivered(owed("sns", ONE, TWO), outbox, sns=partly) == (1, 1)
    assert outbox.settled == [("sns two",)]


def test_a_channel_that_breaks_stops_no_other_and_keeps_what_was_accepted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox = Outbox()
    both = [*owed("bad", ONE, TWO, THREE), *owed("good", ONE)]
    assert delivered(both, outbox, bad=breaking, good=accepting) == (3, 1)
    assert sorted(outbox.settled) == [("bad one",), ("bad three",), ("good one",)]
    assert CORE not in caplog.text, "an error's own text may hold an address"


def test_what_goes_to_no_known_channel_is_owed_still(caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox()
    both = [*owed("slack:gone", ONE), *owed("sns", ONE)]
    assert delivered(both, outbox, sns=accepting) == (1, 1)
    assert outbox.settled == [("sns one",)]
    assert vars(caplog.records[0])["channel"] == "slack:gone"


def test_what_is_owed_to_a_channel_that_is_gone_is_sent_once_by_its_stand_in() -> None:
    outbox = Outbox()
    it = [*owed("slack:gone", low()), *owed("sns", low()), *owed("slack:gone", low(account="b"))]
    result = deliver(
        it,
        channels={"sns": Scripted(accepting.script)},
        outbox=outbox,
        deadline=monotonic() + 5,
        fallbacks=("sns",),
    )
    assert (result.delivered, result.undelivered) == (3, 0)


def test_channels_are_served_side_by_side() -> None:
    together = Barrier(3, timeout=5)

    @Scripted
    def waiting(its: Sequence[Notification]) -> Iterator[SendResult]:
        together.wait()
        yield SendResult(accepted=tuple(its))

    three = [*owed("a", ONE), *owed("b", ONE), *owed("c", ONE)]
    assert delivered(three, a=waiting, b=waiting, c=waiting) == (3, 0)


def test_channels_that_hang_hold_up_neither_the_others_nor_the_run() -> None:
    outbox, release = Outbox(), Event()

    @Scripted
    def hanging(its: Sequence[Notification]) -> Iterator[SendResult]:
        release.wait(20)
        yield SendResult(rejected=tuple(its), why="late")

    begun = monotonic()
    hangers = {f"h{number}": hanging for number in range(4)}
    all_owed = [each for name in hangers for each in owed(name, ONE)] + owed("good", ONE)
    try:
        result = delivered(all_owed, outbox, left=0.05, good=accepting, **hangers)
    finally:
        release.set()
    assert result == (1, 4)
    assert outbox.settled == [("good one",)]
    assert monotonic() - begun < 3, "one second of grace for all of them, not for each"


def test_what_was_delivered_but_not_marked_is_told(caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox(works=False)
    assert delivered(owed("sns", ONE), outbox, sns=accepting) == (1, 0)
    assert "it will be repeated" in caplog.text


GONE = "Slack answers HTTP 404, no_service."


@Scripted
def gone(its: Sequence[Notification]) -> Iterator[SendResult]:
    yield SendResult(rejected=tuple(its[:1]), why=GONE, permanent=True)
    raise AssertionError("what is gone is asked once")


def test_what_a_channel_that_is_gone_for_good_was_owed_is_sent_by_its_stand_in() -> None:
    outbox, taken = Outbox(), list[str]()

    @Scripted
    def noting(its: Sequence[Notification]) -> Iterator[SendResult]:
        taken.extend(it.account for it in its)
        yield SendResult(accepted=tuple(its))

    result = deliver(
        [*owed("slack:oncall", ONE), *entries_for(TWO, ("slack:oncall", "sns"))],
        channels={"slack:oncall": gone, "sns": noting},
        outbox=outbox,
        deadline=monotonic() + 5,
        fallbacks=("slack:default", "sns"),
    )
    assert (result.delivered, result.undelivered) == (3, 0)
    assert (dict(result.permanent), result.recovered) == (
        {"slack:oncall": GONE},
        frozenset({"sns"}),
    )
    assert sorted(taken) == ["one", "two"], "the stand-in is told nothing twice"
    settled = sorted(each for call in outbox.settled for each in call)
    assert settled == ["slack:oncall one", "slack:oncall two", "sns two"]


def test_without_a_stand_in_what_a_channel_that_is_gone_was_owed_stays_owed() -> None:
    assert delivered(owed("oncall", ONE), oncall=gone) == (0, 1)


def test_a_stand_in_that_is_gone_too_is_none() -> None:
    result = deliver(
        [*owed("slack:oncall", ONE), *owed("slack:default", TWO)],
        channels={"slack:oncall": gone, "slack:default": gone, "sns": accepting},
        outbox=Outbox(),
        deadline=monotonic() + 5,
        fallbacks=("slack:default", "sns"),
    )
    assert (result.delivered, result.undelivered, result.recovered) == (2, 0, frozenset({"sns"}))
