"""A loopback inbox that accepts what its service documents, and answers by a script if told to."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Unpack

from local.loopback import Address, LoopbackServer, Reply, Request

CANARY = "Canary9Qx+=&"  # a canary, like the keys in local/world.py
HANG = Reply(504).after(3600)
"""No answer before the client's deadline; the message is not accepted."""

LOST = Reply(lost=True)
"""The message is accepted, then the connection ends without an answer."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a service makes of a request: the message, and its faults by the documented limits."""

    message: dict[str, Any]
    faults: tuple[str, ...] = ()
    status: int = 400


class ScriptedInbox(LoopbackServer):
    """Keeps the accepted messages in order, and the faults of those that it rejects.

    A subclass defines `accepted_reply`, `secret` and `judge`.
    """

    accepted_reply = Reply(200)
    canary = CANARY
    """The part of a message that is the service's own key, if it goes into the message."""

    def __init__(self, **address: Unpack[Address]) -> None:
        super().__init__(**address)
        self.messages: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.outage: Reply | None = None
        """Every post gets this reply, if it is set and no script is left."""
        self._script: deque[Reply] = deque()

    @property
    def secret(self) -> dict[str, Any]:
        """The content of the secret that configures this inbox as the channel `default`."""
        raise NotImplementedError

    def judge(self, request: Request) -> Judged:
        """Returns the message of a request, with its faults."""
        raise NotImplementedError

    def script(self, *answers: Reply) -> None:
        """Gives these answers to the next posts, one each, before the usual answers."""
        self._script.extend(answers)

    def answer(self, request: Request) -> Reply:
        """Gives the next scripted answer, or else the answer of the service to this message."""
        usual = self.outage or self.accepted_reply
        reply = self._script.popleft() if self._script else usual
        if not reply.lost and reply.status != self.accepted_reply.status:
            return reply
        judged = self.judge(request)
        if judged.faults:
            self.faults += judged.faults
            return Reply(judged.status, b'{"message": "invalid"}')
        self.messages.append(judged.message)
        return reply
