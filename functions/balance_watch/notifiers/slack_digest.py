"""The digest in Slack: one message, with a table of the accounts or, where it does not fit, text.

A table has up to 100 rows of up to 20 cells (https://docs.slack.dev/reference/block-kit/blocks/table-block)
and a message one table. That all cells of a message have 10,000 characters, and none is empty, is
what others report of Slack's answers (`invalid_blocks`), and not in that reference.
"""

from collections.abc import Sequence
from typing import Any

from balance_watch.domain.digest import AccountLine, Digest
from balance_watch.domain.formatting import with_unit
from balance_watch.domain.notification import Notification
from balance_watch.notifiers.digest_text import (
    Section,
    balance,
    more_line,
    runs_dry,
    sections,
)
from balance_watch.notifiers.literal import cut, printable
from balance_watch.notifiers.slack_messages import (
    MAX_TEXT,
    SEVERITY_SIGNS,
    escape_mrkdwn,
    markup,
)
from balance_watch.notifiers.text import summary_line

MAX_CELLS = 10_000
_ROOM = MAX_TEXT - 100
_MAX_NAME = 60
_UNKNOWN = "-"
_COLUMNS = ("Account", "Left", "Spent", "Until")
_MAX_TITLE = 150
_MAX_FIELD = 2000


def render_digest(notification: Notification, *, table: bool = True) -> dict[str, Any]:
    """Renders the message of a digest.

    Args:
        notification: the notification, which has a digest.
        table: whether the accounts are a table, if it fits; else they are text.
    """
    digest = notification.digest
    if digest is None:
        raise TypeError("not a digest")
    title = summary_line(notification)
    rows = _rows(digest) if table else []
    is_table = bool(rows) and sum(len(cell) for row in rows for cell in row) <= MAX_CELLS
    first, second, *others = sections(digest, accounts=not is_table)
    fields = [_text_of(section, _MAX_FIELD) for section in (first, second)]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(title[:1].upper() + title[1:])},
        *([_context(notification.detail)] if notification.detail else []),
        {"type": "section", "fields": [markup(field) for field in fields]},
        *({"type": "section", "text": markup(_text_of(it, _ROOM))} for it in others),
    ]
    if is_table:
        blocks.append(_table(rows))
    return {
        "text": escape_mrkdwn(title),
        "mrkdwn": False,
        "blocks": blocks,
        "unfurl_links": False,
    }


def has_table(message: dict[str, Any]) -> bool:
    """Tells whether a message has a table."""
    return any(block["type"] == "table" for block in message["blocks"])


def _rows(digest: Digest) -> list[Sequence[str]]:
    """Returns the rows of the table below its head; none without an account."""
    rows: list[Sequence[str]] = [
        (
            cut(printable(it.account), _MAX_NAME),
            balance(it),
            "" if it.spent is None else with_unit(it.spent, it.currency),
            _until(digest, it),
        )
        for it in digest.next.lines
    ]
    if digest.next.more:
        rows.append((more_line(digest.next.more), "", "", ""))
    return rows


def _until(digest: Digest, line: AccountLine) -> str:
    """Returns until when an account lasts, short enough for a phone."""
    at = line.runs_dry_at
    if at is None or at <= digest.until:
        return runs_dry(digest, line)
    this_year = at.year == digest.until.year
    return f"{at.day} {at:%b %H:%M}" if this_year else f"{at.day} {at:%b %Y}"


def _table(rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    return {
        "type": "table",
        "column_settings": [{"is_wrapped": True}, {"align": "right"}, {"align": "right"}],
        "rows": [
            [{"type": "raw_text", "text": cell or _UNKNOWN} for cell in row]
            for row in (_COLUMNS, *rows)
        ],
    }


def _text_of(section: Section, room: int) -> str:
    """Returns a part as markup, with as many lines as there is room for."""
    lines = [f"*{escape_mrkdwn(section.title)}*"]
    left = room - len(lines[0]) - len(more_line(len(section.lines))) - 1
    for number, line in enumerate(section.lines):
        signs = (f"{SEVERITY_SIGNS[it]} " for it in section.severities[number : number + 1])
        escaped = f"{''.join(signs)}{escape_mrkdwn(line)}"
        left -= len(escaped) + 1
        if left < 0:
            return "\n".join((*lines, more_line(len(section.lines) - number)))
        lines.append(escaped)
    return "\n".join(lines)


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(text, _MAX_TITLE), "emoji": False}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [markup(escape_mrkdwn(text))]}
