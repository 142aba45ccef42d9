"""The world of the state machine with workers: a batch for each account, and workers at once.

While one worker reads, another one begins, and a third while that one reads. A message whose worker
is killed, or finds its batch taken, stays in the queue, as SQS keeps it.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.loading import Configuration
from balance_watch.domain.account import Account
from balance_watch.domain.batches import BatchMessage
from balance_watch.domain.reading import ReadResult
from balance_watch.errors import RunUnderWayError
from balance_watch.store.batch_queue import message_from_json, message_to_json
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.batch_check import CheckBatch
from balance_watch.usecases.check import Check
from balance_watch.usecases.finishing import Finish
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.planning import Planner
from balance_watch.usecases.summary import Summary
from tests.support.crash_points import (
    CALL,
    CrashError,
    CrashPoint,
    SimulatedProcess,
    wait_for_other_threads,
)
from tests.support.model_world import SECONDS, World

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SIZE, _WORKERS = 1, 3
_PROCESSES = 4
"""A planner and three workers have about so many times the effects of one function."""


class WorkersWorld(World):
    """A world in which a planner splits every tick of more than one account."""

    def __init__(self, client: "DynamoDBClient") -> None:
        super().__init__(client)
        self.texts: list[str] = []
        """The messages in the queue."""
        self.waiting: list[str] = []
        """Those that the next worker to read lets another one begin with."""
        self.finished: dict[datetime, Summary] = {}
        self.at_once = 0
        """How many workers were at work while another one was."""

    def run(self, tick: datetime, crash_at: CrashPoint | None = None) -> Summary | None:
        """Plans a tick and works off the queue; one of the processes may crash.

        Returns the summary of the tick, or None if nobody has finished it.
        """
        if crash_at is not None:
            crash_at = dataclasses.replace(
                crash_at, nth=_PROCESSES * crash_at.nth - tick.hour % _PROCESSES
            )
        process = self.process = SimulatedProcess(crash_at)
        self.tick = tick
        summary = None
        try:
            summary = self._check(process).run(tick, seconds=SECONDS)
        except CrashError:
            self._was_killed()
        except (RunUnderWayError, ClientError):
            pass
        self._work(process)
        self.process = SimulatedProcess()
        if summary is None or summary.batches or summary.skipped:
            summary = self.finished.get(tick, summary if summary and summary.skipped else None)
        if summary is None:
            self._every_channel_misses(tick)
        elif not (summary.skipped or summary.deferred):
            self._is_stored(tick)
        return summary

    def send(self, messages: Sequence[BatchMessage], delay: float) -> None:
        """Puts messages into the queue; a worker that is late keeps them waiting."""
        if delay:
            self.clock.forward(delay)
        nth = self.process.begin(CALL)
        self.texts += map(message_to_json, messages)
        self.process.end(CALL, nth)

    def _work(self, process: SimulatedProcess) -> None:
        """Has each message that is in the queue worked off once."""
        self.waiting, self.texts = self.waiting + self.texts, []
        while self.waiting:
            self._work_on(self.waiting.pop(0), process)

    def _work_on(self, text: str, process: SimulatedProcess) -> None:
        message = message_from_json(text)
        if process.crashed:
            process = SimulatedProcess()
        before, self.process = self.process, process
        try:
            summary = self._worker(process).run(message, seconds=SECONDS)
        except CrashError:
            self.texts.append(text)
            self._was_killed()
        except (RunUnderWayError, ClientError):
            self.texts.append(text)
        else:
            if summary is not None:
                self.finished[message.tick] = summary
                self.texts += [] if summary.complete else [text]
        finally:
            self.process = before
        self._forget_what_was_not_stored(message.tick)

    def _forget_what_was_not_stored(self, tick: datetime) -> None:
        """Forgets what a worker has read and not stored: later looks are compared with none of it.

        One that outlived its lease leaves its batch to the worker that gets its message next.
        """
        accounts = self.store.accounts
        for name in sorted(self.watched):
            shown = self.shown_at.get((name, tick))
            if isinstance(shown, Decimal) and not accounts.history(name, tick, tick):
                del self.shown_at[name, tick]

    def _was_killed(self) -> None:
        self.crashed = True
        wait_for_other_threads()
        self.clock.forward(SECONDS)

    def _check(self, process: SimulatedProcess) -> Check:
        store = self._store_of(process)
        clock = self.clock.time
        return replace(
            super()._check(process),
            planner=Planner(store, self, _SIZE, _WORKERS, clock),
            finish=self._finish(store),
            wall_clock=clock,
        )

    def _worker(self, process: SimulatedProcess) -> CheckBatch:
        store = self._store_of(process)

        def load(names: Sequence[str]) -> Configuration:
            del names
            return self._load(store)

        return CheckBatch(
            store,
            load,
            lambda _: partial(self._read_beside_others, process),
            Pay(store, self._pay),
            self._finish(store),
        )

    def _finish(self, store: Store) -> Finish:
        return Finish(
            store,
            partial(self._load, store),
            lambda: self._load(store).accounts,
            self._deliver,
            Pay(store, self._pay),
        )

    def _read_beside_others(
        self,
        process: SimulatedProcess,
        accounts: Sequence[WatchedAccount],
        *,
        now: datetime,
        deadline: float,
    ) -> Iterator[tuple[Account, ReadResult]]:
        """Reads accounts while another worker begins, if there is a message for it."""
        if self.waiting:
            self.at_once += 1
            self._work_on(self.waiting.pop(0), SimulatedProcess())
        self.process = process
        yield from self._read(accounts, now=now, deadline=deadline)
