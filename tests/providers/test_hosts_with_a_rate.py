"""A host that takes only so many requests in a time: every account is read, or waits its turn."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec
import pytest
from msgspec.structs import replace

from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.host_pace import Rate
from balance_watch.providers.parallel import read_all
from balance_watch.transport import Transport
from local.loopback import LoopbackServer, Reply, Request
from tests.support.fault_server import ALL_OF_LOOPBACK
from tests.support.provider_reads import KEY, NOW, account_of, spec_of

YOU = spec_of("you")
GOOD = b'{"data":{"attributes":{"balance":7}}}'


@dataclass
class FakeTime:
    """Seconds that only pass while somebody sleeps; several sleep at the same time."""

    now: float = 1000.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        with self.lock:
            self.now = max(self.now, until)


Headers = Callable[[float], dict[str, str]]
"""Returns what a refusal says, given the seconds until the window ends."""

FORMS: dict[str, Headers] = {
    "nothing": lambda _: {},
    "Retry-After": lambda left: {"Retry-After": f"{left:.0f}"},
    "RateLimit": lambda left: {"RateLimit": f'"default";r=0;t={left:.0f}'},
    "three fields": lambda left: {"RateLimit-Remaining": "0", "RateLimit-Reset": f"{left:.0f}"},
    "a time": lambda left: {"X-RateLimit-Reset": f"{time.time() + left:.0f}"},
}


class LimitedServer(LoopbackServer):
    """Accepts so many requests in each window of the fake time, and refuses the others."""

    def __init__(self, fake: FakeTime, limit: int, window: float, headers: Headers) -> None:
        super().__init__()
        self._fake, self._limit, self._window, self._headers = fake, limit, window, headers
        self._lock, self._accepted = threading.Lock(), dict[int, int]()
        self.refused = 0

    def answer(self, request: Request) -> Reply:
        del request
        with self._lock:
            number = int(self._fake.now // self._window)
            self._accepted[number] = self._accepted.get(number, 0) + 1
            if self._accepted[number] <= self._limit:
                return Reply(200, GOOD, "application/json")
            self.refused += 1
            left = (number + 1) * self._window - self._fake.now
        return Reply(429, b"{}", "application/json", headers=self._headers(left + 1))


@dataclass
class Outcome:
    """How many accounts were read, and how many wait for their turn."""

    read: int = 0
    waiting: int = 0


def outcome(
    fake: FakeTime,
    server: LoopbackServer,
    count: int,
    seconds: float,
    rate: str | None = None,
    keys: Mapping[str, str] = MappingProxyType({}),
) -> Outcome:
    """Reads so many accounts of a server in a run of so many seconds; `keys` has those of some."""
    spec = msgspec.structs.replace(YOU, rate=None if rate is None else Rate.parse(rate))
    account = account_of("you", server.url)
    names = [f"a-{number}" for number in range(count)]
    accounts = [
        (replace(account, name=name, credentials={"api_key": keys.get(name, KEY)}), spec)
        for name in names
    ]
    client = ProviderClient(
        Transport(ALL_OF_LOOPBACK), clock=fake.clock, sleep=fake.sleep, paced=True
    )
    found = Outcome()
    for _, result in read_all(
        client,
        accounts,
        now=NOW,
        deadline=fake.now + seconds,
        clock=fake.clock,
        sleep=fake.sleep,
    ):
        if isinstance(result, Reading):
            found.read += 1
        else:
            assert isinstance(result, ReadFailure)
            assert result.kind is FailureKind.RATE_LIMITED
            found.waiting += 1
    return found


@pytest.fixture
def fake() -> FakeTime:
    return FakeTime()


@pytest.fixture(params=FORMS)
def limited(request: pytest.FixtureRequest, fake: FakeTime) -> Iterator[LimitedServer]:
    """A host that takes three requests a second, in each form of saying so."""
    with LimitedServer(fake, 3, 1.0, FORMS[request.param]) as server:
        yield server


def test_thirty_accounts_at_three_requests_a_second_are_read_in_one_run(
    fake: FakeTime, limited: LimitedServer
) -> None:
    found = outcome(fake, limited, 30, seconds=600)
    assert (found.read, found.waiting) == (30, 0)


def test_with_a_documented_rate_the_requests_are_apart_from_the_first_on(fake: FakeTime) -> None:
    begun = fake.now
    with LimitedServer(fake, 30, 1.0, FORMS["nothing"]) as server:
        found = outcome(fake, server, 30, seconds=600, rate="2/s")
    assert (found.read, found.waiting) == (30, 0)
    assert fake.now - begun == 29 * 0.5


def test_what_a_documented_rate_leaves_over_waits_for_the_next_run(fake: FakeTime) -> None:
    with LimitedServer(fake, 20, 1200.0, FORMS["nothing"]) as relay:
        found = outcome(fake, relay, 12, seconds=60, rate="20/20min")
    assert (found.read, found.waiting, relay.refused) == (5, 7, 0)


def test_a_host_that_refuses_everything_is_left_alone_after_a_few_requests(fake: FakeTime) -> None:
    begun = fake.now
    with LimitedServer(fake, 0, 1.0, FORMS["nothing"]) as server:
        found = outcome(fake, server, 30, seconds=600)
    assert (found.read, found.waiting) == (0, 30)
    assert server.refused <= 60
    assert fake.now - begun < 100


def test_one_key_that_is_refused_again_and_again_delays_no_other_account(fake: FakeTime) -> None:
    begun = fake.now
    refuses = FORMS["nothing"](1.0)

    class OneKey(LoopbackServer):
        asked = 0

        def answer(self, request: Request) -> Reply:
            if "limited" not in request.headers["x-api-key"]:
                return Reply(200, GOOD)
            self.asked += 1
            return Reply(429, b"{}", headers=refuses)

    with OneKey() as server:
        found = outcome(fake, server, 100, seconds=600, keys={"a-0": "limited"})
    assert (found.read, found.waiting) == (99, 1)
    assert server.asked < 20
    assert fake.now - begun < 20
