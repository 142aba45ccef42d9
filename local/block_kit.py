"""Tells what Slack would refuse in a message: slack_sdk's own models, and the documented limits.

Sources: slack_sdk.models.blocks, and docs.slack.dev/reference/block-kit (blocks, text object).
"""

from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

MAX_BLOCKS = 50
MAX_TEXT_OBJECT = 3000
MAX_FIELD = 2000
MAX_BLOCK_ID = 255
MAX_MESSAGE_TEXT = 40_000
"""Slack cuts a longer one ("Truncating really long messages", its changelog of 2018-04)."""

_PLAIN_ONLY = {"header": "text", "button": "text"}

Json = dict[str, Any]


def faults(blocks: list[Any]) -> list[str]:
    """Returns what is wrong with the blocks of a message, by the block's place; empty: nothing."""
    found = [f"{len(blocks)} blocks, at most {MAX_BLOCKS}"] if len(blocks) > MAX_BLOCKS else []
    for place, block in enumerate(blocks):
        found += [f"blocks[{place}]: {fault}" for fault in _faults_of(block)]
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and "block_id" in block]
    if len(set(ids)) < len(ids):
        found.append("a block_id is there twice")
    return found


def _faults_of(block: object) -> Iterator[str]:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        yield "no object with a type"
        return
    try:
        model = Block.parse(block)
        understood = model.to_dict() if model else None
    except (SlackObjectFormationError, TypeError, ValueError, KeyError, AttributeError) as error:
        yield f"{error}"
        return
    # The models leave out what they do not know and what is empty; Slack refuses both.
    if understood != block:
        yield f"not understood as a block of type {block['type']}, or something in it is empty"
    yield from _over_limits(block)


def _over_limits(block: Json) -> Iterator[str]:
    if block["type"] == "context" and not block.get("elements"):
        yield "a context needs at least one element"
    for field in block.get("fields") or []:
        if len(field.get("text", "")) > MAX_FIELD:
            yield f"a field of more than {MAX_FIELD} characters"
    for thing in _objects_in(block):
        if thing.get("type") in {"mrkdwn", "plain_text"}:
            yield from _text_faults(thing)
        plain = _PLAIN_ONLY.get(thing.get("type", ""))
        text = thing.get(plain) if plain else None
        if isinstance(text, dict) and text.get("type") != "plain_text":
            yield f"the text of a {thing['type']} must be plain_text"


def _text_faults(text: Json) -> Iterator[str]:
    content = text.get("text")
    if not isinstance(content, str) or not content:
        yield "a text object without text"
    elif len(content) > MAX_TEXT_OBJECT:
        yield f"a text of more than {MAX_TEXT_OBJECT} characters"


def _objects_in(thing: object) -> Iterator[Json]:
    if isinstance(thing, dict):
        yield thing
        for inner in thing.values():
            yield from _objects_in(inner)
    elif isinstance(thing, list):
        for inner in thing:
            yield from _objects_in(inner)
