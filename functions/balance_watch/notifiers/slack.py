"""Slack: one grouped Block Kit message per webhook and run.

Limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks a message) and
https://docs.slack.dev/reference/block-kit/blocks/section-block (3,000 characters a text).
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from balance_watch.domain.notification import Notification, Reason, Sent, gravest_first
from balance_watch.domain.rules import Severity
from balance_watch.domain.window import sparkline
from balance_watch.notifiers.wording import headline, lasting, moment, movement
from balance_watch.transport import Reply, Request, Transport, TransportError

MAX_BLOCKS = 50
MAX_TEXT = 3000
_DETAIL = 1500
_FALLBACK = 3000
_LABEL = 60
_ATTEMPT_SECONDS = 10.0

_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_WELL = "✅"

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

    def send(self, notifications: Sequence[Notification], *, deadline: float) -> Iterator[Sent]:
        """Sends everything in as few messages as Slack's limits allow; yields after each.

        A 429 is waited for if the pause ends before `deadline` on the clock. Nothing is raised:
        what Slack did not answer with `ok` is refused, for the next run to send.
        """
        waiting = list(render(notifications))
        while waiting:
            group, message = waiting.pop(0)
            why, about_content = self._post(message, deadline)
            if about_content and len(group) > 1:
                # One that Slack does not take must not keep back those beside it.
                half = len(group) // 2
                waiting[:0] = [*render(group[:half]), *render(group[half:])]
            else:
                yield Sent(refused=group, why=why) if why else Sent(accepted=group)

    def _post(self, message: Mapping[str, Any], deadline: float) -> tuple[str, bool]:
        """Posts a message; returns why it was refused, if it was, and whether for its content."""
        while True:
            timeout = min(_ATTEMPT_SECONDS, deadline - self._clock())
            if timeout <= 0:
                return "There was no time left to send.", False
            try:
                request = Request("POST", self._url, json=message)
                reply = self._transport.exchange(request, timeout=timeout)
            except TransportError as error:
                return error.message, False
            if reply.status != HTTPStatus.TOO_MANY_REQUESTS:
                return _refusal(reply), reply.status == HTTPStatus.BAD_REQUEST
            pause = reply.retry_after or 1.0
            if self._clock() + pause >= deadline:
                return "Slack answers 429, and asks for more time than is left.", False
            self._sleep(pause)


def _refusal(reply: Reply) -> str:
    """Empty for `ok`: Slack answers 200 with an error in the body, too."""
    word = reply.body[:100].decode(errors="replace").strip()
    if reply.status == HTTPStatus.OK and word == "ok":
        return ""
    known = word if word in _WORDS else "no error word"
    return f"Slack answers HTTP {reply.status}, {known}."


def render(
    notifications: Sequence[Notification],
) -> Iterator[tuple[tuple[Notification, ...], dict[str, Any]]]:
    """Renders messages, gravest first, each with the notifications that are in it."""
    ordered = sorted(notifications, key=gravest_first)
    for start in range(0, len(ordered), MAX_BLOCKS):
        group = tuple(ordered[start : start + MAX_BLOCKS])
        yield (
            group,
            {
                "text": escaped("\n".join(headline(each) for each in group)[:_FALLBACK]),
                "blocks": [_block(each) for each in group],
                "unfurl_links": False,
            },
        )


def _block(it: Notification) -> dict[str, Any]:
    title, plot, facts = _title(it), _plot(it), _facts(it)
    # The detail alone is of any length, so it gets the room that the others leave.
    room = min(_DETAIL, MAX_TEXT - len(title) - len(plot) - len(facts) - 3)
    text = "\n".join(filter(None, (title, plot, _cut(escaped(it.detail), room), facts)))
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _title(it: Notification) -> str:
    sign = _WELL if it.reason is Reason.RESOLVED else _SIGNS[it.severity]
    line = headline(it)
    return f"{sign} *{escaped(line[:1].upper() + line[1:] if _ours(it) else line)}*"


def _ours(it: Notification) -> bool:
    """A line that begins with a word of ours begins with a capital; an account's name does not."""
    return not headline(it).startswith(it.account)


def _plot(it: Notification) -> str:
    moved = movement(it)
    return f"`{sparkline(it.trend)}` last 24 h: {escaped(moved)}" if moved else ""


def _cut(text: str, limit: int) -> str:
    """Cuts escaped text to a length, and no `&amp;` in two."""
    return text if len(text) <= limit else re.sub(r"&[a-z]*$", "", text[: limit - 2]) + " …"


def _facts(it: Notification) -> str:
    seconds = int(it.since.timestamp())
    since = f"since <!date^{seconds}^{{date_short_pretty}} {{time}}|{moment(it.since)}>"
    if it.reason is Reason.RESOLVED:
        since = f"{since}, over after {lasting(it.said_at - it.since)}"
    elif it.said_at > it.since:
        since = f"{since} ({lasting(it.said_at - it.since)})"
    facts = [since, it.severity.value]
    facts += [escaped(f"rule {it.rule}"), escaped(it.provider)]
    labels = [f"{name} {value}" for name, value in it.labels.items()]
    facts += [_cut(escaped(label), _LABEL) for label in labels[:5]]
    if it.link and it.reason is not Reason.RESOLVED:
        facts.append(f"<{it.link}|billing page>")
    return " · ".join(facts)


def escaped(text: str) -> str:
    """Escapes the three characters that Slack gives a meaning to, so that text stays text.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
