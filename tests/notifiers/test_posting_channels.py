"""Every kind of channel that posts to a service sorts refusals alike, and keeps to its limits."""

import logging
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.notifiers.channels import KINDS, Connections
from balance_watch.transport import Transport
from local.loopback import Reply
from local.scripted_inbox import HANG, LOST, ScriptedInbox
from tests.support.canaries import CORE
from tests.support.inboxes import INBOXES, Time, channel_to, configured, send
from tests.support.notifications import anything, low

PASSING = (408, 425, 500, 502, 503, 504)
LASTING = (401, 403, 404, 405, 410)


def too_many(seconds: int) -> Reply:
    return Reply(429, b"{}", headers={"Retry-After": str(seconds)})


def test_every_kind_with_a_secret_has_an_inbox() -> None:
    assert {name for name, it in KINDS.items() if it.parse_secret} - {"slack"} == INBOXES.keys()


def test_an_alert_that_the_service_accepts_is_accepted(kind: str, inbox: ScriptedInbox) -> None:
    assert send(kind, inbox, [low()]) == [SendResult(accepted=(low(),))]
    assert len(inbox.messages) == 1


def test_without_alerts_nothing_is_sent(kind: str, inbox: ScriptedInbox) -> None:
    assert send(kind, inbox, []) == []
    assert inbox.requests == []


@pytest.mark.parametrize("status", PASSING)
def test_a_refusal_that_passes_is_not_permanent_and_the_next_alert_is_tried(
    kind: str, inbox: ScriptedInbox, status: int
) -> None:
    inbox.script(Reply(status, b"no"))
    (result,) = send(kind, inbox, [low()])
    assert (result.rejected, result.permanent, result.unsure) == ((low(),), False, False)
    assert f"answers HTTP {status}." in result.why
    assert send(kind, inbox, [low()])[0].accepted


@pytest.mark.parametrize("status", LASTING)
def test_a_refusal_that_lasts_is_permanent(kind: str, inbox: ScriptedInbox, status: int) -> None:
    inbox.script(Reply(status, b"no"))
    (result,) = send(kind, inbox, [low()])
    assert (result.rejected, result.permanent) == ((low(),), True)
    assert f"answers HTTP {status}." in result.why


@pytest.mark.parametrize("status", [400, 413, 422])
def test_an_alert_whose_content_is_rejected_keeps_back_no_other(
    kind: str, inbox: ScriptedInbox, status: int
) -> None:
    # A message with both is rejected, then the one with the first of them.
    both = 1 if len(render(kind, inbox, [low(account="a"), low(account="b")])) > 1 else 2
    inbox.script(*[Reply(status, b"no")] * both)
    results = send(kind, inbox, [low(account="a"), low(account="b")])
    assert [it.account for result in results for it in result.accepted] == ["b"]
    (refused,) = [result for result in results if result.rejected]
    assert ([it.account for it in refused.rejected], refused.permanent) == (["a"], False)


def test_a_service_that_rejects_every_content_refuses_for_good_and_is_soon_left_alone(
    kind: str, inbox: ScriptedInbox
) -> None:
    alerts = [low(account=f"a{number}") for number in range(9)]
    inbox.script(*[Reply(400, b"no")] * 99)
    results = send(kind, inbox, alerts)
    assert sorted(it.account for result in results for it in result.rejected) == sorted(
        it.account for it in alerts
    )
    assert all(result.permanent for result in results)
    assert len(inbox.requests) < len(alerts)


def render(kind: str, inbox: ScriptedInbox, alerts: list[Notification]) -> list[object]:
    return list(channel_to(kind, inbox, Time()).service.render(alerts))


def test_a_pause_that_the_service_demands_is_waited_for(kind: str, inbox: ScriptedInbox) -> None:
    time = Time()
    inbox.script(too_many(7), too_many(3))
    assert send(kind, inbox, [low()], time)[0].accepted
    assert time.slept == [7.0, 3.0]


def test_pauses_without_a_length_become_longer(kind: str, inbox: ScriptedInbox) -> None:
    time = Time()
    inbox.script(*[Reply(429, b"no JSON")] * 4)
    assert send(kind, inbox, [low()], time)[0].accepted
    assert time.slept == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("value", ["-5", "soon", "", "1e3", "NaN", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_pause_that_is_no_time_to_come_is_a_second(
    kind: str, inbox: ScriptedInbox, value: str
) -> None:
    time = Time()
    inbox.script(Reply(429, b"{}", headers={"Retry-After": value}))
    assert send(kind, inbox, [low()], time)[0].accepted
    assert time.slept == [1.0]


@pytest.mark.parametrize("value", ["1000000000000", "9" * 400, "Fri, 01 Jan 2999 00:00:00 GMT"])
def test_a_pause_of_ages_ends_the_turn_at_once(kind: str, inbox: ScriptedInbox, value: str) -> None:
    time = Time()
    inbox.script(*[Reply(429, b"{}", headers={"Retry-After": value})] * 40)
    (result,) = send(kind, inbox, [low()], time)
    assert (result.rejected, result.permanent) == ((low(),), False)
    assert sum(time.slept) < 30


def test_a_pause_that_is_too_long_rejects_all_that_is_left(kind: str, inbox: ScriptedInbox) -> None:
    time, alerts = Time(), [low(account=f"a{number:02}") for number in range(12)]
    inbox.script(too_many(30))
    results = send(kind, inbox, alerts, time)
    assert {it.account for result in results for it in result.rejected} == {
        it.account for it in alerts
    }
    assert not any(result.permanent for result in results)
    assert all("its pause exceeds the time left." in result.why for result in results)
    assert (len(inbox.requests), time.slept) == (1, [])


def test_without_time_left_nothing_is_sent(kind: str, inbox: ScriptedInbox) -> None:
    (result,) = send(kind, inbox, [low()], left=0)
    assert result == SendResult(rejected=(low(),), why="There was no time left to send.")
    assert inbox.requests == []


def test_a_service_that_hangs_may_have_accepted(kind: str, inbox: ScriptedInbox) -> None:
    inbox.script(HANG)
    begun = monotonic()
    (result,) = send(kind, inbox, [low()], left=0.5)
    assert (result.rejected, result.unsure, result.permanent) == ((low(),), True, False)
    assert monotonic() - begun < 5


def test_a_reply_that_is_lost_may_have_been_an_acceptance(kind: str, inbox: ScriptedInbox) -> None:
    inbox.script(LOST)
    (result,) = send(kind, inbox, [low()])
    assert (result.why, result.unsure) == ("The connection broke.", True)


def test_a_redirect_is_not_followed_and_passes(kind: str, inbox: ScriptedInbox) -> None:
    inbox.script(Reply(302, b"", headers={"Location": f"{inbox.url}/elsewhere"}))
    (result,) = send(kind, inbox, [low()])
    assert (result.rejected, result.permanent) == ((low(),), False)
    assert len(inbox.requests) == 1


def test_what_a_service_says_is_not_repeated(kind: str, inbox: ScriptedInbox) -> None:
    inbox.script(Reply(404, f"no {CORE} here".encode()))
    (result,) = send(kind, inbox, [low()])
    assert CORE not in result.why


def test_no_repr_reason_or_log_contains_the_address(
    kind: str, inbox: ScriptedInbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = channel_to(kind, inbox, Time())
    inbox.script(Reply(404, b"no"))
    (result,) = channel.send([low()], deadline=1030)
    unconnected = configured(kind, inbox.secret)
    assert CORE in unconnected.address
    untrusted = unconnected.connect(Connections(Transport(), lambda _: None))
    (unsent,) = untrusted.send([low()], deadline=monotonic() + 5)
    assert (unsent.rejected, unsent.unsure) == ((low(),), False)
    for shown in (channel, unconnected, untrusted, result, unsent, caplog.text):
        assert CORE not in repr(shown)


@given(notifications=st.lists(anything(), min_size=1, max_size=3))
@examples(max_examples=40)
@pytest.mark.parametrize("name", INBOXES)
def test_whatever_is_announced_keeps_to_the_limits_of_the_service(
    name: str, notifications: list[Notification]
) -> None:
    with INBOXES[name]() as server:
        results = send(name, server, notifications)
        assert server.faults == []
        assert sum(len(result.accepted) for result in results) == len(notifications)
