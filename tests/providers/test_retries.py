"""Transient failures are retried, with jitter and inside the deadline; lasting ones are not."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.client import ACCOUNT_SECONDS, ATTEMPT_SECONDS, ProviderClient
from balance_watch.transport import Reply, Request, Transport, TransportError
from local.trouble import FINE, OUTAGE
from tests.providers.conftest import World
from tests.support.provider_reads import NOW, account_of, spec_of

GOOD = Reply(200, b'{"data":{"attributes":{"balance":100}}}')
BUSY = Reply(503, b"")
TRANSIENT = TransportError(FailureKind.TIMED_OUT, "No complete reply came in time.", transient=True)
LASTING = TransportError(FailureKind.TOO_LARGE, "The reply is too long.")


def limited(seconds: str) -> Reply:
    return Reply(429, b"", {"Retry-After": seconds})


class ScriptedTransport(Transport):
    """Plays replies and errors one after the other; each takes `seconds` on the clock."""

    def __init__(self, script: Iterable[Reply | TransportError], seconds: float) -> None:
        self._script = iter(script)
        self._seconds = seconds
        self.now = 1000.0
        self.began: list[float] = []
        self.timeouts: list[float] = []

    def exchange(self, request: Request, *, timeout: float) -> Reply:
        del request
        self.began.append(self.now)
        self.timeouts.append(timeout)
        self.now += min(self._seconds, timeout)
        played = next(self._script)
        if isinstance(played, TransportError):
            raise played
        return played


class Play:
    """One account, read on a clock that only sleeping and sending move forward."""

    def __init__(
        self, *script: Reply | TransportError, seconds: float = 0, jitter: float = 0.5
    ) -> None:
        self.transport = ScriptedTransport(script, seconds)
        self.pauses: list[float] = []
        self.client = ProviderClient(
            self.transport,
            clock=lambda: self.transport.now,
            sleep=self._sleep,
            jitter=lambda: jitter,
        )

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.transport.now += seconds

    def read(self, within: float = 60) -> ReadResult:
        deadline = self.transport.now + within
        return self.client.read(spec_of("you"), account_of("you"), now=NOW, deadline=deadline)

    @property
    def attempts(self) -> int:
        return len(self.transport.began)


@pytest.mark.parametrize("first", [BUSY, Reply(500, b""), Reply(429, b""), TRANSIENT])
def test_a_transient_failure_is_retried(first: Reply | TransportError) -> None:
    play = Play(first, GOOD)
    assert isinstance(play.read(), Reading)
    assert play.attempts == 2


def test_a_success_is_not_retried() -> None:
    play = Play(GOOD)
    play.read()
    assert (play.attempts, play.pauses) == (1, [])


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 418])
def test_a_lasting_failure_is_not_retried(status: int) -> None:
    play = Play(Reply(status, b"{}"))
    assert isinstance(play.read(), ReadFailure)
    assert play.attempts == 1


def test_an_unexpected_reply_is_not_retried() -> None:
    play = Play(Reply(200, b"{}"))
    assert isinstance(play.read(), ReadFailure)
    assert play.attempts == 1


def test_a_lasting_failure_of_the_transport_is_not_retried() -> None:
    play = Play(LASTING)
    assert play.read() == ReadFailure(LASTING.kind, LASTING.message)
    assert play.attempts == 1


def test_a_transient_failure_in_a_body_with_status_200_is_retried() -> None:
    play = Play(Reply(200, b'{"code":500}'), Reply(200, b'{"code":200,"data":{"balance_usd":1}}'))
    deadline = play.transport.now + 60
    result = play.client.read(spec_of("legnext"), account_of("legnext"), now=NOW, deadline=deadline)
    assert isinstance(result, Reading)


def test_there_are_three_attempts_at_most() -> None:
    play = Play(BUSY, BUSY, BUSY, GOOD)
    result = play.read()
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.PROVIDER_ERROR
    assert (play.attempts, len(play.pauses)) == (3, 2)


def test_the_last_failure_is_the_result() -> None:
    result = Play(TRANSIENT, BUSY, Reply(401, b"{}")).read()
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.KEY_REJECTED


@given(st.floats(0, 1, exclude_max=True))
def test_each_pause_is_up_to_twice_as_long_as_the_one_before_it_and_jittered(
    jitter: float,
) -> None:
    play = Play(BUSY, BUSY, BUSY, jitter=jitter)
    play.read()
    assert all(0.25 * 2**n <= pause <= 0.5 * 2**n for n, pause in enumerate(play.pauses))


def test_jitter_makes_a_difference() -> None:
    early, late = Play(BUSY, GOOD, jitter=0.0), Play(BUSY, GOOD, jitter=0.9)
    early.read()
    late.read()
    assert early.pauses < late.pauses


def test_a_requested_pause_is_kept_if_it_fits() -> None:
    play = Play(limited("7"), GOOD)
    assert isinstance(play.read(), Reading)
    assert play.pauses == [7]


def test_a_requested_pause_does_not_shorten_our_own() -> None:
    play = Play(limited("0"), GOOD)
    play.read()
    assert play.pauses[0] >= 0.25


def test_a_requested_pause_that_does_not_fit_ends_the_attempts() -> None:
    play = Play(limited("30"), GOOD)
    result = play.read()
    assert isinstance(result, ReadFailure)
    assert (result.kind, result.retry_after) == (FailureKind.RATE_LIMITED, 30)
    assert (play.attempts, play.pauses) == (1, [])


def test_a_pause_does_not_fit_if_the_run_ends_first() -> None:
    play = Play(limited("7"), GOOD)
    assert isinstance(play.read(within=6), ReadFailure)
    assert play.attempts == 1


@pytest.mark.parametrize("pause", ["9" * 30, "9" * 400, "9" * 5000])
def test_an_enormous_requested_pause_raises_nothing(pause: str) -> None:
    result = Play(limited(pause), limited(pause), limited(pause)).read()
    assert isinstance(result, ReadFailure)
    assert result.kind is FailureKind.RATE_LIMITED


def test_an_attempt_has_a_time_limit() -> None:
    play = Play(TRANSIENT, TRANSIENT, TRANSIENT, seconds=100)
    play.read()
    assert max(play.transport.timeouts) <= ATTEMPT_SECONDS


def test_an_attempt_has_no_more_time_than_is_left() -> None:
    play = Play(GOOD)
    play.read(within=1.5)
    assert play.transport.timeouts == [1.5]


@given(
    st.lists(
        st.sampled_from([BUSY, TRANSIENT, limited("1"), limited("9")]), min_size=3, max_size=3
    ),
    st.floats(0, 30),
    st.floats(0, 40),
    st.floats(0, 1),
)
def test_an_account_never_outlasts_its_deadline(
    script: list[Reply | TransportError], seconds: float, within: float, jitter: float
) -> None:
    play = Play(*script, seconds=seconds, jitter=jitter)
    began = play.transport.now
    play.read(within=within)
    assert play.transport.now - began <= min(within, ACCOUNT_SECONDS) + 1e-6
    assert all(later > earlier for earlier, later in pairwise(play.transport.began))


def test_a_short_outage_is_overcome_over_real_http(world: World) -> None:
    def outage_ends(_: float) -> None:
        world.you.trouble = FINE

    transport = Transport([world.you.authority])
    client = ProviderClient(transport, clock=lambda: 0.0, sleep=outage_ends)
    world.you.trouble = OUTAGE
    account = account_of("you", world.you.url)
    assert isinstance(client.read(spec_of("you"), account, now=NOW, deadline=10), Reading)
    assert len(world.you.requests) == 2
