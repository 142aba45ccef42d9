"""A loopback inbox for Slack's incoming webhooks: it reads every message as Slack would.

    with SlackInbox() as slack:
        slack.script("default", too_many_requests(1)) # the next answer; then all is well again
        post(slack.webhook("default"), ...)
        slack.messages["default"]                  # what was accepted, in order

Answers: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks ("Handling errors"), its
changelog of 2016-05-17, docs.slack.dev/apis/web-api/rate-limits.
"""

import json
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Unpack

from local.block_kit import MAX_MESSAGE_TEXT, faults
from local.loopback import Address, LoopbackServer, Reply, Request

WEBHOOK_PATH = "/services/T000/B000/Canary9Qx+=&/"  # a canary, as the keys in local/world.py

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was not accepted: the answer's word, and what was wrong in particular."""

    webhook: str
    answer: str
    faults: tuple[str, ...] = ()


def _text(status: int, word: str, retry_after: int | None = None) -> Reply:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, word.encode(), "text/plain; charset=utf-8", headers)


OK = _text(200, "ok")
NO_SERVICE = _text(404, "no_service")
CHANNEL_NOT_FOUND = _text(404, "channel_not_found")
CHANNEL_IS_ARCHIVED = _text(410, "channel_is_archived")
ACTION_PROHIBITED = _text(403, "action_prohibited")
ROLLUP_ERROR = _text(500, "rollup_error")
NOT_OK = _text(200, "error: try later")
"""HTTP says 200, the body does not say ok."""
HANG = _text(504, "hang").after(3600)
"""No answer before the client's own deadline; the message is not accepted."""
LOST = Reply(lost=True)
"""The message is accepted, then the connection ends without an answer."""


def too_many_requests(retry_after: int = 1) -> Reply:
    """Returns a 429 with that many seconds in Retry-After."""
    return _text(429, "rate_limited", retry_after)


class SlackInbox(LoopbackServer):
    """Webhooks by name. Accepted messages are kept per webhook in order, refused ones apart."""

    def __init__(
        self, webhooks: tuple[str, ...] = ("default", "oncall"), **address: Unpack[Address]
    ) -> None:
        super().__init__(**address)
        self.messages: dict[str, list[Json]] = {name: [] for name in webhooks}
        self.refused: list[Refusal] = []
        self._scripts: defaultdict[str, deque[Reply]] = defaultdict(deque)

    def webhook(self, name: str) -> str:
        """Returns the address to post to: the secret of the webhook of that name."""
        return f"{self.url}{WEBHOOK_PATH}{name}"

    @property
    def webhooks(self) -> dict[str, str]:
        """All addresses by name, the content of the Slack secret."""
        return {name: self.webhook(name) for name in self.messages}

    def script(self, name: str, *answers: Reply) -> None:
        """Answers the next posts to that webhook so, one after the other; then as usual."""
        self._scripts[name].extend(answers)

    def answer(self, request: Request) -> Reply:
        """Answers as Slack does: a scripted answer first, else by the message's own merit."""
        name = request.path.removeprefix(WEBHOOK_PATH)
        if request.method != "POST" or name not in self.messages or name == request.path:
            return NO_SERVICE
        script = self._scripts[name]
        answer = script.popleft() if script else OK
        if not answer.lost and (answer.status, answer.body) != (OK.status, OK.body):
            return self._refuse(name, answer)
        message, *wrong = _read(request.body)
        if wrong:
            return self._refuse(name, _text(400, wrong[0]), *wrong[1:])
        self.messages[name].append(message)
        return answer

    def _refuse(self, name: str, answer: Reply, *found: str) -> Reply:
        self.refused.append(Refusal(name, answer.body.decode(), found))
        return answer


def _read(body: bytes) -> tuple[Json, *tuple[str, ...]]:
    """Returns the message, then nothing; or Slack's word for what is wrong, and the details."""
    try:
        message = json.loads(body)
    except ValueError:
        return {}, "invalid_payload", "not JSON"
    if not isinstance(message, dict):
        return {}, "invalid_payload", "no JSON object"
    blocks, text = message.get("blocks", []), message.get("text", "")
    if not isinstance(blocks, list) or not isinstance(text, str):
        return message, "invalid_payload", "blocks or text of a wrong type"
    if not blocks and not text:
        return message, "no_text", "neither text nor blocks"
    found = faults(blocks)
    if len(text) > MAX_MESSAGE_TEXT:
        found.append(f"a message text of more than {MAX_MESSAGE_TEXT} characters")
    return message, *(["invalid_blocks", *found] if found else [])
