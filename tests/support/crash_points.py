"""Simulated processes that crash before or after any of their effects.

An effect is a call to AWS or an HTTP request. A process that has crashed has no further effects.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.model import OperationModel

from balance_watch.transport import Reply, Request, Transport

When = Literal["before", "after"]

ClientMethod = Any
"""A method of a boto3 client, or another attribute of it."""

Response = Any
"""What a method of a boto3 client returns."""


class CrashError(BaseException):
    """The process was killed. The product's code cannot catch this, as it cannot catch SIGKILL."""


@dataclass(frozen=True)
class CrashPoint:
    """A point before or after the nth effect of a name; after it, the reply is lost."""

    when: When
    effect: str
    nth: int

    def __str__(self) -> str:
        return f"{self.when} {self.effect} {self.nth}"


@dataclass
class SimulatedProcess:
    """Counts the effects of a process, and crashes it at its crash point, if it has one.

    Code in `finally` and in other threads still runs after the crash, but each further effect
    raises CrashError instead of happening.
    """

    crash_at: CrashPoint | None = None
    crashed: bool = False
    effects: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, effect: str) -> int:
        """Counts an effect that is about to happen, and returns its number among its name."""
        with self._lock:
            self.effects[effect] += 1
            nth = self.effects[effect]
        self._reach(CrashPoint("before", effect, nth))
        return nth

    def end(self, effect: str, nth: int) -> None:
        """Notes that an effect has happened."""
        self._reach(CrashPoint("after", effect, nth))

    def _reach(self, point: CrashPoint) -> None:
        with self._lock:
            self.crashed = self.crashed or point == self.crash_at
        if self.crashed:
            raise CrashError(str(self.crash_at))


def crash_points(effects: Counter[str]) -> list[CrashPoint]:
    """Returns every crash point of a process that has these effects."""
    whens: tuple[When, ...] = ("before", "after")
    return [
        CrashPoint(when, effect, nth + 1)
        for effect, number in effects.items()
        for nth in range(number)
        for when in whens
    ]


class CrashableClients:
    """Makes every call of these AWS clients an effect of the current process."""

    def __init__(self, clients: dict[str, Any]) -> None:
        self.process = SimulatedProcess()
        for client in clients.values():
            client.meta.events.register("before-call", self._before)
            client.meta.events.register("after-call", self._after)

    def _before(self, model: OperationModel, context: dict[str, Any], **_: object) -> None:
        context["nth"] = self.process.begin(model.name)

    def _after(self, model: OperationModel, context: dict[str, Any], **_: object) -> None:
        self.process.end(model.name, context["nth"])


class CrashableTransport(Transport):
    """Makes every HTTP request an effect of the current process."""

    process: SimulatedProcess

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        """Sends the request and returns the reply, unless the process has crashed."""
        nth = self.process.begin("HTTP post")
        reply = super().exchange(request, timeout=timeout)
        self.process.end("HTTP post", nth)
        return reply


CALL = "call"
"""The name of every effect of a `CrashableClient`."""


@dataclass
class CrashableClient:
    """A DynamoDB client of one process; each call, or all pages of a paginator, is one effect."""

    client: Any
    process: SimulatedProcess

    def __getattr__(self, name: str) -> ClientMethod:
        attribute: ClientMethod = getattr(self.client, name)
        if name in ("exceptions", "meta"):
            return attribute
        if name == "get_paginator":
            return lambda operation: _CrashablePaginator(attribute(operation), self.process)

        def call(**request: object) -> Response:
            nth = self.process.begin(CALL)
            response = attribute(**request)
            self.process.end(CALL, nth)
            return response

        return call


@dataclass
class _CrashablePaginator:
    paginator: Any
    process: SimulatedProcess

    def paginate(self, **request: object) -> Iterator[Response]:
        nth = self.process.begin(CALL)
        yield from self.paginator.paginate(**request)
        self.process.end(CALL, nth)


def wait_for_other_threads() -> None:
    """Waits until the pool threads of a crashed process have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(10)
