"""Slack messages: one grouped Block Kit message for each webhook and run.

Limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks a message) and
https://docs.slack.dev/reference/block-kit/blocks/section-block (3,000 characters a text).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from balance_watch.domain.formatting import format_duration, format_time, sparkline
from balance_watch.domain.notification import Notification, Reason, in_order
from balance_watch.domain.rules import Severity
from balance_watch.notifiers.text import format_change, pace, summary_line

MAX_BLOCKS = 50
MAX_TEXT = 3000
_MAX_DETAIL = 1500
_MAX_FALLBACK = 3000
"""The limit of the text that push notifications show in place of the blocks."""

_MAX_LABEL = 60
_MAX_LABELS = 5

_SEVERITY_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_GOOD_NEWS_SIGNS = {Reason.RESOLVED: "✅", Reason.TOPPED_UP: "💰"}

_ZERO_WIDTH_JOINER = "\u200d"
"""Joins several emoji into one (👩‍💻); unlike other format characters, it does not reorder text."""

_MARKS = re.compile(r"`|(?<![^\W_])[*_~]|[*_~](?![^\W_])|:[\w+'-]+:")
"""The markup that Slack interprets: a mark at the edge of a word, and the name of an emoji."""


def render(
    notifications: Sequence[Notification],
) -> Iterator[tuple[tuple[Notification, ...], dict[str, Any]]]:
    """Renders messages in order; yields each with its notifications."""
    ordered = sorted(notifications, key=in_order)
    for start in range(0, len(ordered), MAX_BLOCKS):
        group = tuple(ordered[start : start + MAX_BLOCKS])
        escaped = [_escape(notification) for notification in group]
        message = {
            "text": _shorten("\n".join(map(summary_line, escaped)), _MAX_FALLBACK),
            "mrkdwn": False,
            "blocks": [_block(notification) for notification in escaped],
            "unfurl_links": False,
        }
        yield group, message


def _escape(notification: Notification) -> Notification:
    """Returns the notification with its names and its currency as literal markup."""
    currency = notification.currency
    return replace(
        notification,
        account=escape_mrkdwn(notification.account),
        rule=escape_mrkdwn(notification.rule),
        provider=escape_mrkdwn(notification.provider),
        currency=None if currency is None else escape_mrkdwn(currency),
    )


def _block(notification: Notification) -> dict[str, Any]:
    title, plot = _title(notification), _plot(notification)
    facts, spending = _facts(notification), pace(notification)
    # Only the detail has no limit of its own, so it gets the room that the other parts leave.
    room = min(_MAX_DETAIL, MAX_TEXT - len(title) - len(plot) - len(facts) - len(spending) - 4)
    detail = _detail(notification.detail, room)
    text = "\n".join(filter(None, (title, plot, spending, detail, facts)))
    # With `verbatim`, Slack makes no link or mention of an address or name in the text.
    markup = {"type": "mrkdwn", "text": _shorten(text, MAX_TEXT), "verbatim": True}
    return {"type": "section", "text": markup}


def _title(notification: Notification) -> str:
    sign = _GOOD_NEWS_SIGNS.get(notification.reason) or _SEVERITY_SIGNS[notification.severity]
    line = summary_line(notification)
    if not line.startswith(notification.account):
        line = line[:1].upper() + line[1:]
    return f"{sign} *{line}*"


def _plot(notification: Notification) -> str:
    change = format_change(notification)
    return f"`{sparkline(notification.trend)}` last 24 h: {change}" if change else ""


def _detail(detail: str, room: int) -> str:
    """Returns the detail as literal markup, cut off where the room ends."""
    lines: list[str] = []
    for line in filter(None, detail.split("\n")):
        escaped = escape_mrkdwn(line)
        if len(escaped) > room:
            # Shortened before it becomes markup, so that no `&amp;` or code span is cut in two.
            short = (line[:length] + " …" for length in (room - 4, room // 8) if length > 0)
            lines += [text for text in map(escape_mrkdwn, short) if len(text) <= room][:1]
            break
        lines.append(escaped)
        room -= len(escaped) + 1
    return "\n".join(lines)


def _shorten(escaped: str, limit: int) -> str:
    """Cuts escaped text off at a length, but never inside an `&amp;`."""
    if len(escaped) <= limit:
        return escaped
    return re.sub(r"&[a-z]*$", "", escaped[: limit - 2]) + " …"


def _facts(notification: Notification) -> str:
    """Returns the last line: since when, severity, rule, provider, labels and link."""
    facts = [
        _since(notification),
        notification.severity.value,
        f"rule {notification.rule}",
        notification.provider,
    ]
    for name, value in list(notification.labels.items())[:_MAX_LABELS]:
        label = f"{name} {value}"
        facts.append(escape_mrkdwn(f"{label[:_MAX_LABEL]} …" if len(label) > _MAX_LABEL else label))
    if notification.link and notification.reason not in _GOOD_NEWS_SIGNS:
        facts.append(f"<{notification.link}|billing page>")
    return " · ".join(facts)


def _since(notification: Notification) -> str:
    seconds, text = int(notification.since.timestamp()), format_time(notification.since)
    since = f"since <!date^{seconds}^{{date_short_pretty}} {{time}}|{text}>"
    duration = format_duration(notification.lasted)
    if notification.reason is Reason.RESOLVED:
        return f"{since}, over after {duration}"
    return f"{since} ({duration})" if notification.said_at > notification.since else since


def escape_mrkdwn(text: str) -> str:
    """Returns markup that shows a text as it is: no part of it is a mention, link or format.

    `& < >` are escaped. Slack has no escape for its other marks, so a text with a mark that Slack
    would interpret becomes code, in which it interprets none. It does not interpret marks within a
    word, as in `sms_prod` (https://docs.slack.dev/messaging/formatting-message-text).
    """
    shown = "".join(
        character if character.isprintable() or character == _ZERO_WIDTH_JOINER else "�"
        for character in text
    )
    is_code = _MARKS.search(shown) is not None
    if is_code:
        shown = shown.replace("`", "'")
    for mark, escape in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(mark, escape)
    return f"`{shown}`" if is_code else shown
