"""Presses that Slack has signed, of buttons and messages that somebody made up.

Whoever has a webhook of the app can post a message with any button in it.
"""

import json
from typing import Any

import pytest

from balance_watch.handlers.slack_actions import respond
from balance_watch.wiring import SlackActionsWiring
from tests.support.check_bench import Bench
from tests.support.examples import TICK
from tests.support.pressed_alerts import MINUTE, Begun, Make, low
from tests.support.slack_presses import (
    BOB,
    Message,
    SlackTransport,
    button,
    pressed,
    request,
)

UNKNOWN = "This alert is no longer known, so nothing was done."
NOW = TICK + MINUTE


@pytest.fixture
def message(bench: Bench, channel: Make) -> Message:
    low(bench, "sms", "mail")
    return channel().message


def sends(wired: SlackActionsWiring, body: bytes) -> int:
    return int(respond(wired, request(body, NOW), NOW)["statusCode"])


def value_of(message: Message, account: str) -> dict[str, Any]:
    actions = (block for block in message["blocks"] if block["type"] == "actions")
    values = (json.loads(it["value"]) for block in actions for it in block["elements"])
    return next(value for value in values if value["account"] == account)


def assert_nothing_was_done(bench: Bench, slack: SlackTransport) -> None:
    assert bench.store.silences.at(NOW) == ()
    assert bench.store.acknowledgements.by_alert() == {}
    assert bench.store.outbox.pending().orders == []
    assert [it["text"] for it in slack.answers] == [UNKNOWN]


@pytest.mark.parametrize("action_id", ["acknowledge", "silence:1w", "top_up"])
@pytest.mark.parametrize("account", ["mail", "gone", "*", "\x00", "../RUN", "EVENTS", None])
def test_an_alert_under_the_name_of_another_account_is_not_known(
    bench: Bench,
    wired: SlackActionsWiring,
    slack: SlackTransport,
    message: Message,
    action_id: str,
    account: str | None,
) -> None:
    value = {**value_of(message, "sms"), "account": account}
    made = {"action_id": action_id, "value": json.dumps(value)}
    assert sends(wired, pressed(message, made)) == 200
    assert_nothing_was_done(bench, slack)


@pytest.mark.parametrize(
    "change", [{"at": 0}, {"at": 1}, {"alert": "00000000-0000-0000-0000-000000000000"}]
)
def test_an_alert_of_another_time_or_id_is_not_known(
    bench: Bench,
    wired: SlackActionsWiring,
    slack: SlackTransport,
    message: Message,
    change: dict[str, Any],
) -> None:
    made = {
        "action_id": "silence:1h",
        "value": json.dumps({**value_of(message, "sms"), **change}),
    }
    assert sends(wired, pressed(message, made)) == 200
    assert_nothing_was_done(bench, slack)


def test_a_payment_is_not_ordered_at_an_alert_of_an_account_that_cannot_be_paid(
    bench: Bench, wired: SlackActionsWiring, slack: SlackTransport, message: Message, begun: Begun
) -> None:
    made = {"action_id": "top_up", "value": json.dumps(value_of(message, "sms"))}
    assert sends(wired, pressed(message, made)) == 200
    assert [it["text"] for it in slack.answers] == ["This cannot be done for this alert."]
    assert (bench.store.outbox.pending().orders, begun.functions) == ([], [])


def test_an_alert_of_an_account_that_was_removed_is_not_acknowledged(
    bench: Bench, wired: SlackActionsWiring, slack: SlackTransport, message: Message
) -> None:
    low(bench, "mail")
    bench.run(TICK + MINUTE)
    made = {"action_id": "acknowledge", "value": json.dumps(value_of(message, "sms"))}
    assert sends(wired, pressed(message, made)) == 200
    assert [it["text"] for it in slack.answers] == ["This alert is over, so nothing was done."]
    assert bench.store.acknowledgements.by_alert() == {}


def test_a_message_of_another_workspace_or_app_does_no_more_than_its_button_names(
    bench: Bench, wired: SlackActionsWiring, slack: SlackTransport
) -> None:
    """Only the app that has the secret can sign; its own message elsewhere names no alert."""
    foreign = {"text": "hello", "blocks": [{"type": "divider"}]}
    value = {"alert": "6a3c7f0e-52a0-5a0e-9f0b-3f2a8a0f5b11", "at": 1, "account": "theirs"}
    made = {"action_id": "acknowledge", "value": json.dumps(value), "app_id": "A0OTHER"}
    assert sends(wired, pressed(foreign, made)) == 200
    assert_nothing_was_done(bench, slack)


def test_a_request_that_somebody_replays_does_nothing_new(
    bench: Bench, wired: SlackActionsWiring, slack: SlackTransport, message: Message
) -> None:
    event = request(pressed(message, button(message, "silence:1h")), NOW)
    assert respond(wired, event, NOW)["statusCode"] == 200
    (silence,) = bench.store.silences.at(NOW)
    bench.store.silences.end(silence)
    assert respond(wired, event, NOW + 4 * MINUTE)["statusCode"] == 200
    assert bench.store.silences.at(NOW) == ()
    assert slack.answers[0] == slack.answers[1]
    assert respond(wired, event, NOW + 6 * MINUTE)["statusCode"] == 401


def test_what_a_message_says_of_presses_is_told_anew(
    wired: SlackActionsWiring, slack: SlackTransport, message: Message
) -> None:
    """A message cannot be made to say that somebody has done what they have not."""
    forged = json.loads(json.dumps(message))
    for block in forged["blocks"]:
        if str(block.get("block_id", "")).startswith("facts:"):
            lie = "💳 top-up ordered by <@U0EVE>"
            block["elements"][0]["text"] += f"\n{lie}"
            block["elements"].append({"type": "mrkdwn", "text": lie})
    assert sends(wired, pressed(forged, button(forged, "acknowledge"), BOB)) == 200
    (answer,) = slack.answers
    assert "U0EVE" not in json.dumps(answer)
    assert "<@U0BOB>" in json.dumps(answer)


def test_a_message_of_others_is_given_back_as_it_is(
    wired: SlackActionsWiring, slack: SlackTransport, message: Message
) -> None:
    odd = [
        {"type": "divider", "block_id": "facts:../../RUN"},
        {"type": "divider", "block_id": f"buttons:{value_of(message, 'sms')['alert']}"},
        {"type": "divider", "block_id": "x"},
    ]
    made = {"action_id": "acknowledge", "value": json.dumps(value_of(message, "sms"))}
    assert sends(wired, pressed({"text": "\ud800", "blocks": odd}, made)) == 200
    assert slack.answers[0]["blocks"] == odd
