"""The Teams channel: adaptive cards of up to ten alerts, posted to a workflow's webhook.

A message has about 28 KB (https://learn.microsoft.com/en-us/connectors/teams/); others have seen
refusals from 21 KB on (https://www.rubydoc.info/gems/msteams_hermes/MsTeamsHermes/Message), and a
workflow that begins with a request answers 202 before it posts
(https://learn.microsoft.com/en-us/azure/connectors/connectors-native-reqres), so that
nobody is told of a card that is too large: hence a card has 20 KB at most. The older connectors
answer 200 and tell a refusal in the text of the body
(https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using,
"Connectors do not throw 429s"), and take four messages a second and 100 an hour; what a workflow
takes is not confirmed. Version 1.2 of cards is the first with runs of text
(https://adaptivecards.io/explorer/TextRun.html), which have no markup, so that a name in them is no
link or mention; Teams shows up to 1.5.
"""

import json
import re
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

MAX_BYTES = 20 * 1024
MAX_ALERTS = 10
_MAX_TITLE, _MAX_DETAIL, _MAX_FACT = 500, 4000, 200
_MAX_LINES = _MAX_FACTS = 15
_MAX_LINK = 1000
_SHARES = (1, 2, 4, 8, 16)
"""A text that is too long for a card is shortened to such a part of its length."""

_NAME = "Teams"
_COLORS = {Severity.CRITICAL: "attention", Severity.WARNING: "warning", Severity.INFO: "accent"}
_ERROR_IN_BODY = re.compile(rb"returned HTTP error (\d{3})")


def teams_channel(transport: Transport, url: str, dashboard: str = "") -> PostingChannel:
    """Returns the channel of a workflow's webhook."""
    return PostingChannel(Service(_NAME, partial(_render, url, dashboard), _parse), transport)


def _render(url: str, dashboard: str, notifications: Sequence[Notification]) -> Iterator[Message]:
    group: list[Notification] = []
    shown: list[dict[str, Any]] = []
    for notification in notifications:
        one = alert(notification)
        size = _bytes_of(message([*shown, one], dashboard))
        is_full = len(shown) == MAX_ALERTS or size > MAX_BYTES
        if shown and is_full:
            yield tuple(group), Request("POST", url, json=message(shown, dashboard))
            group, shown = [], []
        group.append(notification)
        shown.append(one)
    if shown:
        yield tuple(group), Request("POST", url, json=message(shown, dashboard))


def _parse(reply: Reply) -> PostResult:
    found = _ERROR_IN_BODY.search(reply.body[:1000]) if reply.status == HTTPStatus.OK else None
    status = reply.status if found is None else int(found[1])
    result = sort_reply(_NAME, status, HTTPStatus.OK, HTTPStatus.ACCEPTED)
    return result._replace(is_limited=status == HTTPStatus.TOO_MANY_REQUESTS)


def message(alerts: Sequence[dict[str, Any]], dashboard: str = "") -> dict[str, Any]:
    """Returns the message with a card of these alerts, and a button that opens the dashboard."""
    button = {"type": "Action.OpenUrl", "title": "All balances", "url": dashboard}
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": list(alerts),
        "msteams": {"width": "Full"},
        **({"actions": [button]} if dashboard else {}),
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": content}]}


def alert(notification: Notification) -> dict[str, Any]:
    """Returns the part of a card for an alert, its texts shortened until it fits into a card."""
    if notification.digest is not None:
        return _digest_part(notification, notification.digest)
    for share in _SHARES:
        shown = _alert(notification, share)
        if _bytes_of(message([shown])) <= MAX_BYTES:
            break
    return shown


def _alert(notification: Notification, share: int) -> dict[str, Any]:
    is_good = notification.reason.is_good_news
    color = "good" if is_good else _COLORS[notification.severity]
    title = _shown(summary_line(notification), _MAX_TITLE // share)
    detail = cut(notification.detail, _MAX_DETAIL // share)
    lines = [line for line in detail.split("\n") if line.strip()][:_MAX_LINES]
    limit = _MAX_FACT // share
    known = [
        f"{_shown(name, limit)}: {_shown(value, limit)}"
        for name, value in list(facts(notification))[:_MAX_FACTS]
    ]
    items = [
        _text(title, weight="bolder", size="medium", color=color),
        *(_text(printable(line)) for line in lines),
        _text(" · ".join(known), isSubtle=True),
    ]
    link = notification.link
    if link and not is_good and len(link) <= _MAX_LINK:
        button = {"type": "Action.OpenUrl", "title": "Billing page", "url": link}
        items.append({"type": "ActionSet", "actions": [button]})
    return {"type": "Container", "separator": True, "items": items}


def _digest_part(notification: Notification, digest: Digest) -> dict[str, Any]:
    """Returns the part of a card for a digest, with as many lines as fit into a card."""
    lines = LINES
    while True:
        items = list(_digest_items(notification, digest.cut(lines)))
        part = {"type": "Container", "separator": True, "items": items}
        if _bytes_of(message([part])) <= MAX_BYTES or not lines:
            return part
        lines //= 2


def _digest_items(notification: Notification, digest: Digest) -> Iterator[dict[str, Any]]:
    title = _shown(summary_line(notification), _MAX_TITLE)
    yield _text(title[:1].upper() + title[1:], weight="bolder", size="medium")
    if notification.detail:
        yield _text(printable(notification.detail), isSubtle=True)
    for section in sections(digest):
        yield _text(section.title, weight="bolder")
        for line in section.lines:
            yield _text(_shown(line, _MAX_FACT))


def _shown(text: str, limit: int) -> str:
    return cut(printable(text), limit)


def _text(text: str, **style: object) -> dict[str, Any]:
    """Returns a paragraph without markup."""
    run = {"type": "TextRun", "text": text, **style}
    return {"type": "RichTextBlock", "inlines": [run]}


def _bytes_of(content: dict[str, Any]) -> int:
    """Returns the bytes that are sent: JSON with an escape for every letter beyond ASCII."""
    return len(json.dumps(content))
