"""Finds what Slack would reject in a message, by slack_sdk's models and the documented limits.

Sources: slack_sdk.models.blocks, and docs.slack.dev/reference/block-kit (blocks, text object, table
block). The limit on all cells of a message is what others report, and in no reference.
"""

from collections.abc import Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

MAX_BLOCKS = 50
MAX_TEXT_OBJECT = 3000
MAX_FIELD = 2000
MAX_BLOCK_ID = 255
MAX_HEADER = 150
MAX_ROWS, MAX_ROW_CELLS, MAX_CELLS_TEXT = 100, 20, 10_000
MAX_MESSAGE_TEXT = 40_000
"""Slack cuts a longer text ("Truncating really long messages", its changelog of 2018-04)."""

_PLAIN_ONLY = {"header": "text", "button": "text"}

JsonObject = dict[str, Any]


def faults(blocks: list[Any]) -> list[str]:
    """Returns the faults in a message's blocks, each with the place of its block."""
    all_faults = [f"{len(blocks)} blocks, at most {MAX_BLOCKS}"] if len(blocks) > MAX_BLOCKS else []
    for place, block in enumerate(blocks):
        all_faults += [f"blocks[{place}]: {fault}" for fault in _block_faults(block)]
    tables = [it for it in blocks if isinstance(it, dict) and it.get("type") == "table"]
    if len(tables) > 1:
        all_faults.append("only_one_table_allowed")
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and "block_id" in block]
    if len(set(ids)) < len(ids):
        all_faults.append("a block_id occurs twice")
    return all_faults


def _block_faults(block: object) -> Iterator[str]:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        yield "not an object with a type"
        return
    try:
        model = Block.parse(block)
        parsed = model.to_dict() if model else None
    except (SlackObjectFormationError, TypeError, ValueError, KeyError, AttributeError) as error:
        yield f"{error}"
        return
    # The models drop unknown fields and empty ones; Slack rejects both.
    if parsed != block:
        yield f"not a block of type {block['type']}, or a part of it is empty"
    yield from _over_limits(block)


def _over_limits(block: JsonObject) -> Iterator[str]:
    if block["type"] == "context" and not block.get("elements"):
        yield "a context needs at least one element"
    if block["type"] == "table":
        yield from _table_faults(block)
    if block["type"] == "header" and len(block["text"]["text"]) > MAX_HEADER:
        yield f"a header of more than {MAX_HEADER} characters"
    for field in block.get("fields") or []:
        if len(field.get("text", "")) > MAX_FIELD:
            yield f"a field of more than {MAX_FIELD} characters"
    for element in _objects_in(block):
        if element.get("type") in {"mrkdwn", "plain_text"}:
            yield from _text_faults(element)
        text_field = _PLAIN_ONLY.get(element.get("type", ""))
        text = element.get(text_field) if text_field else None
        if isinstance(text, dict) and text.get("type") != "plain_text":
            yield f"the text of a {element['type']} must be plain_text"


def _table_faults(table: JsonObject) -> Iterator[str]:
    rows = table["rows"]
    if len(rows) > MAX_ROWS or any(len(row) > MAX_ROW_CELLS for row in rows):
        yield f"more than {MAX_ROWS} rows or {MAX_ROW_CELLS} cells in a row"
    if len(table.get("column_settings", ())) > MAX_ROW_CELLS:
        yield f"more than {MAX_ROW_CELLS} column settings"
    cells = [cell for row in rows for cell in row]
    if any(cell["type"] != "raw_text" or not cell["text"] for cell in cells):
        yield "a cell that is no text, or empty"
    if sum(len(cell["text"]) for cell in cells) > MAX_CELLS_TEXT:
        yield f"cells of more than {MAX_CELLS_TEXT} characters in all"


def _text_faults(text: JsonObject) -> Iterator[str]:
    content = text.get("text")
    if not isinstance(content, str) or not content:
        yield "a text object without text"
    elif len(content) > MAX_TEXT_OBJECT:
        yield f"a text of more than {MAX_TEXT_OBJECT} characters"


def _objects_in(value: object) -> Iterator[JsonObject]:
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from _objects_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from _objects_in(member)
