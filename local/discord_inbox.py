"""A loopback inbox for a webhook of Discord, which holds to its documented limits.

https://docs.discord.com/developers/resources/message and /developers/topics/rate-limits
"""

import json
from collections.abc import Iterator
from typing import Any

from local.loopback import Reply, Request
from local.scripted_inbox import CANARY, Judged, ScriptedInbox

PATH = f"/api/webhooks/1/{CANARY}"
_MAX_EMBEDS, _MAX_CHARACTERS, _MAX_FIELDS = 10, 6000, 25
_LIMITS = {"title": 256, "description": 4096, "name": 256, "value": 1024}


def rate_limited(seconds: float) -> Reply:
    """Returns a 429 with this pause in its body and in Discord's own header."""
    body = {"message": "You are being rate limited.", "retry_after": seconds, "global": False}
    headers = {"X-RateLimit-Reset-After": f"{seconds}", "X-RateLimit-Scope": "user"}
    return Reply(429, json.dumps(body).encode(), headers=headers)


def last_within_the_limit(seconds: float) -> Reply:
    """Returns an acceptance after which the webhook takes no message for this long."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": f"{seconds}"}
    return Reply(200, b"{}", headers=headers)


class DiscordInbox(ScriptedInbox):
    """Keeps the accepted messages of one webhook."""

    accepted_reply = Reply(200, b"{}")

    @property
    def secret(self) -> dict[str, Any]:
        """The webhook `default`, which posts into a thread."""
        return {"webhooks": {"default": f"{self.url}{PATH}?thread_id=5"}}

    def judge(self, request: Request) -> Judged:
        """Returns the message, with its faults."""
        if (request.method, request.path) != ("POST", PATH):
            return Judged({}, ("no such path",), 404)
        message = json.loads(request.body)
        faults = tuple(_faults(message))
        if request.query != {"thread_id": "5", "wait": "true"}:
            faults += ("a query that is not as configured",)
        return Judged(message, faults)


def _faults(message: dict[str, Any]) -> Iterator[str]:
    if message.get("allowed_mentions") != {"parse": []}:
        yield "mentions are allowed"
    embeds = message.get("embeds", [])
    if not 0 < len(embeds) <= _MAX_EMBEDS:
        yield f"{len(embeds)} embeds"
    urls = [embed["url"] for embed in embeds if "url" in embed]
    if len(set(urls)) < len(urls):
        yield "two embeds with the same URL, of which only the first is shown"
    total = 0
    for embed in embeds:
        fields = embed.get("fields", [])
        if len(fields) > _MAX_FIELDS:
            yield f"{len(fields)} fields"
        texts = [(name, embed[name]) for name in ("title", "description") if name in embed]
        texts += [(name, field[name]) for field in fields for name in ("name", "value")]
        for name, text in texts:
            length = len(text.strip().encode("utf-16-le")) // 2
            total += length
            if not 0 < length <= _LIMITS[name]:
                yield f"a {name} of {length} characters"
    if total > _MAX_CHARACTERS:
        yield f"{total} characters"
