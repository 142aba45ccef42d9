"""The inbox answers as Slack's incoming webhooks do, and rejects what Slack rejects."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.loopback import Reply
from local.slack_inbox import (
    ACTION_PROHIBITED,
    CHANNEL_IS_ARCHIVED,
    CHANNEL_NOT_FOUND,
    HANG,
    LOST,
    NO_SERVICE,
    NOT_OK,
    OK,
    ROLLUP_ERROR,
    SlackInbox,
    too_many_requests,
)

Block = dict[str, Any]


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": True}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


BUTTON = {"type": "button", "text": plain("Top up"), "url": "https://example.com/billing"}
PREFORMATTED = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "▁▂▃"}]}

GOOD = [
    {"type": "header", "text": plain("Two balances are low")},
    {"type": "section", "text": mrkdwn("*sms*"), "fields": [mrkdwn("Balance"), mrkdwn("4 EUR")]},
    {"type": "section", "text": mrkdwn("<https://example.com|billing>"), "accessory": BUTTON},
    {"type": "context", "elements": [mrkdwn("since 10:05")]},
    {"type": "rich_text", "elements": [PREFORMATTED]},
    {"type": "actions", "elements": [BUTTON]},
    {"type": "divider"},
]

BAD: dict[str, list[Any]] = {
    "too many blocks": [section("text")] * 51,
    "too long a section": [section("x" * 3001)],
    "too long a header": [{"type": "header", "text": plain("x" * 151)}],
    "a header in markdown": [{"type": "header", "text": mrkdwn("x")}],
    "too long a field": [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
    "too many fields": [{"type": "section", "fields": [mrkdwn("x")] * 11}],
    "too many elements": [{"type": "context", "elements": [mrkdwn("x")] * 11}],
    "a context without elements": [{"type": "context", "elements": []}],
    "too long an element": [{"type": "context", "elements": [mrkdwn("x" * 3001)]}],
    "an empty text": [section("")],
    "a section without text": [{"type": "section"}],
    "too long a button": [{"type": "actions", "elements": [{**BUTTON, "text": plain("x" * 76)}]}],
    "a button in markdown": [{"type": "actions", "elements": [{**BUTTON, "text": mrkdwn("x")}]}],
    "an unknown type": [{"type": "balance", "text": mrkdwn("x")}],
    "an unknown field": [{**section("x"), "colour": "red"}],
    "an unknown element": [{"type": "context", "elements": [{"type": "plot"}]}],
    "the same block_id twice": [{**section("x"), "block_id": "a"}] * 2,
    "too long a block_id": [{**section("x"), "block_id": "a" * 256}],
    "not an object": ["text"],
}


@pytest.fixture
def slack() -> Iterator[SlackInbox]:
    with SlackInbox() as inbox:
        yield inbox


def post(slack: SlackInbox, message: object, name: str = "default") -> tuple[int, str]:
    reply = requests.post(slack.webhook(name), json=message, timeout=5)
    return reply.status_code, reply.text


def test_a_good_message_is_answered_ok_in_plain_text(slack: SlackInbox) -> None:
    reply = requests.post(slack.webhook("default"), json={"blocks": GOOD}, timeout=5)
    assert (reply.status_code, reply.text) == (200, "ok")
    assert reply.headers["Content-Type"].startswith("text/plain")


def test_messages_are_kept_by_webhook_in_order(slack: SlackInbox) -> None:
    for text in ("first", "second"):
        post(slack, {"text": text})
    post(slack, {"text": "third"}, "oncall")
    assert slack.messages == {
        "default": [{"text": "first"}, {"text": "second"}],
        "oncall": [{"text": "third"}],
    }


@pytest.mark.parametrize("blocks", BAD.values(), ids=list(BAD))
def test_a_message_with_invalid_blocks_is_rejected(slack: SlackInbox, blocks: list[Any]) -> None:
    assert post(slack, {"text": "text", "blocks": blocks}) == (400, "invalid_blocks")
    assert slack.messages["default"] == []
    assert slack.rejected[0].faults


@pytest.mark.parametrize("message", [[], "text", {"blocks": {}}, {"text": 1}])
def test_a_payload_that_is_not_a_message_is_rejected(slack: SlackInbox, message: object) -> None:
    assert post(slack, message) == (400, "invalid_payload")


def test_a_payload_that_is_not_json_is_rejected(slack: SlackInbox) -> None:
    reply = requests.post(slack.webhook("default"), data=b"{", timeout=5)
    assert (reply.status_code, reply.text) == (400, "invalid_payload")


def test_an_empty_message_is_rejected(slack: SlackInbox) -> None:
    assert post(slack, {"blocks": []}) == (400, "no_text")


def test_an_unknown_webhook_has_no_service(slack: SlackInbox) -> None:
    assert post(slack, {"text": "x"}, "nobody") == (404, "no_service")


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (too_many_requests(), 429, "rate_limited"),
        (NO_SERVICE, 404, "no_service"),
        (CHANNEL_NOT_FOUND, 404, "channel_not_found"),
        (CHANNEL_IS_ARCHIVED, 410, "channel_is_archived"),
        (ACTION_PROHIBITED, 403, "action_prohibited"),
        (ROLLUP_ERROR, 500, "rollup_error"),
        (NOT_OK, 200, "error: try later"),
    ],
)
def test_a_scripted_answer_is_given_once_and_keeps_no_message(
    slack: SlackInbox, answer: Reply, status: int, body: str
) -> None:
    slack.script("default", answer)
    assert post(slack, {"text": "x"}) == (status, body)
    assert slack.messages["default"] == []
    assert post(slack, {"text": "x"}) == (OK.status, "ok")


def test_a_rate_limit_has_a_retry_after(slack: SlackInbox) -> None:
    slack.script("default", too_many_requests(30))
    reply = requests.post(slack.webhook("default"), json={"text": "x"}, timeout=5)
    assert reply.headers["Retry-After"] == "30"


def test_a_webhook_that_hangs_keeps_no_message(slack: SlackInbox) -> None:
    slack.script("default", HANG)
    with pytest.raises(requests.ReadTimeout):
        requests.post(slack.webhook("default"), json={"text": "x"}, timeout=0.05)
    assert slack.messages["default"] == []


def test_an_answer_can_be_lost_after_the_message_was_accepted(slack: SlackInbox) -> None:
    slack.script("default", LOST)
    with pytest.raises(requests.ConnectionError):
        post(slack, {"text": "x"})
    assert slack.messages["default"] == [{"text": "x"}]


def answer_a_press(slack: SlackInbox, message: object) -> tuple[int, str]:
    reply = requests.post(slack.response_url("x"), json=message, timeout=5)
    return reply.status_code, reply.text


def test_what_answers_a_press_replaces_the_message_or_is_for_one_person(slack: SlackInbox) -> None:
    update = {"replace_original": True, "text": "a", "blocks": GOOD}
    assert answer_a_press(slack, update) == (200, "ok")
    assert answer_a_press(slack, {"replace_original": False, "text": "b"}) == (200, "ok")
    assert (slack.updates, slack.private) == ({"x": [update]}, ["b"])
    assert slack.messages["default"] == []


def test_what_answers_a_press_with_invalid_blocks_is_rejected(slack: SlackInbox) -> None:
    update = {"replace_original": True, "text": "a", "blocks": [{"type": "actions"}]}
    assert answer_a_press(slack, update) == (400, "invalid_blocks")
    assert slack.updates == {}
