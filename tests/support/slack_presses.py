"""Presses of buttons as Slack sends and signs them, and Slack's own side of the answers."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from balance_watch.handlers.slack_actions import respond
from balance_watch.notifiers.slack_signature import sign
from balance_watch.transport import Reply, Request, Transport
from balance_watch.wiring import SlackActionsWiring
from local.block_kit import faults
from tests.support.canaries import key

SECRET = key("signing")

RESPONSE_URL = f"https://hooks.slack.com/actions/T000/1/{key()}"
ANN, BOB = ("U0ANN", "ann"), ("U0BOB", "bob")

NO_CHANGES: Mapping[str, str | None] = MappingProxyType({})

Message = dict[str, Any]


def request(
    body: bytes,
    at: datetime,
    secret: str = SECRET,
    *,
    headers: Mapping[str, str | None] = NO_CHANGES,
) -> dict[str, Any]:
    """Returns the event of a request, signed at a time; `headers` replace or, if None, remove."""
    timestamp = f"{int(at.timestamp())}"
    sent: dict[str, str | None] = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": sign(secret, timestamp, body),
        **headers,
    }
    return {
        "version": "2.0",
        "headers": {name: value for name, value in sent.items() if value is not None},
        "requestContext": {"timeEpoch": int(at.timestamp() * 1000), "http": {"method": "POST"}},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def pressed(
    message: Message,
    button: Mapping[str, Any],
    person: tuple[str, str] = ANN,
    response_url: str = RESPONSE_URL,
) -> bytes:
    """Returns the body that Slack sends when somebody presses a button of a message."""
    payload = {
        "type": "block_actions",
        "user": {"id": person[0], "username": person[1], "team_id": "T000"},
        "response_url": response_url,
        "message": {"text": message["text"], "blocks": message["blocks"]},
        "actions": [{**button, "type": "button", "action_ts": "1795334400.1"}],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def buttons_of(message: Message) -> list[Mapping[str, Any]]:
    """Returns the buttons of a message."""
    actions = (block for block in message["blocks"] if block["type"] == "actions")
    return [button for block in actions for button in block["elements"]]


def button(message: Message, action_id: str) -> Mapping[str, Any]:
    """Returns the first button of a message that does this."""
    return next(it for it in buttons_of(message) if it["action_id"] == action_id)


class SlackTransport(Transport):
    """Takes the answers as Slack does: checks each, and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Message] = []

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        """Keeps an answer to a press."""
        assert request.url == RESPONSE_URL
        assert 0 < timeout < 3
        answer: Any = request.json
        if "blocks" in answer:
            assert faults(answer["blocks"]) == []
        self.answers.append(answer)
        return Reply(200, b"ok")


@dataclass
class Channel:
    """A channel of Slack with one message, whose buttons people press."""

    wired: SlackActionsWiring
    message: Message
    slack: SlackTransport
    clock: Callable[[], datetime]
    statuses: list[int] = field(default_factory=list)

    def press(
        self,
        action_id: str,
        person: tuple[str, str] = ANN,
        *,
        seen: Message | None = None,
        wired: SlackActionsWiring | None = None,
    ) -> str:
        """Presses a button, of the message as somebody has seen it; returns what only they see."""
        shown = seen or self.message
        now = self.clock()
        body = pressed(shown, button(shown, action_id), person)
        before = len(self.slack.answers)
        answer = respond(wired or self.wired, request(body, now), now)
        self.statuses.append(answer["statusCode"])
        private = ""
        for it in self.slack.answers[before:]:
            if it["replace_original"]:
                self.message = {**self.message, "blocks": it["blocks"], "text": it["text"]}
            else:
                private += it["text"]
        return private

    @property
    def shown(self) -> str:
        """The lines below the alerts."""
        contexts = (block for block in self.message["blocks"] if block["type"] == "context")
        return "\n".join(it["text"] for block in contexts for it in block["elements"])

    @property
    def actions(self) -> list[str]:
        """What the buttons that are left do."""
        return [it["action_id"] for it in buttons_of(self.message)]
