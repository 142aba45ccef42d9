"""Reads many accounts in parallel, with a limit per host: a slow host delays no other."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from queue import Empty, SimpleQueue

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.providers.client import ATTEMPT_SECONDS, ProviderClient
from balance_watch.providers.request import host_of
from balance_watch.providers.spec import Spec

PER_HOST = 10
_MAX_THREADS = 256
"""Lambda allows 1,024 threads ("Lambda quotas", AWS Lambda developer guide)."""


def read_all(
    client: ProviderClient,
    accounts: Sequence[tuple[Account, Spec]],
    *,
    now: datetime,
    deadline: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[Account, ReadResult]]:
    """Yields each account with its result, in the order in which the reads end.

    An account that cannot start in time for one whole attempt is not yielded: it is deferred. One
    that has started and has not ended by the deadline is a timeout.

    Args:
        client: reads one account.
        accounts: accounts and their providers, the most urgent first.
        now: the tick that the readings belong to.
        deadline: the time on the clock by which reading ends.
        clock: seconds, monotonic.
    """
    results: SimpleQueue[tuple[Account, ReadResult] | None] = SimpleQueue()
    started: dict[str, Account] = {}

    def work(queue: deque[tuple[Account, Spec]]) -> None:
        while queue and clock() < deadline - ATTEMPT_SECONDS:
            try:
                account, spec = queue.popleft()
            except IndexError:
                break
            started[account.name] = account
            results.put((account, _read(client, spec, account, now, deadline)))
        results.put(None)

    workers = _workers(accounts)
    pool = ThreadPoolExecutor(max_workers=min(_MAX_THREADS, max(1, len(workers))))
    try:
        for queue in workers:
            pool.submit(work, queue)
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
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _workers(accounts: Sequence[tuple[Account, Spec]]) -> list[deque[tuple[Account, Spec]]]:
    """Returns a queue for each worker: workers of the same host share one.

    The first worker of every host comes before the second of any, so no host waits for another.
    """
    queues: dict[str, deque[tuple[Account, Spec]]] = defaultdict(deque)
    for account, spec in accounts:
        queues[host_of(spec, account)].append((account, spec))
    return [queue for rank in range(PER_HOST) for queue in queues.values() if rank < len(queue)]


def _read(
    client: ProviderClient, spec: Spec, account: Account, now: datetime, deadline: float
) -> ReadResult:
    try:
        return client.read(spec, account, now=now, deadline=deadline)
    except Exception as error:  # noqa: BLE001 (one account's bug must not hide the other accounts)
        text = f"The reply could not be handled ({type(error).__name__})."
        return ReadFailure(FailureKind.MALFORMED, text)
