"""A process that dies before or after any of its effects, and whose every later effect fails."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.model import OperationModel

from balance_watch.transport import Reply, Request, Transport

When = Literal["before", "after"]


class DeathError(BaseException):
    """The process was killed. No code of the product catches it, as none sees a SIGKILL."""


@dataclass(frozen=True)
class Moment:
    """Before or after the nth effect of a name."""

    when: When
    effect: str
    nth: int

    def __str__(self) -> str:
        return f"{self.when} {self.effect} {self.nth}"


@dataclass
class Fate:
    """Counts the effects of a process, and ends it at a moment if there is one.

    Code after death still runs here, in `finally` and in other threads; it reaches nothing any
    more.
    """

    moment: Moment | None = None
    dead: bool = False
    effects: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, effect: str) -> int:
        """Counts an effect that is about to happen and returns which of its name it is."""
        with self._lock:
            self.effects[effect] += 1
            nth = self.effects[effect]
        self._meet(Moment("before", effect, nth))
        return nth

    def end(self, effect: str, nth: int) -> None:
        """Notes that the effect has happened."""
        self._meet(Moment("after", effect, nth))

    def _meet(self, moment: Moment) -> None:
        with self._lock:
            self.dead = self.dead or moment == self.moment
        if self.dead:
            raise DeathError(str(self.moment))


def moments(effects: Counter[str]) -> list[Moment]:
    """Returns every moment of a life that had these effects."""
    whens: tuple[When, ...] = ("before", "after")
    return [
        Moment(when, effect, nth + 1)
        for effect, number in effects.items()
        for nth in range(number)
        for when in whens
    ]


class MortalClients:
    """Has the calls of AWS clients go through a fate, which can be exchanged."""

    def __init__(self, clients: dict[str, Any]) -> None:
        self.fate = Fate()
        for client in clients.values():
            client.meta.events.register("before-call", self._before)
            client.meta.events.register("after-call", self._after)

    def _before(self, model: OperationModel, context: dict[str, Any], **_: object) -> None:
        context["nth"] = self.fate.begin(model.name)

    def _after(self, model: OperationModel, context: dict[str, Any], **_: object) -> None:
        self.fate.end(model.name, context["nth"])


class MortalTransport(Transport):
    """HTTP that goes through a fate, which can be exchanged."""

    fate: Fate

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        """As its base, while alive."""
        nth = self.fate.begin("HTTP post")
        reply = super().exchange(request, timeout=timeout)
        self.fate.end("HTTP post", nth)
        return reply


def wait_for_other_threads() -> None:
    """Waits until the threads of pools that a dead process left behind have come to their end."""
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(10)
