"""The Teams channel: an adaptive card for each alert, posted to a workflow's webhook.

Limits: https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
(a message has 28 KB) and https://learn.microsoft.com/en-us/azure/logic-apps/logic-apps-workflow-actions-triggers
(a workflow that begins with a request answers 202). The runs of text in a card have no markup
(https://adaptivecards.io/explorer/TextRun.html), so a name in them is no link or mention.
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from balance_watch.domain.digest import LINES, Digest
from balance_watch.domain.notification import Notification
from balance_watch.domain.rules import Severity
from balance_watch.notifiers.digest_text import sections
from balance_watch.notifiers.literal import cut, printable
from balance_watch.notifiers.posting import Message, PostingChannel, PostResult, Service, sort_reply
from balance_watch.notifiers.text import facts, summary_line
from balance_watch.transport import Reply, Request, Transport

MAX_BYTES = 28 * 1024
_ROOM = MAX_BYTES - 500
"""What is left for a message, as a workflow may add to it."""

_MAX_TITLE = 500
_MAX_DETAIL = 4000
_MAX_FACT = 200
_MAX_FACTS = 15
_NAME = "Teams"
_COLORS = {Severity.CRITICAL: "attention", Severity.WARNING: "warning", Severity.INFO: "accent"}


def teams_channel(transport: Transport, url: str) -> PostingChannel:
    """Returns the channel of a workflow's webhook."""
    return PostingChannel(Service(_NAME, partial(_render, url), _parse), transport)


def _render(url: str, notifications: Sequence[Notification]) -> Iterator[Message]:
    for notification in notifications:
        yield (notification,), Request("POST", url, json=message(notification))


def _parse(reply: Reply) -> PostResult:
    return sort_reply(_NAME, reply.status, HTTPStatus.OK, HTTPStatus.ACCEPTED)


def message(notification: Notification) -> dict[str, Any]:
    """Returns the message of an alert, its detail shortened until it is within 28 KB."""
    if notification.digest is not None:
        return _digest_message(notification, notification.digest)
    room = _MAX_DETAIL
    while True:
        rendered = _message(notification, room)
        if len(json.dumps(rendered)) <= _ROOM or not room:
            return rendered
        room //= 2


def _digest_message(notification: Notification, digest: Digest) -> dict[str, Any]:
    """Returns the message of a digest, with as many lines as are within 28 KB."""
    lines = LINES
    while True:
        rendered = _card(list(_digest_body(notification, digest.cut(lines))))
        if len(json.dumps(rendered)) <= _ROOM or not lines:
            return rendered
        lines //= 2


def _digest_body(notification: Notification, digest: Digest) -> Iterator[dict[str, Any]]:
    title = cut(printable(summary_line(notification)), _MAX_TITLE)
    yield _text(title[:1].upper() + title[1:], weight="bolder", size="medium")
    if notification.detail:
        yield _text(printable(notification.detail), isSubtle=True)
    for section in sections(digest):
        yield _text(section.title, weight="bolder")
        for line in section.lines:
            yield _text(cut(printable(line), _MAX_FACT))


def _message(notification: Notification, room: int) -> dict[str, Any]:
    is_good = notification.reason.is_good_news
    color = "good" if is_good else _COLORS[notification.severity]
    title = cut(printable(summary_line(notification)), _MAX_TITLE)
    lines = [cut(printable(line), room) for line in notification.detail.split("\n") if line]
    body = [_text(title, weight="bolder", size="medium", color=color)]
    detail = cut("\n".join(lines), room)
    body += [_text(line) for line in detail.split("\n") if line][:_MAX_FACTS]
    body += [
        _text(
            f"{cut(printable(name), _MAX_FACT)}: {cut(printable(value), _MAX_FACT)}", isSubtle=True
        )
        for name, value in list(facts(notification))[:_MAX_FACTS]
    ]
    if notification.link and not is_good:
        link = {"type": "Action.OpenUrl", "title": "Billing page", "url": notification.link}
        return _card(body, actions=[link])
    return _card(body)


def _card(body: list[dict[str, Any]], **others: object) -> dict[str, Any]:
    """Returns the message of a card with these paragraphs."""
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        **others,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": content}]}


def _text(text: str, **style: object) -> dict[str, Any]:
    """Returns a paragraph without markup."""
    run = {"type": "TextRun", "text": text, **style}
    return {"type": "RichTextBlock", "inlines": [run]}
