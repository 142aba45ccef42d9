"""Reads many accounts at once: so many per host, and a host that hangs holds up no other."""

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
    """Yields what each account's look yields, in the order in which the looks end.

    An account that could not be begun in time for one whole attempt is not yielded: it is deferred.
    One that was begun and has not ended by the deadline has timed out.

    Args:
        client: asks the providers.
        accounts: accounts and their providers, the most urgent first.
        now: the tick that readings belong to.
        deadline: when to have ended, on the clock.
        clock: seconds, monotonic.
    """
    hosts: dict[str, deque[tuple[Account, Spec]]] = defaultdict(deque)
    for account, spec in accounts:
        hosts[host_of(spec, account)].append((account, spec))
    results: SimpleQueue[tuple[Account, ReadResult] | None] = SimpleQueue()
    begun: dict[str, Account] = {}

    def work(waiting: deque[tuple[Account, Spec]]) -> None:
        while waiting and clock() < deadline - ATTEMPT_SECONDS:
            try:
                account, spec = waiting.popleft()
            except IndexError:
                break
            begun[account.name] = account
            results.put((account, _look(client, spec, account, now, deadline)))
        results.put(None)

    # A worker of every host before the second of any, so that no host waits for another's.
    workers = [
        waiting for rank in range(PER_HOST) for waiting in hosts.values() if rank < len(waiting)
    ]
    pool = ThreadPoolExecutor(max_workers=min(_MAX_THREADS, max(1, len(workers))))
    try:
        for waiting in workers:
            pool.submit(work, waiting)
        left = len(workers)
        while left:
            try:
                result = results.get(timeout=max(0.0, deadline - clock()))
            except Empty:
                break
            if result is None:
                left -= 1
                continue
            begun.pop(result[0].name, None)
            yield result
        for account in list(begun.values()):
            # Only resolving a name can take longer than a socket's deadline.
            yield account, ReadFailure(FailureKind.TIMED_OUT, "No answer before the run's end.")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _look(
    client: ProviderClient, spec: Spec, account: Account, now: datetime, deadline: float
) -> ReadResult:
    try:
        return client.read(spec, account, now=now, deadline=deadline)
    except Exception as error:  # noqa: BLE001 (a fault of ours must not hide ninety-nine accounts)
        text = f"The reply could not be handled ({type(error).__name__})."
        return ReadFailure(FailureKind.MALFORMED, text)
