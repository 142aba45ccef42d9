"""Slack: one grouped Block Kit message per webhook and run.

Limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks a message) and
https://docs.slack.dev/reference/block-kit/blocks/section-block (3,000 characters a text).
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, NamedTuple

from balance_watch.domain.formatting import format_duration, format_time, sparkline
from balance_watch.domain.notification import Notification, Reason, SendResult, gravest_first
from balance_watch.domain.rules import Severity
from balance_watch.notifiers.text import (
    format_change,
    pace,
    summary_line,
)
from balance_watch.transport import Reply, Request, Transport, TransportError

MAX_BLOCKS = 50
MAX_TEXT = 3000
_DETAIL = 1500
_FALLBACK = 3000
_LABEL = 60
_ATTEMPT_SECONDS = 10.0
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
"""Trying again cannot help: the webhook was revoked, or its channel is archived. A 403 with a word
of Slack's own is as final (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""

_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_WELL = {Reason.RESOLVED: "✅", Reason.TOPPED_UP: "💰"}

_WORDS = frozenset(
    {
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "invalid_blocks",
        "invalid_payload",
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "no_text",
        "posting_to_general_channel_denied",
        "rollup_error",
        "team_disabled",
        "too_many_attachments",
        "user_not_found",
    }
)
"""Slack's own words for errors; any other text may hold the address."""


class SlackChannel:
    """One incoming webhook. Its address is a secret: it is in no message, log or repr."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport, self._url = transport, url
        self._clock, self._sleep = clock, sleep

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Sends everything in as few messages as Slack's limits allow; yields after each.

        A 429 is waited for if the pause ends before `deadline` on the clock. Nothing is raised:
        what Slack did not answer with `ok` is refused, for the next run to send.
        """
        waiting = list(render(notifications))
        while waiting:
            group, message = waiting.pop(0)
            refusal = self._post(message, deadline)
            if refusal.about_content and len(group) > 1:
                # One that Slack does not take must not keep back those beside it.
                half = len(group) // 2
                waiting[:0] = [*render(group[:half]), *render(group[half:])]
            elif refusal.why:
                yield SendResult(rejected=group, why=refusal.why, permanent=refusal.gone)
            else:
                yield SendResult(accepted=group)

    def _post(self, message: Mapping[str, Any], deadline: float) -> "_Refusal":
        """Posts a message; returns why it was refused, if it was."""
        while True:
            timeout = min(_ATTEMPT_SECONDS, deadline - self._clock())
            if timeout <= 0:
                return _Refusal("There was no time left to send.")
            try:
                request = Request("POST", self._url, json=message)
                reply = self._transport.exchange(request, timeout=timeout)
            except TransportError as error:
                return _Refusal(error.message)
            if reply.status != HTTPStatus.TOO_MANY_REQUESTS:
                return _refusal(reply)
            pause = reply.retry_after or 1.0
            if self._clock() + pause >= deadline:
                return _Refusal("Slack answers 429, and asks for more time than is left.")
            self._sleep(pause)


class _Refusal(NamedTuple):
    """Why a message was not taken (empty: it was), and what can be done about it."""

    why: str = ""
    about_content: bool = False
    gone: bool = False


def _refusal(reply: Reply) -> _Refusal:
    """Empty for `ok`: Slack answers 200 with an error in the body, too."""
    word = reply.body[:100].decode(errors="replace").strip()
    if reply.status == HTTPStatus.OK and word == "ok":
        return _Refusal()
    known = word if word in _WORDS else "no error word"
    return _Refusal(
        f"Slack answers HTTP {reply.status}, {known}.",
        about_content=reply.status == HTTPStatus.BAD_REQUEST,
        gone=reply.status in _GONE or (reply.status == HTTPStatus.FORBIDDEN and word in _WORDS),
    )


def render(
    notifications: Sequence[Notification],
) -> Iterator[tuple[tuple[Notification, ...], dict[str, Any]]]:
    """Renders messages, gravest first, each with the notifications that are in it."""
    ordered = sorted(notifications, key=gravest_first)
    for start in range(0, len(ordered), MAX_BLOCKS):
        group = tuple(ordered[start : start + MAX_BLOCKS])
        lines = [summary_line(_literally(each)) for each in group]
        yield (
            group,
            {
                "text": _cut("\n".join(lines), _FALLBACK),
                "mrkdwn": False,
                "blocks": [_block(_literally(each)) for each in group],
                "unfurl_links": False,
            },
        )


def _literally(it: Notification) -> Notification:
    """The same with every text of others as markup that shows it as it is."""
    return replace(
        it,
        account=escape_mrkdwn(it.account),
        rule=escape_mrkdwn(it.rule),
        provider=escape_mrkdwn(it.provider),
        currency=None if it.currency is None else escape_mrkdwn(it.currency),
    )


def _block(it: Notification) -> dict[str, Any]:
    title, plot, facts = _title(it), _plot(it), _facts(it)
    # The detail alone is of any length, so it gets the room that the others leave.
    room = min(_DETAIL, MAX_TEXT - len(title) - len(plot) - len(facts) - len(pace(it)) - 4)
    text = "\n".join(filter(None, (title, plot, pace(it), _detail(it.detail, room), facts)))
    # Verbatim: no address or name in it becomes a link or a mention by itself.
    text = _cut(text, MAX_TEXT)
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _title(it: Notification) -> str:
    line = summary_line(it)
    return f"{_sign(it)} *{line if line.startswith(it.account) else line[:1].upper() + line[1:]}*"


def _sign(it: Notification) -> str:
    return _WELL.get(it.reason) or _SIGNS[it.severity]


def _plot(it: Notification) -> str:
    moved = format_change(it)
    return f"`{sparkline(it.trend)}` last 24 h: {moved}" if moved else ""


def _detail(detail: str, room: int) -> str:
    """The detail, line by line as it is, as far as there is room."""
    lines: list[str] = []
    for line in filter(None, detail.split("\n")):
        whole = escape_mrkdwn(line)
        if len(whole) > room:
            # Cut before it becomes markup, so that no `&amp;` and no code span is cut in two.
            short = (line[:length] + " …" for length in (room - 4, room // 8) if length > 0)
            lines += [text for text in map(escape_mrkdwn, short) if len(text) <= room][:1]
            break
        lines.append(whole)
        room -= len(whole) + 1
    return "\n".join(lines)


def _cut(escaped: str, limit: int) -> str:
    """Cuts escaped text to a length, and no `&amp;` in two."""
    return (
        escaped if len(escaped) <= limit else re.sub(r"&[a-z]*$", "", escaped[: limit - 2]) + " …"
    )


def _facts(it: Notification) -> str:
    seconds = int(it.since.timestamp())
    since = f"since <!date^{seconds}^{{date_short_pretty}} {{time}}|{format_time(it.since)}>"
    if it.reason is Reason.RESOLVED:
        since = f"{since}, over after {format_duration(it.lasted)}"
    elif it.said_at > it.since:
        since = f"{since} ({format_duration(it.lasted)})"
    facts = [since, it.severity.value]
    facts += [f"rule {it.rule}", it.provider]
    labels = [f"{name} {value}" for name, value in it.labels.items()]
    facts += [
        escape_mrkdwn(label if len(label) <= _LABEL else f"{label[:_LABEL]} …")
        for label in labels[:5]
    ]
    if it.link and it.reason not in _WELL:
        facts.append(f"<{it.link}|billing page>")
    return " · ".join(facts)


def escape_mrkdwn(text: str) -> str:
    """Returns markup that shows text as it is: nothing in it is a mention, a link or formatting.

    `& < >` are escaped; Slack has no escape for its other marks, so text that has one where it
    would be obeyed becomes code, in which none is. Marks within a word, as in `sms_prod`, are not
    obeyed (https://docs.slack.dev/messaging/formatting-message-text).
    """
    shown = "".join(each if each.isprintable() or each == _JOINER else "�" for each in text)
    code = _MARKS.search(shown) is not None
    if code:
        shown = shown.replace("`", "'")
    for mark, escape in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(mark, escape)
    return f"`{shown}`" if code else shown


_JOINER = "\u200d"
"""Makes one picture of several (👩‍💻); nothing moves by it."""

_MARKS = re.compile(r"`|(?<![^\W_])[*_~]|[*_~](?![^\W_])|:[\w+'-]+:")
"""What Slack obeys: a mark at the edge of a word, and the name of an emoji."""
