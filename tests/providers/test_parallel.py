"""Many accounts in parallel: each has one result, and none suffers from another."""

import threading
from collections import Counter
from collections.abc import Callable, Generator
from datetime import datetime
from decimal import Decimal
from time import monotonic

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.client import ATTEMPT_SECONDS, ProviderClient
from balance_watch.providers.host_pace import HostPace
from balance_watch.providers.parallel import PER_HOST, read_all
from balance_watch.providers.request import host_of
from balance_watch.providers.spec import Spec
from balance_watch.transport import Transport
from local.loopback import Reply, Request
from local.provider_server import ProviderAccount
from local.providers import YouServer
from local.trouble import OUTAGE
from tests.support.fault_behaviours import drips, hangs
from tests.support.fault_server import FaultServer
from tests.support.provider_reads import KEY, NOW, account_of, spec_of

SECONDS = 60.0
YOU = spec_of("you")
FINE = Reading(observed_at=NOW, balance=Decimal(1), currency="USD")


class CountingServer(YouServer):
    """Counts the most requests that it served at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts[KEY] = ProviderAccount(Decimal(1))
        self.peak = 0
        self._serving = 0
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self._serving += 1
            self.peak = max(self.peak, self._serving)
        self._server.closing.wait(0.03)
        reply = super().answer(request)
        with self._lock:
            self._serving -= 1
        return reply


class FakeClient(ProviderClient):
    """Returns the result of a function of the account."""

    def __init__(self, answer: Callable[[Account], ReadResult]) -> None:
        self._answer = answer

    def read(
        self,
        spec: Spec,
        account: Account,
        *,
        now: datetime,
        deadline: float,
        pace: HostPace | None = None,
    ) -> ReadResult:
        del spec, now, deadline, pace
        return self._answer(account)


def accounts_at(base_url: str, count: int, name: str = "account") -> list[tuple[Account, Spec]]:
    account = account_of("you", base_url)
    return [(replace(account, name=f"{name}-{number}"), YOU) for number in range(count)]


def names(accounts: list[tuple[Account, Spec]]) -> list[str]:
    return sorted(account.name for account, _ in accounts)


def results(
    client: ProviderClient, accounts: list[tuple[Account, Spec]]
) -> list[tuple[str, ReadResult]]:
    read = read_all(client, accounts, now=NOW, deadline=monotonic() + SECONDS)
    return [(account.name, result) for account, result in read]


def test_no_accounts_have_no_results() -> None:
    assert results(FakeClient(lambda _: FINE), []) == []


@pytest.mark.parametrize("count", [1, PER_HOST, PER_HOST + 1, 75])
def test_every_account_has_one_result(count: int) -> None:
    accounts = accounts_at("https://one.example", count)
    assert sorted(name for name, _ in results(FakeClient(lambda _: FINE), accounts)) == names(
        accounts
    )


def test_every_account_of_many_hosts_has_one_result() -> None:
    accounts = [
        pair
        for host in range(300)
        for pair in accounts_at(f"https://host-{host}.example", 3, f"host-{host}")
    ]
    assert sorted(name for name, _ in results(FakeClient(lambda _: FINE), accounts)) == names(
        accounts
    )


def test_each_account_has_its_own_result() -> None:
    def answer(account: Account) -> Reading:
        return replace(FINE, balance=Decimal(account.name.rpartition("-")[2]))

    read = results(FakeClient(answer), accounts_at("https://one.example", 50))
    assert all(
        isinstance(result, Reading) and result.balance == Decimal(name.rpartition("-")[2])
        for name, result in read
    )


def test_a_host_is_read_in_parallel_up_to_the_limit() -> None:
    with CountingServer() as server:
        client = ProviderClient(Transport([server.authority]))
        read = results(client, accounts_at(server.url, 3 * PER_HOST))
        assert len(server.requests) == len(read) == 3 * PER_HOST
        assert 1 < server.peak <= PER_HOST


def test_each_host_has_a_limit_of_its_own() -> None:
    with CountingServer() as one, CountingServer() as other:
        client = ProviderClient(Transport([one.authority, other.authority]))
        accounts = accounts_at(one.url, 15, "one") + accounts_at(other.url, 15, "other")
        assert len(results(client, accounts)) == 30
        assert 1 < one.peak <= PER_HOST
        assert 1 < other.peak <= PER_HOST


@pytest.mark.parametrize("behaviour", [hangs, drips(b"HTTP/1.1 200 OK\r\n\r\n", b" ")])
def test_a_host_that_never_replies_delays_no_other(behaviour: Callable[..., None]) -> None:
    with FaultServer(behaviour) as stuck, CountingServer() as fine:
        transport = Transport([stuck.authority, fine.authority])
        client = ProviderClient(transport, sleep=lambda _: None)
        accounts = accounts_at(stuck.url, 15, "stuck") + accounts_at(fine.url, 15, "fine")
        run = read_all(client, accounts, now=NOW, deadline=monotonic() + SECONDS)
        first = [next(run) for _ in range(15)]
        assert isinstance(run, Generator)
        run.close()
        assert {account.name.partition("-")[0] for account, _ in first} == {"fine"}
        assert all(isinstance(result, Reading) for _, result in first)


def test_a_host_that_fails_hides_no_other() -> None:
    with YouServer() as failing, CountingServer() as fine:
        failing.trouble = OUTAGE
        transport = Transport([failing.authority, fine.authority])
        client = ProviderClient(transport, sleep=lambda _: None)
        accounts = accounts_at(failing.url, 3, "failing") + accounts_at(fine.url, 3, "fine")
        kinds = Counter((name[:4], type(read)) for name, read in results(client, accounts))
    assert kinds == {("fail", ReadFailure): 3, ("fine", Reading): 3}


def test_an_exception_for_one_account_hides_no_other() -> None:
    def answer(account: Account) -> Reading:
        if account.name == "account-7":
            raise RuntimeError(KEY)
        return FINE

    read = dict(results(FakeClient(answer), accounts_at("https://one.example", 20)))
    failure = read.pop("account-7")
    assert isinstance(failure, ReadFailure)
    assert failure.kind is FailureKind.MALFORMED
    assert KEY not in repr(failure)
    assert list(read.values()) == [FINE] * 19


def test_an_account_that_cannot_start_in_time_has_no_result() -> None:
    read: list[str] = []

    def answer(account: Account) -> Reading:
        read.append(account.name)
        return FINE

    accounts = accounts_at("https://one.example", 3)
    deadline = ATTEMPT_SECONDS  # on a clock that stays at zero
    run = read_all(FakeClient(answer), accounts, now=NOW, deadline=deadline, clock=lambda: 0.0)
    assert list(run) == []
    assert read == []


def test_only_the_accounts_that_have_started_have_results() -> None:
    lock, read, elapsed = threading.Lock(), [], [0.0]

    def answer(account: Account) -> Reading:
        with lock:
            read.append(account.name)
            elapsed[0] += 1.0
        return FINE

    deadline = ATTEMPT_SECONDS + 20
    accounts = accounts_at("https://one.example", 100)
    run = read_all(
        FakeClient(answer), accounts, now=NOW, deadline=deadline, clock=lambda: elapsed[0]
    )
    yielded = [account.name for account, _ in run]
    assert sorted(yielded) == sorted(read)
    assert 20 <= len(yielded) <= 20 + PER_HOST
    assert yielded[0] == "account-0"


def test_a_read_that_has_started_and_not_ended_in_time_times_out() -> None:
    release, elapsed = threading.Event(), [0.0]
    stuck = threading.Semaphore(0)

    def answer(account: Account) -> Reading:
        if account.name.startswith("stuck"):
            stuck.release()
            release.wait(SECONDS)
        return FINE

    accounts = accounts_at("https://stuck.example", 2, "stuck") + accounts_at(
        "https://fine.example", 2, "fine"
    )
    run = read_all(FakeClient(answer), accounts, now=NOW, deadline=30.0, clock=lambda: elapsed[0])
    fine = [next(run) for _ in range(2)]
    assert all(stuck.acquire(timeout=SECONDS) for _ in range(2))
    elapsed[0] = 30.0
    rest = list(run)
    release.set()
    assert {account.name for account, _ in fine} == {"fine-0", "fine-1"}
    assert {account.name for account, _ in rest} == {"stuck-0", "stuck-1"}
    assert all(
        isinstance(result, ReadFailure) and result.kind is FailureKind.TIMED_OUT
        for _, result in rest
    )


def test_the_limit_applies_to_the_host_that_is_actually_read() -> None:
    assert host_of(YOU, account_of("you")) == "api.you.com"
    assert host_of(YOU, account_of("you", "https://gateway.example:8443/you")) == (
        "gateway.example:8443"
    )


def limited(retry_after: float | None = None) -> ReadFailure:
    return ReadFailure(FailureKind.RATE_LIMITED, "HTTP 429.", retry_after)


def test_an_account_that_its_host_rejects_for_its_limit_is_read_again() -> None:
    asked: list[str] = []
    elapsed, lock = [0.0], threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            elapsed[0] += seconds

    def answer(account: Account) -> ReadResult:
        asked.append(account.name)
        return limited() if len(asked) % 4 == 1 else FINE

    accounts = accounts_at("https://one.example", 30)
    read = read_all(
        FakeClient(answer),
        accounts,
        now=NOW,
        deadline=100_000.0,
        clock=lambda: elapsed[0],
        sleep=sleep,
    )
    assert sorted((account.name, result) for account, result in read) == sorted(
        (name, FINE) for name in names(accounts)
    )


def test_of_a_host_that_asks_for_a_long_pause_every_account_is_rate_limited() -> None:
    asked: list[str] = []

    def answer(account: Account) -> ReadResult:
        asked.append(account.name)
        return limited(3600.0)

    accounts = accounts_at("https://one.example", 30)
    found = dict(results(FakeClient(answer), accounts))
    assert sorted(found) == names(accounts)
    assert {it.kind for it in found.values() if isinstance(it, ReadFailure)} == {
        FailureKind.RATE_LIMITED
    }
    assert len(asked) <= PER_HOST


def test_the_limit_of_one_host_delays_no_other() -> None:
    def answer(account: Account) -> ReadResult:
        return limited(3600.0) if account.name.startswith("slow") else FINE

    slow = accounts_at("https://slow.example", 5, "slow")
    fine = accounts_at("https://fine.example", 5, "fine")
    found = results(FakeClient(answer), [*slow, *fine])
    assert sorted(name for name, result in found if result is FINE) == names(fine)
