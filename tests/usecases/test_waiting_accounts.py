"""An account whose host asks for fewer requests waits for its turn, and is not unreadable."""

from datetime import timedelta

import pytest

from balance_watch.domain.reading import FailureKind, ReadFailure
from tests.support.check_bench import Bench
from tests.support.examples import NEXT, TICK

MINUTE = timedelta(minutes=1)


def limited(retry_after: float | None = None) -> ReadFailure:
    return ReadFailure(FailureKind.RATE_LIMITED, "HTTP 429.", retry_after)


@pytest.fixture
def read_once(bench: Bench) -> Bench:
    """A bench with two accounts, which were read once."""
    bench.watch("a", "b")
    bench.run(TICK)
    bench.reads.requested.clear()
    return bench


def test_an_account_that_waits_is_neither_unreadable_nor_deferred(read_once: Bench) -> None:
    read_once.reads.failures["a"] = limited()
    summary = read_once.run(NEXT)
    assert (summary.read, summary.unreadable, summary.deferred) == (1, 0, 0)
    assert summary.complete
    state = read_once.store.accounts.states(["a"])["a"]
    assert (state.failure, state.checked_at) == (None, TICK)


def test_it_is_the_first_in_the_next_run(read_once: Bench) -> None:
    read_once.reads.failures["b"] = limited()
    read_once.run(NEXT)
    read_once.reads.requested.clear()
    read_once.run(NEXT + 5 * MINUTE)
    assert read_once.reads.requested == ["b", "a"]


def test_it_is_left_alone_as_long_as_its_host_asks_for(read_once: Bench) -> None:
    read_once.reads.failures["a"] = limited(600)
    read_once.run(NEXT)
    for minutes in (5, 10):
        read_once.reads.requested.clear()
        read_once.run(NEXT + minutes * MINUTE)
        assert ("a" in read_once.reads.requested) is (minutes == 10)


def test_after_an_hour_it_counts_as_unreadable_and_is_told_of(read_once: Bench) -> None:
    read_once.reads.failures["a"] = limited(86_400)
    for minutes in range(5, 80, 5):
        read_once.run(TICK + minutes * MINUTE)
    assert read_once.delivery.announced == [("a", "fired")]
    assert read_once.delivery.accepted[0].notification.value == "rate_limited"


def test_an_account_that_was_never_read_does_not_wait(bench: Bench) -> None:
    bench.watch("a")
    bench.reads.failures["a"] = limited()
    assert bench.run(TICK).unreadable == 1
