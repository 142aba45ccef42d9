"""An account whose requests cost money is read every few hours, and tried again if that fails."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.providers.spec import Spec
from balance_watch.usecases.summary import Summary
from tests.support.check_bench import Bench
from tests.support.examples import TICK

MINUTES, HOURS = timedelta(minutes=5), timedelta(hours=1)
FAILED = ReadFailure(FailureKind.PROVIDER_ERROR, "No.")


@dataclass
class SeldomReads:
    """Reads accounts, and records the tick of every read by the account's name."""

    result: ReadFailure | None = None
    ticks: dict[str, list[datetime]] = field(default_factory=dict)

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        del deadline
        for account, _ in accounts:
            self.ticks.setdefault(account.name, []).append(now)
            yield account, self.result or Reading(now, Decimal(100), "USD")


@pytest.fixture
def reads(bench: Bench) -> SeldomReads:
    keys = {"access_key_id": "a", "secret_access_key": "b"}
    seldom = {"name": "aws", "provider": "aws-costs", "credentials": keys}
    often = {"name": "you", "provider": "you", "credentials": {"api_key": "k"}}
    budget = {"budget": {"amount": "1000", "per": "month"}}
    bench.put_secret("accounts", {"accounts": [seldom | budget, often]})
    return SeldomReads()


def run(bench: Bench, reads: SeldomReads, after: timedelta) -> Summary:
    return replace(bench.check(), read=reads).run(TICK + after, seconds=100)


def hours_of(reads: SeldomReads, name: str) -> list[float]:
    return [(tick - TICK) / HOURS for tick in reads.ticks[name]]


def test_it_is_read_every_eight_hours_and_the_others_in_every_run(
    bench: Bench, reads: SeldomReads
) -> None:
    for hour in range(25):
        assert run(bench, reads, hour * HOURS).complete
    assert hours_of(reads, "aws") == [0, 8, 16, 24]
    assert len(reads.ticks["you"]) == 25


def test_a_run_that_does_not_read_it_neither_defers_nor_counts_it(
    bench: Bench, reads: SeldomReads
) -> None:
    run(bench, reads, timedelta())
    summary = run(bench, reads, MINUTES)
    assert (summary.accounts, summary.read, summary.deferred) == (2, 1, 0)


def test_a_failure_is_tried_again_in_three_runs_and_then_once_an_hour(
    bench: Bench, reads: SeldomReads
) -> None:
    reads.result = FAILED
    for tick in range(40):
        run(bench, reads, tick * MINUTES)
    assert [round(it * 12) for it in hours_of(reads, "aws")] == [0, 1, 2, 14, 26, 38]


def test_after_a_failure_it_is_read_again_and_then_seldom(bench: Bench, reads: SeldomReads) -> None:
    reads.result = FAILED
    run(bench, reads, timedelta())
    reads.result = None
    for tick in range(1, 13):
        run(bench, reads, tick * MINUTES)
    assert [round(it * 12) for it in hours_of(reads, "aws")] == [0, 1]
