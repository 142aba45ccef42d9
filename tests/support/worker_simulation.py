"""A simulation in which workers check the accounts, each message in a process of its own.

One process may crash, at an effect that is counted over all of them; the others go on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from msgspec.structs import replace

from balance_watch.domain.batches import BatchMessage
from balance_watch.errors import RunUnderWayError
from balance_watch.store.batch_queue import message_from_json, message_to_json
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.check import Check
from balance_watch.usecases.planning import Planner
from balance_watch.usecases.reading import Read
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring
from tests.support.crash_points import (
    CrashError,
    CrashPoint,
    SimulatedProcess,
    wait_for_other_threads,
)
from tests.support.simulation import SECONDS, TICK, Simulation

SEND = "SendMessageBatch"
TO_A_CALL = 10


@dataclass
class SimulatedQueue:
    """A queue of batches that holds the texts of its messages; each call is an effect."""

    process: SimulatedProcess = field(default_factory=SimulatedProcess)
    messages: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    def send(self, messages: Sequence[BatchMessage], delay: float) -> None:
        """Puts messages into the queue, ten to a call."""
        self.delays.append(delay)
        for start in range(0, len(messages), TO_A_CALL):
            nth = self.process.begin(SEND)
            self.messages += map(message_to_json, messages[start : start + TO_A_CALL])
            self.process.end(SEND, nth)


@dataclass
class WorkerSimulation(Simulation):
    """A simulation with a planner and workers; a batch holds a few accounts.

    `arrange` says in which order, and how often, the messages of a run are delivered.
    """

    size: int = 10
    queue: SimulatedQueue = field(default_factory=SimulatedQueue, init=False)
    arrange: Callable[[list[str]], list[str]] = list

    def run(
        self, tick: datetime, process: SimulatedProcess | None = None, seconds: float = SECONDS
    ) -> Summary:
        """Plans a tick, and has each message that is in the queue worked off once.

        A message that fails, or whose worker is killed, stays in the queue.
        """
        process = process or SimulatedProcess()
        summary = self.plan(tick, process, seconds)
        return self.work(process, seconds) or summary

    def plan(self, tick: datetime, process: SimulatedProcess, seconds: float = SECONDS) -> Summary:
        """Runs the planner alone."""
        return self._check(self._in(process)).run(tick, seconds=seconds)

    def work(
        self, process: SimulatedProcess | None = None, seconds: float = SECONDS
    ) -> Summary | None:
        """Works off the queue; returns the summary of the tick that was finished, if one was."""
        process = process or SimulatedProcess()
        texts, self.queue.messages = self.arrange(self.queue.messages), []
        finished = None
        for number, text in enumerate(texts):
            try:
                summary = self.work_on(text, process, seconds)
            except RunUnderWayError:
                self.queue.messages.append(text)
                continue
            except CrashError:
                self.queue.messages += texts[number:]
                raise
            if summary is not None:
                finished = summary
                self.queue.messages += [] if summary.complete else [text]
        return finished

    def work_on(
        self, text: str, process: SimulatedProcess | None = None, seconds: float = SECONDS
    ) -> Summary | None:
        """Runs a worker for one message."""
        wiring = self._in(process or SimulatedProcess())
        worker = replace(
            wiring.check_batch(),
            read=self._reading,
            finish=replace(wiring.check_batch().finish, deliver=self._recording(wiring)),
        )
        return worker.run(message_from_json(text), seconds=seconds)

    def run_until(self, point: CrashPoint) -> None:
        """Runs `TICK` until one of its processes crashes at this point, and its lease ends."""
        with pytest.raises(CrashError):
            self.run(TICK, SimulatedProcess(point))
        wait_for_other_threads()
        self.clock.forward(SECONDS)

    def _in(self, process: SimulatedProcess) -> Wiring:
        self.crashable_clients.process = self.transport.process = self.queue.process = process
        return Wiring(
            self.settings,
            make_client=self.clients.__getitem__,
            make_transport=lambda: self.transport,
            make_store=lambda client: Store(
                client, self.settings.table_name, clock=self.clock.time
            ),
        )

    def _check(self, wiring: Wiring) -> Check:
        finish = wiring.check_batch().finish
        recording = replace(finish, deliver=self._recording(wiring))
        return replace(
            wiring.check(),
            read=self.reads,
            deliver=self._recording(wiring),
            planner=Planner(wiring.store, self.queue, self.size, 10, self.clock.time),
            finish=recording,
            wall_clock=self.clock.time,
        )

    def _reading(self, hosts: Mapping[str, int]) -> Read:
        del hosts
        return self.reads
