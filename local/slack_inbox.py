"""A loopback inbox for Slack's incoming webhooks: it validates every message as Slack does.

    with SlackInbox() as slack:
        slack.script("default", too_many_requests(1))  # the next answer, once
        post(slack.webhook("default"), ...)
        slack.messages["default"]                      # the accepted messages, in order

What answers the press of a button in a message is posted to its `response_url`: it replaces the
message (`updates`), or is shown to whoever pressed (`private`).

Answers: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks ("Handling errors"), its
changelog of 2016-05-17, docs.slack.dev/apis/web-api/rate-limits. Presses:
docs.slack.dev/interactivity/handling-user-interaction ("Message responses").
"""

import json
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Unpack

from local.block_kit import MAX_MESSAGE_TEXT, faults
from local.loopback import Address, LoopbackServer, Reply, Request

WEBHOOK_PATH = "/services/T000/B000/Canary9Qx+=&/"  # a canary, like the keys in local/world.py
RESPONSE_PATH = "/actions/T000/Canary9Qx+=&/"  # so is this one

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message that was not accepted: the answer's code, and the faults in the message."""

    webhook: str
    answer: str
    faults: tuple[str, ...] = ()


def _text(status: int, body: str, retry_after: int | None = None) -> Reply:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, body.encode(), "text/plain; charset=utf-8", headers)


OK = _text(200, "ok")
NO_SERVICE = _text(404, "no_service")
CHANNEL_NOT_FOUND = _text(404, "channel_not_found")
CHANNEL_IS_ARCHIVED = _text(410, "channel_is_archived")
ACTION_PROHIBITED = _text(403, "action_prohibited")
ROLLUP_ERROR = _text(500, "rollup_error")
NOT_OK = _text(200, "error: try later")
"""The status is 200, but the body is not `ok`."""
HANG = _text(504, "hang").after(3600)
"""No answer before the client's deadline; the message is not accepted."""
LOST = Reply(lost=True)
"""The message is accepted, then the connection ends without an answer."""


def too_many_requests(retry_after: int = 1) -> Reply:
    """Returns a 429 with this many seconds in Retry-After."""
    return _text(429, "rate_limited", retry_after)


class SlackInbox(LoopbackServer):
    """Keeps the accepted messages of each webhook in order, and the rejected ones apart."""

    def __init__(
        self, webhooks: tuple[str, ...] = ("default", "oncall"), **address: Unpack[Address]
    ) -> None:
        super().__init__(**address)
        self.messages: dict[str, list[Message]] = {name: [] for name in webhooks}
        self.updates: defaultdict[str, list[Message]] = defaultdict(list)
        self.private: list[str] = []
        self.rejected: list[Rejection] = []
        self._scripts: defaultdict[str, deque[Reply]] = defaultdict(deque)

    def webhook(self, name: str) -> str:
        """Returns the webhook's address, which is its secret."""
        return f"{self.url}{WEBHOOK_PATH}{name}"

    @property
    def webhooks(self) -> dict[str, str]:
        """Every address by name: the content of the Slack secret."""
        return {name: self.webhook(name) for name in self.messages}

    def response_url(self, name: str) -> str:
        """Returns where a press in the message of this name is answered; it is a secret too."""
        return f"{self.url}{RESPONSE_PATH}{name}"

    def script(self, name: str, *answers: Reply) -> None:
        """Gives these answers to the webhook's next posts, one each, before the usual answers."""
        self._scripts[name].extend(answers)

    def answer(self, request: Request) -> Reply:
        """Gives the next scripted answer, or else the answer that Slack gives to this message."""
        if request.path.startswith(RESPONSE_PATH):
            return self._take_response(request)
        name = request.path.removeprefix(WEBHOOK_PATH)
        if request.method != "POST" or name not in self.messages or name == request.path:
            return NO_SERVICE
        script = self._scripts[name]
        answer = script.popleft() if script else OK
        if not answer.lost and (answer.status, answer.body) != (OK.status, OK.body):
            return self._reject(name, answer)
        message, code, details = _validate(request.body)
        if code:
            return self._reject(name, _text(400, code), *details)
        self.messages[name].append(message)
        return answer

    def _take_response(self, request: Request) -> Reply:
        """Takes what answers a press."""
        name = request.path.removeprefix(RESPONSE_PATH)
        if request.method != "POST":
            return NO_SERVICE
        message, code, details = _validate(request.body)
        if code:
            return self._reject(name, _text(400, code), *details)
        if message.get("replace_original") is True:
            self.updates[name].append(message)
        else:
            self.private.append(message.get("text", ""))
        return OK

    def _reject(self, name: str, answer: Reply, *details: str) -> Reply:
        self.rejected.append(Rejection(name, answer.body.decode(), details))
        return answer


def _validate(body: bytes) -> tuple[Message, str, list[str]]:
    """Returns the message, Slack's error code or "", and the details of the error."""
    try:
        message = json.loads(body)
    except ValueError:
        return {}, "invalid_payload", ["not JSON"]
    if not isinstance(message, dict):
        return {}, "invalid_payload", ["not a JSON object"]
    blocks, text = message.get("blocks", []), message.get("text", "")
    if not isinstance(blocks, list) or not isinstance(text, str):
        return message, "invalid_payload", ["blocks or text of a wrong type"]
    if not blocks and not text:
        return message, "no_text", ["neither text nor blocks"]
    details = faults(blocks)
    if len(text) > MAX_MESSAGE_TEXT:
        details.append(f"a message text of more than {MAX_MESSAGE_TEXT} characters")
    return message, "invalid_blocks" if details else "", details
