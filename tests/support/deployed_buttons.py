"""Presses of buttons that the emulator (ministack.py) takes to a deployed function by its URL."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests

from tests.support.deployments import Deployment
from tests.support.slack_presses import ANN, SECRET, Message, button, pressed, request

SECONDS = 60.0
"""The most that one press takes: the emulator starts a process for the function."""


@dataclass(frozen=True, slots=True)
class DeployedButtons:
    """The buttons of a message in Slack.

    Attributes:
        stack: the stack that has sent it.
        message: the message, as everybody saw it first.
        response_url: where Slack takes the answers.
    """

    stack: Deployment
    message: Message
    response_url: str

    @property
    def url(self) -> str:
        """The address of the function, at the emulator: its own is a name of AWS."""
        host = urlsplit(self.stack.outputs["SlackActionsUrl"]).netloc
        return f"{self.stack.account.endpoint}/_aws/lambda-url/{host.partition('.')[0]}/"

    def press(self, action_id: str, person: tuple[str, str] = ANN, *, secret: str = SECRET) -> int:
        """Sends what Slack sends when somebody presses a button; returns the status."""
        body = pressed(self.message, button(self.message, action_id), person, self.response_url)
        headers = request(body, datetime.now(UTC), secret)["headers"]
        return requests.post(self.url, data=body, headers=headers, timeout=SECONDS).status_code
