"""Sending to Slack: only `ok` counts as accepted; a 429 is waited for if there is time."""

import logging
from collections.abc import Iterator
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
from tests.support.inboxes import Time
from tests.support.notifications import low

TWO_MESSAGES = [low(account=f"a{number:02}") for number in range(50)]
INVALID_PAYLOAD = loopback.Reply(400, b"invalid_payload", "text/plain")


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


def test_notifications_that_slack_accepts_are_accepted(slack: SlackInbox) -> None:
    (result,) = send(slack, [low()], Time())
    assert result == SendResult(accepted=(low(),))
    (message,) = slack.messages["default"]
    assert message["text"] == "sms is at 8.20 EUR, below 20.00 EUR"


def test_the_notifications_of_a_run_are_one_message(slack: SlackInbox) -> None:
    (result,) = send(slack, [low(account="a"), low(account="b")], Time())
    assert len(result.accepted) == 2
    assert len(slack.messages["default"]) == 1


def test_without_notifications_nothing_is_sent(slack: SlackInbox) -> None:
    assert send(slack, [], Time()) == []
    assert slack.requests == []


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (NO_SERVICE, "Slack answers HTTP 404, no_service."),
        (CHANNEL_IS_ARCHIVED, "Slack answers HTTP 410, channel_is_archived."),
        (ACTION_PROHIBITED, "Slack answers HTTP 403, action_prohibited."),
        (NOT_OK, "Slack answers HTTP 200, unexpected text."),
        (loopback.Reply(200, b"OK"), "Slack answers HTTP 200, unexpected text."),
        (loopback.Reply(200, b""), "Slack answers HTTP 200, unexpected text."),
        (loopback.Reply(200, b"ok <html>"), "Slack answers HTTP 200, unexpected text."),
        (loopback.Reply(201, b"ok"), "Slack answers HTTP 201, unexpected text."),
        (loopback.Reply(302, b"ok"), "Slack answers HTTP 302, unexpected text."),
        (LOST, "The connection broke."),
    ],
)
def test_a_reply_other_than_ok_rejects_its_message_and_the_next_is_sent(
    slack: SlackInbox, reply: loopback.Reply, why: str
) -> None:
    slack.script("default", reply)
    first, second = send(slack, TWO_MESSAGES, Time())
    assert (first.accepted, len(first.rejected), first.why) == ((), 49, why)
    assert (len(second.accepted), second.rejected) == (1, ())


def test_a_notification_that_slack_rejects_keeps_back_no_other(slack: SlackInbox) -> None:
    # Slack rejects the content of all five, of the first two and of the first; the rest it accepts.
    slack.script("default", INVALID_PAYLOAD, INVALID_PAYLOAD, INVALID_PAYLOAD)
    results = send(slack, [low(account=name) for name in "abcde"], Time())
    assert [it.account for result in results for it in result.rejected] == ["a"]
    accepted = sorted(it.account for result in results for it in result.accepted)
    assert accepted == ["b", "c", "d", "e"]


@pytest.mark.parametrize("status", [413, 500])
def test_a_large_message_that_is_rejected_is_sent_in_smaller_ones(
    slack: SlackInbox, status: int
) -> None:
    slack.script("default", loopback.Reply(status, b"too large", "text/plain"))
    results = send(slack, [low(account=f"a{number}") for number in range(49)], Time())
    assert [len(result.accepted) for result in results] == [24, 25]


def test_a_small_message_is_not_sent_in_smaller_ones_for_a_server_error(slack: SlackInbox) -> None:
    slack.script("default", ROLLUP_ERROR)
    (result,) = send(slack, [low(account="a"), low(account="b")], Time())
    assert (len(result.rejected), result.unsure) == (2, False)
    assert result.why == "Slack answers HTTP 500, rollup_error."


def test_an_unexpected_text_of_slack_is_not_repeated(slack: SlackInbox) -> None:
    slack.script("default", loopback.Reply(404, key().encode()))
    (result,) = send(slack, [low()], Time())
    assert result.why == "Slack answers HTTP 404, unexpected text."


def test_a_webhook_that_hangs_rejects_its_message(slack: SlackInbox) -> None:
    slack.script("default", HANG)
    begun = monotonic()
    (result,) = send(slack, [low()], Time(), left=0.1)
    why = "No complete reply came in time."
    assert result == SendResult(rejected=(low(),), why=why, unsure=True)
    assert monotonic() - begun < 5


def test_a_pause_that_slack_demands_is_waited_for(slack: SlackInbox) -> None:
    time = Time()
    slack.script("default", too_many_requests(7), too_many_requests(3))
    (result,) = send(slack, [low()], time)
    assert result.accepted
    assert time.slept == [7.0, 3.0]
    assert len(slack.requests) == 3


def test_a_pause_without_a_length_is_a_second(slack: SlackInbox) -> None:
    time = Time()
    slack.script("default", loopback.Reply(429, b"rate_limited"), too_many_requests(0))
    (result,) = send(slack, [low()], time)
    assert result.accepted
    assert time.slept == [1.0, 2.0]


def test_a_pause_that_is_too_long_rejects_the_message(slack: SlackInbox) -> None:
    time = Time()
    slack.script("default", too_many_requests(30))
    (result,) = send(slack, [low()], time, left=30)
    assert result.why == "Slack answers HTTP 429, and its pause exceeds the time left."
    assert (result.rejected, time.slept) == ((low(),), [])


def test_all_pauses_together_end_before_the_deadline(slack: SlackInbox) -> None:
    time = Time()
    slack.script("default", *(too_many_requests(20) for _ in range(3)))
    (result,) = send(slack, [low()], time, left=30)
    assert result.rejected
    assert time.slept == [20.0]


def test_without_time_left_nothing_is_sent(slack: SlackInbox) -> None:
    first, second = send(slack, TWO_MESSAGES, Time(), left=0)
    assert first.why == second.why == "There was no time left to send."
    assert slack.requests == []


def test_each_result_is_yielded_as_soon_as_its_message_is_sent(slack: SlackInbox) -> None:
    channel = SlackChannel(Transport([slack.authority]), slack.webhook("default"))
    sending = channel.send(TWO_MESSAGES, deadline=monotonic() + 30)
    assert len(next(sending).accepted) == 49
    assert len(slack.messages["default"]) == 1


class FakeTransport:
    """A fake transport that records the time-out of each attempt."""

    def __init__(self, *results: Reply | TransportError) -> None:
        self.results, self.timeouts = list(results), list[float]()

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        assert request.method == "POST"
        self.timeouts.append(timeout)
        result = self.results.pop(0)
        if isinstance(result, TransportError):
            raise result
        return result


def test_an_attempt_never_outlasts_the_deadline() -> None:
    transport, time = (
        FakeTransport(Reply(429, b"", {"retry-after": "25"}), Reply(200, b"ok")),
        Time(),
    )
    channel = SlackChannel(transport, "https://x", clock=time.clock, sleep=time.sleep)  # type: ignore[arg-type]
    list(channel.send([low()], deadline=time.now + 30))
    assert transport.timeouts == [10.0, 5.0]


def test_a_failure_of_the_transport_rejects_the_message() -> None:
    failure = TransportError(FailureKind.UNREACHABLE, "TLS failed.")
    channel = SlackChannel(FakeTransport(failure), "https://x")  # type: ignore[arg-type]
    (result,) = channel.send([low()], deadline=monotonic() + 30)
    assert result == SendResult(rejected=(low(),), why="TLS failed.", unsure=True)


def test_no_repr_reason_or_log_contains_the_address(
    slack: SlackInbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    name = key()
    url = slack.webhook(name)
    channel = SlackChannel(Transport([slack.authority]), url)
    (result,) = channel.send([low()], deadline=monotonic() + 5)
    assert result.why == "Slack answers HTTP 404, no_service."
    untrusted = SlackChannel(Transport(), url)
    (unsent_result,) = untrusted.send([low()], deadline=monotonic() + 5)
    assert unsent_result.rejected
    for shown in (repr(channel), repr(result), result.why, unsent_result.why, caplog.text):
        assert name not in shown
