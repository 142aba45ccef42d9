"""The buttons of alerts in Slack: which alerts have them, and what a press makes of a message."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.notification import Notification
from balance_watch.domain.press import Deed, Person, Press
from balance_watch.notifiers.slack_buttons import alerts_in, with_presses
from balance_watch.notifiers.slack_messages import MAX_BLOCKS, linked, render
from local.block_kit import faults
from tests.support.notifications import LINK, NOW, anything, faulty, low
from tests.support.slack_presses import button, buttons_of

PRESSES = [
    Press(Deed.ACKNOWLEDGE, Person("U0ANN", "ann"), NOW, is_done=True),
    Press(Deed.SILENCE, Person("U0BOB", "bob"), NOW, NOW + timedelta(hours=4), is_done=True),
    Press(Deed.TOP_UP, Person("U0ANN", "ann"), NOW, is_done=True),
]


def message(*notifications: Notification) -> dict[str, Any]:
    ((_, only),) = render(notifications, buttons=True)
    return only


def many(number: int) -> list[Notification]:
    return [low(account=f"a{it}") for it in range(number)]


def test_an_alert_has_buttons_that_say_what_they_do() -> None:
    shown = buttons_of(message(low(purse="abc")))
    assert [it["text"]["text"] for it in shown] == [
        "Acknowledge",
        "Silence 1 h",
        "4 h",
        "1 day",
        "1 week",
        "Top up",
        "Open",
    ]
    assert shown[-1]["url"] == LINK
    assert faults(message(low(purse="abc"))["blocks"]) == []


def test_without_the_function_there_are_none() -> None:
    ((_, plain),) = render([low(purse="abc")])
    assert buttons_of(plain) == []


@pytest.mark.parametrize(
    "notification",
    [
        low(reason="resolved"),
        low(reason="topped_up"),
        low(metric="test"),
        low(metric="top_up", value="dropped"),
    ],
)
def test_what_is_no_bad_news_has_none(notification: Notification) -> None:
    assert buttons_of(message(notification)) == []


def test_only_what_can_be_paid_and_is_about_money_can_be_topped_up() -> None:
    for notification in (low(), low(metric="unreadable", purse="abc", value="timed_out")):
        assert "top_up" not in [it["action_id"] for it in buttons_of(message(notification))]


def test_a_top_up_asks_first_and_names_the_account_as_plain_text() -> None:
    ask = button(message(low(purse="abc", account="<!channel> *x*")), "top_up")["confirm"]
    assert ask["text"]["type"] == "plain_text"
    assert ask["text"]["text"].startswith("<!channel> *x*: ")


def test_the_value_of_a_button_names_the_alert() -> None:
    notification = low()
    value = json.loads(button(message(notification), "acknowledge")["value"])
    at = int(NOW.timestamp())
    assert value == {"alert": notification.alert_id, "at": at, "account": "sms"}
    of_all = json.loads(button(message(faulty("policy: one")), "acknowledge")["value"])
    assert "account" not in of_all


@pytest.mark.parametrize(("alerts", "with_buttons"), [(1, 1), (15, 15), (16, 16), (20, 8), (24, 0)])
def test_as_many_alerts_have_buttons_as_there_is_room_for(alerts: int, with_buttons: int) -> None:
    whole = linked(message(*many(alerts)), "https://dashboard.example/")
    assert len(whole["blocks"]) <= MAX_BLOCKS
    assert faults(whole["blocks"]) == []
    assert len(alerts_in(whole["blocks"])) == with_buttons


def test_one_alert_twice_in_a_message_has_buttons_once() -> None:
    twice = message(low(), low())
    assert len(alerts_in(twice["blocks"])) == 1
    assert faults(twice["blocks"]) == []


def test_a_press_takes_the_place_of_its_buttons() -> None:
    notification = low(purse="abc")
    whole = {**message(notification), "blocks": list[Any]()}
    before = message(notification)["blocks"]
    for count in range(1, 4):
        pressed = {notification.alert_id: PRESSES[:count]}
        whole["blocks"] = list(with_presses(before, pressed))
        assert faults(whole["blocks"]) == []
        # Rendered anew, it stays the same.
        assert list(with_presses(whole["blocks"], pressed)) == whole["blocks"]
    assert [it["action_id"] for it in buttons_of(whole)] == ["open"]
    (element,) = whole["blocks"][1]["elements"]
    (facts, *told) = element["text"].split("\n")
    assert facts == before[1]["elements"][0]["text"]
    assert [it.split(" <")[0] for it in told] == [
        "👀 acknowledged by",
        "🔕 silenced by",
        "💳 top-up ordered by",
    ]


def test_a_message_without_buttons_left_still_tells_of_every_press() -> None:
    notification = low(link=None)
    blocks = list(with_presses(message(notification)["blocks"], {notification.alert_id: PRESSES}))
    assert buttons_of({"blocks": blocks}) == []
    assert alerts_in(blocks) == [notification.alert_id]
    anew = list(with_presses(blocks, {notification.alert_id: PRESSES}))
    assert anew == blocks


@pytest.mark.parametrize(
    "block", [None, 1, "x", [], {}, {"block_id": 1, "elements": []}, {"block_id": "facts:x"}]
)
def test_blocks_of_others_are_left_as_they_are(block: object) -> None:
    assert list(with_presses([block], {})) == [block]
    assert alerts_in([block]) == []


@settings(max_examples=60)
@given(st.lists(st.builds(lambda it: replace(it, purse="abc"), anything()), min_size=1, max_size=8))
def test_slack_takes_the_buttons_of_any_alert(notifications: list[Notification]) -> None:
    for _, shown in render(notifications, buttons=True):
        assert faults(shown["blocks"]) == []
        presses = dict.fromkeys(alerts_in(shown["blocks"]), PRESSES)
        updated = list(with_presses(shown["blocks"], presses))
        assert faults(updated) == []
        facts = [it for it in shown["blocks"] if "facts:" in it.get("block_id", "")]
        forgotten = [it for it in with_presses(updated, {}) if "facts:" in it.get("block_id", "")]
        assert forgotten == facts
        for it in buttons_of(shown):
            assert len(it["value"]) <= 2000
            assert len(it.get("confirm", {"text": {"text": ""}})["text"]["text"]) <= 300
