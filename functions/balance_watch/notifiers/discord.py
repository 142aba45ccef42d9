"""The Discord channel: an embed for each alert, up to ten in a message, to one webhook.

https://docs.discord.com/developers/resources/message (256 characters a title, 4,096 a description,
25 fields of 256 and 1,024; 6,000 in all embeds of a message; space around a text does not count; of
two embeds with one URL, only the first is shown),
https://docs.discord.com/developers/resources/webhook (10 embeds; `wait` confirms that a message is
stored) and https://docs.discord.com/developers/topics/rate-limits (`retry_after` or Retry-After; a
webhook that answers 404 must be left alone). That a character beyond U+FFFF counts as two is not
documented, but assumed.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from balance_watch.domain.digest import LINES, Digest
from balance_watch.domain.formatting import iso_time
from balance_watch.domain.notification import Notification
from balance_watch.domain.rules import Severity
from balance_watch.notifiers.digest_text import sections
from balance_watch.notifiers.literal import cut, printable
from balance_watch.notifiers.posting import (
    Message,
    PostingChannel,
    PostResult,
    Service,
    retry_after,
    sort_reply,
)
from balance_watch.notifiers.text import facts, summary_line
from balance_watch.transport import Reply, Request, Transport

MAX_EMBEDS = 10
MAX_CHARACTERS = 6000
MAX_TITLE = 256
_MAX_DETAIL, _MAX_DIGEST, _MAX_LINK = 1500, 4096, 1024
_MAX_FACTS, _MAX_FACT, _MAX_ALL_FACTS = 12, 200, 2000
_LONGEST_PAUSE = 10.0**9
_NAME = "Discord"
_COLORS = {Severity.CRITICAL: 0xE01E5A, Severity.WARNING: 0xF2A33C, Severity.INFO: 0x3B88C3}
_GOOD_COLOR = 0x2EB67D
_MARKUP = re.compile(r"([\\*_~`|>\[\]()<#:@-])")


def discord_channel(transport: Transport, url: str, dashboard: str = "") -> PostingChannel:
    """Returns the channel of a webhook."""
    service = Service(_NAME, partial(_render, url, dashboard), _parse, _pause, _rest)
    return PostingChannel(service, transport)


def _render(url: str, dashboard: str, notifications: Sequence[Notification]) -> Iterator[Message]:
    group: list[Notification] = []
    embeds: list[dict[str, Any]] = []
    for notification in notifications:
        one = embed(notification)
        is_full = len(embeds) == MAX_EMBEDS or sum(map(_size, [*embeds, one])) > MAX_CHARACTERS
        if embeds and is_full:
            yield tuple(group), _request(url, dashboard, embeds)
            group, embeds = [], []
        group.append(notification)
        embeds.append(one)
    if embeds:
        yield tuple(group), _request(url, dashboard, embeds)


def _request(url: str, dashboard: str, embeds: list[dict[str, Any]]) -> Request:
    body: dict[str, Any] = {"embeds": embeds, "allowed_mentions": {"parse": []}}
    if dashboard:
        # In angle brackets, so that Discord shows no preview of the page.
        body["content"] = f"[All balances](<{dashboard}>)"
    return Request("POST", url, query={"wait": "true"}, json=body)


def embed(notification: Notification) -> dict[str, Any]:
    """Returns the embed of an alert."""
    if notification.digest is not None:
        return _digest_embed(notification, notification.digest)
    is_good = notification.reason.is_good_news
    detail = "\n".join(_escape(line) for line in notification.detail.split("\n") if line.strip())
    # One line, because a phone shows each field on two lines of its own.
    known = " · ".join(
        f"{_cut(_escape(name), _MAX_FACT)}: {_cut(_escape(value), _MAX_FACT)}"
        for name, value in list(facts(notification))[:_MAX_FACTS]
    )
    lines = (_cut(detail, _MAX_DETAIL), _cut(known, _MAX_ALL_FACTS))
    shown: dict[str, Any] = {
        "title": _cut(_escape(summary_line(notification)), MAX_TITLE),
        "description": "\n".join(filter(None, lines)),
        "color": _GOOD_COLOR if is_good else _COLORS[notification.severity],
        "timestamp": iso_time(notification.said_at),
    }
    link = notification.link
    if link and not is_good and len(link) <= _MAX_LINK:
        # No `url`: Discord would show only the first of several embeds with the same.
        shown["fields"] = [{"name": "Billing page", "value": link}]
    return shown


def _digest_embed(notification: Notification, digest: Digest) -> dict[str, Any]:
    """Returns the embed of a digest, with as many lines as there is room for."""
    lines, description = LINES, MAX_CHARACTERS * " "
    while lines and units(description) > _MAX_DIGEST:
        description = _digest_description(notification, digest.cut(lines))
        lines //= 2
    title = summary_line(notification)
    return {
        "title": _cut(_escape(title[:1].upper() + title[1:]), MAX_TITLE),
        "description": _cut(description, _MAX_DIGEST),
        "color": _COLORS[notification.severity],
        "timestamp": iso_time(notification.said_at),
        "fields": [],
    }


def _digest_description(notification: Notification, digest: Digest) -> str:
    late = [_escape(notification.detail)] if notification.detail else []
    parts = (
        "\n".join((f"**{_escape(section.title)}**", *map(_escape, section.lines)))
        for section in sections(digest)
    )
    return "\n\n".join((*late, *parts))


def _size(shown: dict[str, Any]) -> int:
    texts = [shown["title"], shown["description"]]
    texts += [text for it in shown.get("fields", ()) for text in (it["name"], it["value"])]
    return sum(map(units, texts))


def units(text: str) -> int:
    """Returns the length of a text as Discord may count it: a letter beyond U+FFFF is two."""
    return len(text.encode("utf-16-le", "replace")) // 2


def _escape(text: str) -> str:
    r"""Returns markdown that shows a text as it is: a backslash before each mark."""
    return _MARKUP.sub(r"\\\1", printable(text))


def _cut(escaped: str, limit: int) -> str:
    """Cuts escaped text off at a length; the backslash of a mark that is cut off goes, too."""
    while units(escaped) > limit:
        escaped = cut(escaped, len(escaped) - max(1, (units(escaped) - limit) // 2))
    short = escaped.removesuffix(" …")
    return escaped if short == escaped else f"{short.rstrip(chr(92))} …"


def _parse(reply: Reply) -> PostResult:
    return sort_reply(_NAME, reply.status, HTTPStatus.OK, HTTPStatus.NO_CONTENT)


def _rest(reply: Reply) -> float:
    """Returns the time until the next message, if this one was the last that the limit allows."""
    return _reset_after(reply) if reply.header("x-ratelimit-remaining") == "0" else 0.0


def _pause(reply: Reply) -> float:
    """Returns the pause that a 429 asks for: the longest that its body or a header names."""
    try:
        told = json.loads(reply.body)["retry_after"]
        in_body = float(told) if 0 <= told <= _LONGEST_PAUSE else 0.0
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        in_body = 0.0
    return max(in_body, _reset_after(reply), retry_after(reply))


def _reset_after(reply: Reply) -> float:
    text = reply.header("x-ratelimit-reset-after") or ""
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) else 0.0
