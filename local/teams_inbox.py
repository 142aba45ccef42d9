"""A loopback inbox for a workflow of Teams that posts cards, which holds to its documented limits.

https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

import json
from collections.abc import Iterator
from typing import Any

from local.loopback import Reply, Request
from local.scripted_inbox import CANARY, Judged, ScriptedInbox

PATH = "/powerautomate/automations/direct/workflows/1/triggers/manual/paths/invoke"
CARD = "application/vnd.microsoft.card.adaptive"
_MAX_MESSAGE = 28 * 1024


class TeamsInbox(ScriptedInbox):
    """Keeps the accepted messages of one workflow."""

    accepted_reply = Reply(202)

    @property
    def secret(self) -> dict[str, Any]:
        """The webhook `default`: its query has the signature."""
        query = f"api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={CANARY}"
        return {"webhooks": {"default": f"{self.url}{PATH}?{query}"}}

    def judge(self, request: Request) -> Judged:
        """Returns the message, with its faults."""
        if (request.method, request.path) != ("POST", PATH):
            return Judged({}, ("no such path",), 404)
        if not request.query.get("sig", "").startswith("Canary9Qx"):
            return Judged({}, ("not signed",), 401)
        if len(request.body) > _MAX_MESSAGE:
            return Judged({}, ("more than 28 KB",), 413)
        message = json.loads(request.body)
        return Judged(message, tuple(_faults(message)))


def _faults(message: dict[str, Any]) -> Iterator[str]:
    if message.get("type") != "message" or len(message.get("attachments", [])) != 1:
        yield "not a message with one attachment"
        return
    (attachment,) = message["attachments"]
    card = attachment.get("content", {})
    if attachment.get("contentType") != CARD or card.get("type") != "AdaptiveCard":
        yield "not an adaptive card"
    if card.get("version") not in {"1.2", "1.3", "1.4", "1.5"}:
        yield "a version that Teams does not show"
    for container in card.get("body", []):
        if container.get("type") != "Container" or not container.get("items"):
            yield "a part that is no container"
        for block in container.get("items", []):
            yield from _faults_of_block(block)


def _faults_of_block(block: dict[str, Any]) -> Iterator[str]:
    if block.get("type") == "ActionSet":
        for action in block.get("actions", []):
            if action.get("type") != "Action.OpenUrl" or not action.get("url"):
                yield "an action that is no link"
    elif block.get("type") != "RichTextBlock":
        yield "a block that interprets markup"
    elif not all(run.get("text") for run in block.get("inlines", [])):
        yield "a run without text"
