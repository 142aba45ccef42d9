"""Reads many accounts in parallel, with a limit per host: a slow host delays no other."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain
from queue import Empty, SimpleQueue
from types import MappingProxyType

from msgspec import Struct, field
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.providers.client import ATTEMPT_SECONDS, ProviderClient
from balance_watch.providers.host_pace import RUN_EVERY, HostPace, Rate
from balance_watch.providers.request import host_of
from balance_watch.providers.spec import Spec

PER_HOST = 10
_NO_TURN = ReadFailure(
    FailureKind.RATE_LIMITED, "Its host asks for fewer requests, and it has not got its turn."
)
_MAX_THREADS = 256
"""Lambda allows 1,024 threads ("Lambda quotas", AWS Lambda developer guide)."""


def read_all(
    client: ProviderClient,
    accounts: Sequence[tuple[Account, Spec]],
    *,
    now: datetime,
    deadline: float,
    shares: Mapping[str, int] = MappingProxyType({}),
    every: float = RUN_EVERY,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[Account, ReadResult]]:
    """Yields each account with its result, in the order in which the reads end.

    An account that cannot start in time for one whole attempt is not yielded: it is deferred. One
    that has started and has not ended by the deadline is a timeout. A host that answers HTTP 429 is
    asked more slowly, and the account again after the others, as long as there is time and the host
    accepts some; then it is rate limited, and so are those that have not got their turn. A host
    that has a documented rate is asked at that rate from the beginning.

    Args:
        client: reads one account.
        accounts: accounts and their providers, the most urgent first.
        now: the tick that the readings belong to.
        deadline: the time on the clock by which reading ends.
        shares: how many processes ask a host at the same time, if there are several: each of them
            takes its share of the host's limit and pace.
        every: the seconds from one run to the next: each takes its share of a host's long rate.
        clock: seconds, monotonic.
        sleep: waits for the turn of a host.
    """
    work = _Work(client, now, deadline, clock, sleep)
    results, started = work.results, work.started
    queues = _queues(accounts)
    workers = _workers(queues, shares)
    paces = {
        id(queue): HostPace(clock, _rate(queue), shares.get(host, 1), every)
        for host, queue in queues.items()
    }
    pool = ThreadPoolExecutor(max_workers=min(_MAX_THREADS, max(1, len(workers))))
    try:
        for queue in workers:
            pool.submit(work.run, queue, paces[id(queue)])
        working = len(workers)
        while working:
            try:
                result = results.get(timeout=max(0.0, deadline - clock()))
            except Empty:
                break
            if result is None:
                working -= 1
                continue
            started.pop(result[0].name, None)
            yield result
        for account in list(started.values()):
            # Only the resolution of a name can outlast the deadline of a socket.
            text = "No reply came before the end of the run."
            yield account, ReadFailure(FailureKind.TIMED_OUT, text)
        slow = {id(queue): queue for queue in workers if paces[id(queue)].is_slow}
        for account, _ in chain.from_iterable(queue.copy() for queue in slow.values()):
            yield account, work.limited.get(account.name, _NO_TURN)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Work(Struct, frozen=True):
    """What all workers share: how to read, and what has been read.

    `started` has the accounts that are being read, `limited` the latest failure of those that their
    host has rejected because of its limit.
    """

    client: ProviderClient
    now: datetime
    deadline: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    results: SimpleQueue[tuple[Account, ReadResult] | None] = field(default_factory=SimpleQueue)
    started: dict[str, Account] = field(default_factory=dict)
    limited: dict[str, ReadFailure] = field(default_factory=dict)

    def run(self, queue: deque[tuple[Account, Spec]], pace: HostPace) -> None:
        """Reads accounts of one host, each at its turn, while there is time for a whole attempt."""
        latest = self.deadline - ATTEMPT_SECONDS
        while queue and not pace.has_given_up:
            with pace.gate:
                if pace.has_given_up or (turn := pace.turn()) >= latest:
                    break
                self.sleep(max(0.0, turn - self.clock()))
            if pace.is_due(turn):
                self._read_next(queue, pace, turn)
        self.results.put(None)

    def _read_next(self, queue: deque[tuple[Account, Spec]], pace: HostPace, turn: float) -> None:
        try:
            account, spec = queue.popleft()
        except IndexError:
            return
        self.started[account.name] = account
        result = _read(self.client, spec, account, self.now, self.deadline, pace)
        if isinstance(result, ReadFailure) and result.kind is FailureKind.RATE_LIMITED:
            left = pace.slow_down(turn, result.retry_after)
            self.limited[account.name] = replace(result, retry_after=left)
            self.started.pop(account.name)
            queue.append((account, spec))
        else:
            pace.accepted()
            self.results.put((account, result))


def _queues(
    accounts: Sequence[tuple[Account, Spec]],
) -> dict[str, deque[tuple[Account, Spec]]]:
    """Returns a queue of accounts for each host."""
    queues: dict[str, deque[tuple[Account, Spec]]] = defaultdict(deque)
    for account, spec in accounts:
        queues[host_of(spec, account)].append((account, spec))
    return queues


def _workers(
    queues: Mapping[str, deque[tuple[Account, Spec]]], shares: Mapping[str, int]
) -> list[deque[tuple[Account, Spec]]]:
    """Returns a queue for each worker: workers of the same host share one.

    The first worker of every host comes before the second of any, so no host waits for another.
    """
    return [
        queue
        for rank in range(PER_HOST)
        for host, queue in queues.items()
        if rank < min(len(queue), max(1, PER_HOST // shares.get(host, 1)))
    ]


def _rate(queue: Iterable[tuple[Account, Spec]]) -> Rate | None:
    """Returns the slowest of the rates that are documented of a host."""
    rates = [spec.rate for _, spec in queue if spec.rate is not None]
    return max(rates, key=lambda rate: rate.interval, default=None)


def _read(
    client: ProviderClient,
    spec: Spec,
    account: Account,
    now: datetime,
    deadline: float,
    pace: HostPace,
) -> ReadResult:
    try:
        return client.read(spec, account, now=now, deadline=deadline, pace=pace)
    except Exception as error:  # noqa: BLE001 (one account's bug must not hide the other accounts)
        text = f"The reply could not be handled ({type(error).__name__})."
        return ReadFailure(FailureKind.MALFORMED, text)
