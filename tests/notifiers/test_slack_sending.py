"""Slack: `ok` counts as accepted and nothing else does; a pause is kept if there is time for it."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

import pytest

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.reading import FailureKind
from balance_watch.notifiers.slack import SlackChannel
from balance_watch.transport import Reply, Request, Transport, TransportError
from local import loopback
from local.slack_inbox import (
    ACTION_PROHIBITED,
    CHANNEL_IS_ARCHIVED,
    HANG,
    LOST,
    NO_SERVICE,
    NOT_OK,
    ROLLUP_ERROR,
    SlackInbox,
    too_many_requests,
)
from tests.support.canaries import key
from tests.support.notifications import low

TWO_MESSAGES = [low(account=f"a{number:02}") for number in range(51)]
INVALID_PAYLOAD = loopback.Reply(400, b"invalid_payload", "text/plain")


@dataclass
class Time:
    """A clock that a sleep moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def slack() -> Iterator[SlackInbox]:
    with SlackInbox() as inbox:
        yield inbox


def send(
    slack: SlackInbox, notifications: list[Notification], time: Time, left: float = 30.0
) -> list[SendResult]:
    transport = Transport([slack.authority])
    url = slack.webhook("default")
    channel = SlackChannel(transport, url, clock=time.clock, sleep=time.sleep)
    return list(channel.send(notifications, deadline=time.now + left))


def test_what_slack_takes_is_accepted(slack: SlackInbox) -> None:
    (sent,) = send(slack, [low()], Time())
    assert sent == SendResult(accepted=(low(),))
    (message,) = slack.messages["default"]
    assert message["text"] == "sms is at 8.20 EUR, below 20.00 EUR"


def test_a_run_is_one_message(slack: SlackInbox) -> None:
    (sent,) = send(slack, [low(account="a"), low(account="b")], Time())
    assert len(sent.accepted) == 2
    assert len(slack.messages["default"]) == 1


def test_nothing_to_say_is_not_sent(slack: SlackInbox) -> None:
    assert send(slack, [], Time()) == []
    assert slack.requests == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (NO_SERVICE, "Slack answers HTTP 404, no_service."),
        (CHANNEL_IS_ARCHIVED, "Slack answers HTTP 410, channel_is_archived."),
        (ACTION_PROHIBITED, "Slack answers HTTP 403, action_prohibited."),
        (ROLLUP_ERROR, "Slack answers HTTP 500, rollup_error."),
        (NOT_OK, "Slack answers HTTP 200, no error word."),
        (loopback.Reply(200, b"OK"), "Slack answers HTTP 200, no error word."),
        (loopback.Reply(200, b""), "Slack answers HTTP 200, no error word."),
        (loopback.Reply(200, b"ok <html>"), "Slack answers HTTP 200, no error word."),
        (loopback.Reply(201, b"ok"), "Slack answers HTTP 201, no error word."),
        (loopback.Reply(302, b"ok"), "Slack answers HTTP 302, no error word."),
        (LOST, "The connection broke."),
    ],
)
def test_an_answer_other_than_ok_refuses_its_message_and_the_next_is_sent(
    slack: SlackInbox, answer: loopback.Reply, why: str
) -> None:
    slack.script("default", answer)
    first, second = send(slack, TWO_MESSAGES, Time())
    assert (first.accepted, len(first.rejected), first.why) == ((), 50, why)
    assert (len(second.accepted), second.rejected) == (1, ())


def test_one_notification_that_slack_does_not_take_keeps_back_no_other(slack: SlackInbox) -> None:
    # All five, the first two, the first alone: refused for what they hold. The rest is taken.
    slack.script("default", INVALID_PAYLOAD, INVALID_PAYLOAD, INVALID_PAYLOAD)
    sent = send(slack, [low(account=name) for name in "abcde"], Time())
    assert [it.account for each in sent for it in each.rejected] == ["a"]
    assert sorted(it.account for each in sent for it in each.accepted) == ["b", "c", "d", "e"]


def test_a_text_of_slacks_that_is_none_of_its_words_is_not_repeated(slack: SlackInbox) -> None:
    slack.script("default", loopback.Reply(404, key().encode()))
    (sent,) = send(slack, [low()], Time())
    assert sent.why == "Slack answers HTTP 404, no error word."


def test_a_webhook_that_hangs_refuses_its_message(slack: SlackInbox) -> None:
    slack.script("default", HANG)
    begun = monotonic()
    (sent,) = send(slack, [low()], Time(), left=0.1)
    assert sent == SendResult(rejected=(low(),), why="No complete reply came in time.")
    assert monotonic() - begun < 5


def test_a_pause_that_slack_asks_for_is_kept(slack: SlackInbox) -> None:
    time = Time()
    slack.script("default", too_many_requests(7), too_many_requests(3))
    (sent,) = send(slack, [low()], time)
    assert sent.accepted
    assert time.slept == [7.0, 3.0]
    assert len(slack.requests) == 3


def test_a_pause_without_a_length_is_a_second(slack: SlackInbox) -> None:
    time = Time()
    slack.script("default", loopback.Reply(429, b"rate_limited"), too_many_requests(0))
    (sent,) = send(slack, [low()], time)
    assert sent.accepted
    assert time.slept == [1.0, 1.0]


def test_a_pause_that_is_too_long_refuses_the_message(slack: SlackInbox) -> None:
    time = Time()
    slack.script("default", too_many_requests(30))
    (sent,) = send(slack, [low()], time, left=30)
    assert sent.why == "Slack answers 429, and asks for more time than is left."
    assert (sent.rejected, time.slept) == ((low(),), [])


def test_pauses_together_take_no_longer_than_there_is_time(slack: SlackInbox) -> None:
    time = Time()
    slack.script("default", *(too_many_requests(20) for _ in range(3)))
    (sent,) = send(slack, [low()], time, left=30)
    assert sent.rejected
    assert time.slept == [20.0]


def test_without_time_nothing_is_sent(slack: SlackInbox) -> None:
    first, second = send(slack, TWO_MESSAGES, Time(), left=0)
    assert first.why == second.why == "There was no time left to send."
    assert slack.requests == []


def test_each_message_is_told_of_as_soon_as_it_is_sent(slack: SlackInbox) -> None:
    channel = SlackChannel(Transport([slack.authority]), slack.webhook("default"))
    sending = channel.send(TWO_MESSAGES, deadline=monotonic() + 30)
    assert len(next(sending).accepted) == 50
    assert len(slack.messages["default"]) == 1


class Attempts:
    """A stand-in for the transport that notes the time it was given."""

    def __init__(self, *outcomes: Reply | TransportError) -> None:
        self.outcomes, self.timeouts = list(outcomes), list[float]()

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        assert request.method == "POST"
        self.timeouts.append(timeout)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome


def test_an_attempt_never_outlasts_what_is_left() -> None:
    attempts, time = Attempts(Reply(429, b"", {"retry-after": "25"}), Reply(200, b"ok")), Time()
    channel = SlackChannel(attempts, "https://x", clock=time.clock, sleep=time.sleep)  # type: ignore[arg-type]
    list(channel.send([low()], deadline=time.now + 30))
    assert attempts.timeouts == [10.0, 5.0]


def test_what_the_transport_cannot_do_is_a_refusal() -> None:
    failure = TransportError(FailureKind.UNREACHABLE, "TLS failed.")
    channel = SlackChannel(Attempts(failure), "https://x")  # type: ignore[arg-type]
    (sent,) = channel.send([low()], deadline=monotonic() + 30)
    assert sent == SendResult(rejected=(low(),), why="TLS failed.")


def test_the_address_is_in_no_repr_reason_or_log(
    slack: SlackInbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    name = key()
    url = slack.webhook(name)
    channel = SlackChannel(Transport([slack.authority]), url)
    (sent,) = channel.send([low()], deadline=monotonic() + 5)
    assert sent.why == "Slack answers HTTP 404, no_service."
    untrusted = SlackChannel(Transport(), url)
    (unsent,) = untrusted.send([low()], deadline=monotonic() + 5)
    assert unsent.rejected
    for shown in (repr(channel), repr(sent), sent.why, unsent.why, caplog.text):
        assert name not in shown
