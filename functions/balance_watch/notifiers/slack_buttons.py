"""The buttons of an alert in Slack, and the line that takes the place of those that were pressed.

An alert's line of facts and its block of buttons have ids that name the alert, so that a message
can be rendered anew from what Slack sends of it. Limits: docs.slack.dev/reference/block-kit (25
elements of a block of actions, 75 characters of a button's text, 2,000 of its value, 255 of an id,
300 of a confirmation's text).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from balance_watch.domain.event import OF_SEVERAL
from balance_watch.domain.formatting import format_time
from balance_watch.domain.notification import Notification
from balance_watch.domain.press import SILENCE_DURATIONS, Deed, Press, deeds_for
from balance_watch.notifiers.literal import printable
from balance_watch.validation import Json

OPEN = "open"
_FACTS, _BUTTONS = "facts:", "buttons:"
_ID = re.compile(r"[0-9a-f-]{36}")
_SILENCE_LABELS = {
    "1h": ("Silence 1 h", "Silence for an hour"),
    "4h": ("4 h", "Silence for 4 hours"),
    "1d": ("1 day", "Silence for a day"),
    "1w": ("1 week", "Silence for a week"),
}
_PAYING = (
    "This repeats the payment that enabled auto-reload at the provider, with the same amount. A"
    " message tells how it ended."
)
_MAX_BLOCKS = 50

Block = dict[str, Any]


def facts_id(alert_id: str) -> str:
    """Returns the id of the block with the quiet line of an alert."""
    return f"{_FACTS}{alert_id}"


def actions_block(notification: Notification) -> Block:
    """Returns the buttons of an alert that has any."""
    is_of_several = notification.metric in OF_SEVERAL
    value = json.dumps(
        {
            "alert": notification.alert_id,
            "at": int(notification.said_at.timestamp()),
            **({} if is_of_several else {"account": notification.account}),
        }
    )
    buttons: list[Block] = []
    deeds = deeds_for(notification)
    if Deed.ACKNOWLEDGE in deeds:
        buttons.append(_button(Deed.ACKNOWLEDGE, "Acknowledge", value))
    if Deed.SILENCE in deeds:
        for duration in SILENCE_DURATIONS:
            text, spoken = _SILENCE_LABELS[duration]
            button = _button(f"{Deed.SILENCE}:{duration}", text, value)
            buttons.append({**button, "accessibility_label": spoken})
    if Deed.TOP_UP in deeds:
        button = _button(Deed.TOP_UP, "Top up", value)
        buttons.append({**button, "confirm": _confirmation(notification.account)})
    if notification.link:
        buttons.append({**_button(OPEN, "Open", value), "url": notification.link})
    return {
        "type": "actions",
        "block_id": f"{_BUTTONS}{notification.alert_id}",
        "elements": buttons,
    }


def _button(action_id: str, text: str, value: str) -> Block:
    return {"type": "button", "action_id": str(action_id), "text": _plain(text), "value": value}


def _confirmation(account: str) -> Block:
    return {
        "title": _plain("Top up?"),
        "text": _plain(f"{printable(account)}: {_PAYING}"),
        "confirm": _plain("Top up"),
        "deny": _plain("Cancel"),
        "style": "primary",
    }


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def alerts_in(blocks: Iterable[Json]) -> list[str]:
    """Returns the ids of the alerts of a message that have, or had, buttons."""
    found = (_alert_of(block, _FACTS) for block in blocks)
    return list(dict.fromkeys(it for it in found if it is not None))[:_MAX_BLOCKS]


def with_presses(blocks: Iterable[Json], presses: Mapping[str, Sequence[Press]]) -> Iterator[Json]:
    """Yields the blocks of a message with what was pressed, and without the buttons for it.

    The blocks may have been rendered so before: what they tell of presses is told anew.

    Args:
        blocks: as Slack sends them.
        presses: the presses by the id of their alert.
    """
    for block in blocks:
        if (alert_id := _alert_of(block, _FACTS)) is not None:
            told = [_line(press) for press in presses.get(alert_id, ())]
            yield {**block, "elements": [_below(it, told) for it in block["elements"][:1]]}
        elif (alert_id := _alert_of(block, _BUTTONS)) is not None:
            done = {press.deed for press in presses.get(alert_id, ())}
            left = [it for it in block["elements"] if _deed_of(it) not in done]
            if left:
                yield {**block, "elements": left}
        else:
            yield block


def parse_action(action_id: object) -> tuple[Deed, str] | None:
    """Returns what a button does, and for how long if it silences; None if it does nothing."""
    name, _, duration = str(action_id).partition(":")
    if name == Deed.SILENCE:
        return (Deed.SILENCE, duration) if duration in SILENCE_DURATIONS else None
    is_known = name in (Deed.ACKNOWLEDGE, Deed.TOP_UP) and not duration
    return (Deed(name), "") if is_known else None


def _deed_of(button: Json) -> Deed | None:
    found = parse_action(button.get("action_id")) if isinstance(button, dict) else None
    return None if found is None else found[0]


def _alert_of(block: Json, prefix: str) -> str | None:
    """Returns the id of the alert that a block with elements is of; None if it is of none."""
    if not isinstance(block, dict) or not isinstance(block.get("elements"), list):
        return None
    block_id = block.get("block_id")
    if not isinstance(block_id, str) or not block_id.startswith(prefix):
        return None
    alert_id = block_id.removeprefix(prefix)
    return alert_id if _ID.fullmatch(alert_id) else None


def _line(press: Press) -> str:
    who = f"<@{press.by.id}>"
    match press.deed:
        case Deed.ACKNOWLEDGE:
            return f"👀 acknowledged by {who}, {_date(press)}"
        case Deed.SILENCE:
            return f"🔕 silenced by {who} until {_date(press)}"
        case Deed.TOP_UP:
            return f"💳 top-up ordered by {who}, {_date(press)}"


def _date(press: Press) -> str:
    at = press.until or press.at
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{format_time(at)}>"


def _below(facts: Json, told: Sequence[str]) -> Json:
    """Returns the line of facts with a line for each press below it.

    They are one element: Slack shows several beside each other.
    """
    if not isinstance(facts, dict) or not isinstance(facts.get("text"), str):
        return facts
    line = facts["text"].partition("\n")[0]
    return {**facts, "text": "\n".join((line, *told))}
