"""The Slack channel: sends messages to one incoming webhook, and sorts what Slack replies."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from balance_watch.domain.notification import Notification, SendResult
from balance_watch.notifiers.posting import PostResult, Posts
from balance_watch.notifiers.slack_digest import has_table, render_digest
from balance_watch.notifiers.slack_messages import linked, render
from balance_watch.transport import Reply, Request, Transport

_PERMANENT = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
"""The webhook was revoked or its channel is archived, so another attempt cannot succeed. A 403 with
an error of `_ERRORS` is permanent too
(docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""

_CONTENT = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
"""The message itself is rejected, so the notifications in it are sent in smaller ones."""

_LARGE = 16_000
"""A message of more characters than this is large."""

_ERRORS = frozenset(
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
"""The errors of Slack. Any other text in a reply is not repeated: it may contain the address."""


class SlackChannel:
    """One incoming webhook. Its address is a secret: no message, log or repr contains it."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        *,
        dashboard: str = "",
        buttons: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url, self._dashboard, self._buttons = url, dashboard, buttons
        self._posts = Posts("Slack", transport, clock, sleep)

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Sends everything in as few messages as Slack's limits allow, and yields after each.

        Raises nothing: unless Slack replies `ok`, the notifications are rejected, and the next run
        sends them again. After a 429, the channel waits as long as Slack demands, if that ends
        before `deadline` on the clock.
        """
        messages = list(_messages(notifications, buttons=self._buttons))
        while messages:
            group, message = messages.pop(0)
            result = self._post(message, deadline)
            if result.is_content_rejected and has_table(message):
                messages.insert(0, (group, render_digest(group[0], table=False)))
            elif result.is_content_rejected and len(group) > 1:
                # One notification that Slack rejects must not keep back those beside it.
                half = len(group) // 2
                halves = group[:half], group[half:]
                messages[:0] = [it for own in halves for it in render(own, buttons=self._buttons)]
            elif result.why:
                yield SendResult((), group, result.why, result.is_permanent, result.is_unsure)
            else:
                yield SendResult(accepted=group)

    def _post(self, message: Mapping[str, Any], deadline: float) -> PostResult:
        """Posts a message, once more after each pause that Slack demands."""
        is_large = len(json.dumps(message)) > _LARGE
        request = Request("POST", self._url, json=linked(message, self._dashboard))
        return self._posts.post(request, deadline, partial(_parse_reply, is_large=is_large))


def _messages(
    notifications: Sequence[Notification], *, buttons: bool
) -> Iterator[tuple[tuple[Notification, ...], dict[str, Any]]]:
    """Yields the messages of alerts, then one for each digest, each with its notifications."""
    yield from render([it for it in notifications if it.digest is None], buttons=buttons)
    for notification in notifications:
        if notification.digest is not None:
            yield (notification,), render_digest(notification)


def _parse_reply(reply: Reply, *, is_large: bool) -> PostResult:
    """Returns the result. Only `ok` means accepted: a 200 may have an error in its body.

    HTTP 500 to a large message may mean that it is too large, as 413 does.
    """
    text = reply.body[:100].decode(errors="replace").strip()
    if reply.status == HTTPStatus.OK and text == "ok":
        return PostResult()
    is_known = text in _ERRORS
    return PostResult(
        f"Slack answers HTTP {reply.status}, {text if is_known else 'unexpected text'}.",
        is_unsure=reply.status == HTTPStatus.OK,
        is_content_rejected=reply.status in _CONTENT
        or (is_large and reply.status == HTTPStatus.INTERNAL_SERVER_ERROR),
        is_permanent=reply.status in _PERMANENT
        or (reply.status == HTTPStatus.FORBIDDEN and is_known),
    )
