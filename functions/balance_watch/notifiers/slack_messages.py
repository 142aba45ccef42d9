"""Slack messages: one grouped Block Kit message for each webhook and run.

Limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks a message) and
https://docs.slack.dev/reference/block-kit/blocks/section-block (3,000 characters a text).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from balance_watch.domain.formatting import counted, format_duration, format_time, sparkline
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.notification import Notification, Reason, in_order
from balance_watch.domain.press import deeds_for
from balance_watch.domain.rules import Metric, Severity
from balance_watch.notifiers.literal import printable
from balance_watch.notifiers.slack_buttons import actions_block, facts_id
from balance_watch.notifiers.text import format_change, paces, summary_line, threshold

MAX_BLOCKS = 50
_MAX_ALERTS = MAX_BLOCKS - 1
"""So many alerts fit into a message, below the line that counts them; one less if it mentions."""

_LINK_BLOCKS = 1
"""The line with a link to the dashboard, which `linked` adds."""

MAX_TEXT = 3000
_MAX_DETAIL = 1500
_MAX_FALLBACK = 3000
"""The limit of the text that push notifications show in place of the blocks."""

_MAX_LABEL = 60
_MAX_LABELS = 5

SEVERITY_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_GOOD_NEWS_SIGNS = {Reason.RESOLVED: "✅", Reason.TOPPED_UP: "💰"}

_MARKS = re.compile(r"`|(?<![^\W_])[*_~]|[*_~](?![^\W_])|:[\w+'-]+:")
"""The markup that Slack interprets: a mark at the edge of a word, and the name of an emoji."""


def render(
    notifications: Sequence[Notification], *, buttons: bool = False
) -> Iterator[tuple[tuple[Notification, ...], dict[str, Any]]]:
    """Renders messages in order; yields each with its notifications.

    With `buttons`, alerts have buttons below them, the first ones as far as there is room.
    """
    ordered = sorted(notifications, key=in_order)
    size = _MAX_ALERTS - bool(_mentions(ordered))
    for start in range(0, len(ordered), size):
        group = tuple(ordered[start : start + size])
        escaped = [_escape(notification) for notification in group]
        mentions = _mentions(group)
        actions = {it.alert_id: actions_block(it) for it in group if deeds_for(it)}
        lines = [*([mentions] if mentions else []), *map(summary_line, escaped)]
        blocks = [{"type": "section", "text": markup(mentions)}] if mentions else []
        message = {
            "text": _shorten("\n".join(lines), _MAX_FALLBACK),
            "mrkdwn": False,
            "blocks": blocks
            + _blocks(escaped, MAX_BLOCKS - len(blocks), actions if buttons else {}),
            "unfurl_links": False,
        }
        yield group, message


def linked(message: Mapping[str, Any], dashboard: str) -> Mapping[str, Any]:
    """Returns a message with a link to the dashboard as its last line, if it has room for one."""
    blocks = message["blocks"]
    if not dashboard or len(blocks) >= MAX_BLOCKS:
        return message
    link = {"type": "context", "elements": [markup(f"<{dashboard}|All balances>")]}
    return {**message, "blocks": [*blocks, link]}


def _mentions(notifications: Sequence[Notification]) -> str:
    """Returns everybody whom a message mentions, each once.

    48 of the longest mentions are within the limit of a text.
    """
    news = (it for it in notifications if it.reason.is_bad_news)
    return " ".join(dict.fromkeys(mention for it in news for mention in it.mentions))


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


def _blocks(
    notifications: Sequence[Notification], room: int, actions: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Returns so many blocks at most: a line that counts several alerts, then each of them.

    Args:
        notifications: the alerts, as literal markup.
        room: so many blocks.
        actions: the blocks of buttons, by the id of their alert.
    """
    recovered = {it.account for it in notifications if it.reason is Reason.RESOLVED}
    shown = [
        it
        for it in notifications
        # That it was topped up is why it has recovered: one line says both.
        if it.reason is not Reason.TOPPED_UP
        or it.metric is Metric.TOP_UP
        or it.account not in recovered
    ]
    top_ups = {it.account: it for it in notifications if it not in shown}
    is_long = 2 * len(shown) + 1 > room
    free = 0 if is_long else room - (2 * len(shown) + 1) - _LINK_BLOCKS
    pressable = dict.fromkeys(it.alert_id for it in shown if it.alert_id in actions)
    with_buttons = list(pressable)[: max(0, free)]
    blocks = [_count(shown)] if len(shown) > 1 else []
    for notification in shown:
        top_up = top_ups.get(notification.account)
        if top_up is not None and notification.reason is Reason.RESOLVED:
            detail = top_up.detail
            if not detail.startswith(notification.detail):
                detail = f"{notification.detail}\n{detail}"
            notification = replace(notification, detail=detail)  # noqa: PLW2901 (with both details)
        if is_long:
            blocks += _short_block(notification)
        elif notification.alert_id in with_buttons:
            with_buttons.remove(notification.alert_id)
            own = _alert_blocks(replace(notification, link=None))  # a button is the link
            own[-1]["block_id"] = facts_id(notification.alert_id)
            blocks += [*own, actions[notification.alert_id]]
        else:
            blocks += _alert_blocks(notification)
    return blocks


def _count(notifications: Sequence[Notification]) -> dict[str, Any]:
    """Returns the first line of a message with several alerts: `2 critical, 5 warnings`."""
    good = Counter(it.reason for it in notifications if it.reason.is_good_news)
    bad = Counter(it.severity for it in notifications if not it.reason.is_good_news)
    nouns = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: "notice"}
    parts = [
        f"{bad[severity]} {noun}" if severity is Severity.CRITICAL else counted(bad[severity], noun)
        for severity, noun in nouns.items()
        if bad[severity]
    ]
    words = {Reason.RESOLVED: "recovered", Reason.TOPPED_UP: "topped up"}
    parts += [f"{good[reason]} {word}" for reason, word in words.items() if good[reason]]
    return {"type": "header", "text": {"type": "plain_text", "text": ", ".join(parts)}}


def _alert_blocks(notification: Notification) -> list[dict[str, Any]]:
    """Returns an alert as a headline with fields, and a quiet line of what else is known."""
    title = _title(notification)
    detail = _detail(notification.detail, min(_MAX_DETAIL, MAX_TEXT - len(title) - 2))
    section: dict[str, Any] = {
        "type": "section",
        "text": markup("\n".join(filter(None, (title, detail)))),
    }
    if fields := _fields(notification):
        section["fields"] = [markup(f"*{name}*\n{value}") for name, value in fields]
    return [section, {"type": "context", "elements": [markup(_facts(notification))]}]


def _short_block(notification: Notification) -> list[dict[str, Any]]:
    """Returns an alert as one block, for a message that has room for no more."""
    title, facts = _title(notification), _facts(notification)
    detail = _detail(notification.detail, min(_MAX_DETAIL, MAX_TEXT - len(title) - len(facts) - 2))
    text = "\n".join(filter(None, (title, detail, facts)))
    return [{"type": "section", "text": markup(text)}]


def markup(text: str) -> dict[str, Any]:
    """Returns a text object. With `verbatim`, Slack makes no link or mention of a name in it."""
    return {"type": "mrkdwn", "text": _shorten(text, MAX_TEXT), "verbatim": True}


def _title(notification: Notification) -> str:
    sign = _GOOD_NEWS_SIGNS.get(notification.reason) or SEVERITY_SIGNS[notification.severity]
    line = summary_line(notification)
    if not line.startswith(notification.account):
        line = line[:1].upper() + line[1:]
    return f"{sign} *{line}*"


def _fields(notification: Notification) -> list[tuple[str, str]]:
    """Returns name and value of the numbers beside the headline."""
    if notification.reason.is_good_news or not METRICS[notification.metric].about_money:
        return []
    fields = list(paces(notification))
    if notification.metric is Metric.RUNWAY:  # any other headline names its threshold
        fields.insert(0, ("Alert below", threshold(notification)))
    change = format_change(notification)
    if change:
        # Every other hour, always with the latest: so the day fits into half of a message.
        plot = sparkline(notification.trend[::-2][::-1])
        fields.append(("Last 24 h", f"{plot} {change}"))
    return [(name, value) for name, value in fields if value]


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
    """Returns the quiet line: since when, severity, rule, provider, labels and link."""
    facts = [
        _since(notification),
        notification.severity.value,
        f"rule {notification.rule}",
        notification.provider,
    ]
    for name, value in list(notification.labels.items())[:_MAX_LABELS]:
        label = f"{name} {value}"
        facts.append(escape_mrkdwn(f"{label[:_MAX_LABEL]} …" if len(label) > _MAX_LABEL else label))
    if notification.link and not notification.reason.is_good_news:
        is_money = METRICS[notification.metric].about_money
        facts.append(f"<{notification.link}|{'top up' if is_money else 'billing page'}>")
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
    shown = printable(text)
    is_code = _MARKS.search(shown) is not None
    if is_code:
        shown = shown.replace("`", "'")
    for mark, escape in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(mark, escape)
    return f"`{shown}`" if is_code else shown
