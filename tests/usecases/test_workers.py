"""Workers check a tick with many accounts, and what comes of it is what one function says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.domain.batches import BatchMessage
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.errors import QueueError, RunUnderWayError
from balance_watch.store.batch_queue import message_from_json, message_to_json
from balance_watch.usecases.batch_check import CheckBatch
from balance_watch.usecases.check import Check
from balance_watch.usecases.planning import Planner
from balance_watch.usecases.summary import Summary
from tests.support.canaries import canary_form, key
from tests.support.check_bench import FINE, LOW, SECONDS, Bench
from tests.support.examples import TICK

MINUTES = timedelta(minutes=5)
SIZE = 2
NAMES = [f"a{number}" for number in range(5)]
TIMED_OUT = ReadFailure(FailureKind.TIMED_OUT, "No whole reply came in time.")
REJECTED = ReadFailure(FailureKind.KEY_REJECTED, "The provider answered HTTP 401.")


class KilledError(BaseException):
    """A worker was killed."""


@dataclass
class Crew:
    """A planner, a queue and workers over the table of a bench."""

    bench: Bench
    size: int = SIZE
    texts: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    room: int | None = None
    """How many messages the queue takes; None: all of them."""
    poisoned: set[str] = field(default_factory=set)
    """The accounts whose worker always fails."""

    def send(self, messages: Sequence[BatchMessage], delay: float) -> None:
        """Puts messages into the queue."""
        self.delays.append(delay)
        taken = messages if self.room is None else messages[: self.room]
        self.texts += map(message_to_json, taken)
        if len(taken) < len(messages):
            raise QueueError("no room")

    def check(self) -> Check:
        clock = self.bench.clock.time
        check = self.bench.check()
        return replace(
            check,
            planner=Planner(self.bench.store, self, self.size, 10, clock),
            finish=self._finish(),
            wall_clock=clock,
        )

    def plan(self, number: int = 0) -> Summary:
        return self.check().run(TICK + number * MINUTES, seconds=SECONDS)

    def worker(self, read: Any = None) -> CheckBatch:  # noqa: ANN401 (any read)
        worker = self.bench.wiring.check_batch()
        return replace(
            worker,
            store=self.bench.store,
            read=lambda _: read or self._read,
            finish=self._finish(),
        )

    def work_on(self, text: str) -> Summary | None:
        return self.worker().run(message_from_json(text), seconds=SECONDS)

    def work(self) -> Summary | None:
        """Works off the queue; a message whose worker fails stays in it."""
        texts, self.texts = self.texts, []
        finished = None
        for text in texts:
            try:
                finished = self.work_on(text) or finished
            except (RunUnderWayError, OSError):
                self.texts.append(text)
        return finished

    def run(self, number: int = 0) -> Summary:
        summary = self.plan(number)
        return self.work() or summary

    def _finish(self) -> Any:  # noqa: ANN401 (Finish)
        finish = self.bench.wiring.check_batch().finish
        return replace(
            finish, store=self.bench.store, deliver=self.bench.deliver or self.bench.delivery
        )

    def _read(
        self, accounts: Sequence[WatchedAccount], *, now: datetime, deadline: float
    ) -> Iterator[Any]:
        if self.poisoned & {account.name for account, _ in accounts}:
            raise OSError("poison")
        return self.bench.reads(accounts, now=now, deadline=deadline)

    @property
    def said(self) -> list[tuple[str, str]]:
        return self.bench.delivery.announced

    @property
    def entries(self) -> list[OutboxEntry]:
        return self.bench.delivery.accepted


def watch(bench: Bench, *names: str, into: str = "accounts") -> None:
    """Configures these accounts, each with a key, and so a purse, of its own."""
    entries = [
        {
            "name": name,
            "provider": "you",
            "credentials": {"api_key": key(name)},
            "alert_below": "20",
        }
        for name in names
    ]
    bench.put_secret(into, {"accounts": entries})


@pytest.fixture
def crew(bench: Bench) -> Crew:
    watch(bench, *NAMES)
    return Crew(bench)


def shows(crew: Crew, result: str | ReadFailure, *names: str) -> None:
    reads = crew.bench.reads
    for name in names or NAMES:
        reads.balances.pop(name, None)
        reads.failures.pop(name, None)
        if isinstance(result, str):
            reads.balances[name] = result
        else:
            reads.failures[name] = result


def readings(crew: Crew, number: int = 0) -> set[str]:
    tick = TICK + number * MINUTES
    states = crew.bench.store.accounts.states(NAMES)
    return {name for name, state in states.items() if state.checked_at == tick}


def test_exactly_as_many_accounts_as_a_batch_holds_are_not_split(crew: Crew) -> None:
    crew.size = len(NAMES)
    summary = crew.plan()
    assert (summary.batches, summary.read, crew.texts) == (None, 5, [])
    assert crew.bench.store.batches.plan() is None


def test_one_more_is_split_and_the_counts_are_those_of_one_function(crew: Crew) -> None:
    shows(crew, LOW, "a0", "a4")
    shows(crew, REJECTED, "a2")
    planned = crew.plan()
    assert (planned.batches, planned.accounts, planned.read) == (3, 5, 0)
    finished = crew.work()
    assert finished == Summary(TICK, accounts=5, read=4, unreadable=1, fired=3, delivered=3)
    assert sorted(crew.said) == [("a0", "fired"), ("a2", "fired"), ("a4", "fired")]


def test_no_message_holds_a_key(crew: Crew) -> None:
    crew.plan()
    assert [canary_form(text) for text in crew.texts] == [None] * 3


def test_the_order_of_the_messages_does_not_matter(crew: Crew) -> None:
    shows(crew, LOW, "a0", "a4")
    crew.plan()
    crew.texts.reverse()
    assert crew.work() is not None
    assert sorted(crew.said) == [("a0", "fired"), ("a4", "fired")]


def test_the_same_tick_again_leaves_it_to_the_workers(crew: Crew) -> None:
    crew.plan()
    sent = list(crew.texts)
    assert crew.plan().skipped
    assert crew.texts == sent


def test_the_same_tick_again_after_its_end_is_skipped(crew: Crew) -> None:
    shows(crew, LOW, "a0")
    crew.run()
    assert crew.run().skipped
    assert crew.said == [("a0", "fired")]


def test_a_message_that_is_delivered_again_does_nothing_again(crew: Crew) -> None:
    shows(crew, LOW)
    crew.plan()
    texts = list(crew.texts)
    crew.texts = [*texts, *texts]
    crew.work()
    assert sorted(crew.said) == [(name, "fired") for name in NAMES]
    assert sorted(crew.bench.reads.requested) == NAMES


def test_a_message_that_is_delivered_twice_at_once_is_done_by_one(crew: Crew) -> None:
    crew.plan()
    text = crew.texts[0]
    refused = []

    def reads_meanwhile(*args: Any, **named: Any) -> Any:  # noqa: ANN401 (passed on)
        try:
            crew.work_on(text)
        except RunUnderWayError:
            refused.append(text)
        return crew.bench.reads(*args, **named)

    crew.worker(reads_meanwhile).run(message_from_json(text), seconds=SECONDS)
    assert refused == [text]
    assert sorted(crew.bench.reads.requested) == ["a0", "a1"]


def killed(*_: object, **__: object) -> Any:  # noqa: ANN401 (it returns nothing)
    raise KilledError


def test_the_message_of_a_worker_that_failed_is_done_at_once_when_it_comes_back(
    crew: Crew,
) -> None:
    shows(crew, LOW, "a0")
    crew.plan()
    with pytest.raises(KilledError):
        crew.worker(killed).run(message_from_json(crew.texts[0]), seconds=SECONDS)
    assert crew.work() is not None
    assert crew.said == [("a0", "fired")]


def test_a_tick_with_deferred_accounts_is_not_finished_again(crew: Crew) -> None:
    crew.plan()
    text = crew.texts.pop()
    crew.work()
    message = message_from_json(text)
    finished = crew.worker(lambda *_, **__: iter(())).run(message, seconds=SECONDS)
    assert finished is not None
    assert finished.deferred > 0
    assert crew.work_on(text) is None


def test_a_tick_with_pending_notifications_is_finished_again(crew: Crew) -> None:
    shows(crew, LOW, "a0")
    crew.plan()
    crew.bench.delivery.rejects = True
    text = crew.texts[-1]
    finished = crew.work()
    assert finished is not None
    assert finished.undelivered == 1
    crew.bench.delivery.rejects = False
    again = crew.work_on(text)
    assert again is not None
    assert again.delivered == 1


def test_the_message_of_a_worker_that_died_is_done_after_its_lease(crew: Crew) -> None:
    shows(crew, LOW, "a0")
    crew.plan()
    crew.bench.store.batches.claim(message_from_json(crew.texts[0]), SECONDS)
    assert crew.work() is None
    crew.bench.clock.forward(SECONDS + 1)
    assert crew.work() is not None
    assert crew.said == [("a0", "fired")]


def test_a_worker_that_hangs_past_its_lease_stores_nothing_late(crew: Crew) -> None:
    shows(crew, LOW, "a0")
    crew.plan()
    text = crew.texts[0]

    def hangs(*args: Any, **named: Any) -> Any:  # noqa: ANN401 (passed on)
        crew.bench.clock.forward(SECONDS + 1)
        crew.work()
        return crew.bench.reads(*args, **named)

    with pytest.raises(RunUnderWayError):
        crew.worker(hangs).run(message_from_json(text), seconds=SECONDS)
    assert crew.said == [("a0", "fired")]
    assert crew.bench.store.batches.all()[0].result.counts["deferred"] == 0
    assert crew.run(1).fired == 0


def test_a_planner_that_dies_while_it_sends_plans_again(crew: Crew) -> None:
    shows(crew, LOW, "a0", "a4")
    crew.room = 1
    with pytest.raises(QueueError):
        crew.plan()
    assert crew.work() is None
    crew.room = None
    crew.plan()
    finished = crew.work()
    assert finished is not None
    assert (finished.fired, sorted(crew.said)) == (1, [("a0", "fired"), ("a4", "fired")])
    assert sorted(crew.bench.reads.requested) == NAMES


def test_a_planner_that_died_leaves_no_plan_to_a_tick_of_one_function(crew: Crew) -> None:
    crew.room = 1
    with pytest.raises(QueueError):
        crew.plan()
    crew.size = 10
    crew.plan(1)
    assert crew.work() is None
    assert readings(crew, 1) == {*NAMES}


def test_new_batches_wait_while_a_worker_of_an_earlier_plan_may_store(crew: Crew) -> None:
    crew.plan()
    crew.bench.store.batches.claim(message_from_json(crew.texts[0]), 60)
    crew.bench.clock.forward(20)
    crew.plan(1)
    assert crew.delays == [0.0, 40.0]


def test_a_tick_that_is_due_before_the_last_is_done_checks_what_was_left(crew: Crew) -> None:
    shows(crew, LOW)
    crew.plan()
    crew.work_on(crew.texts.pop())
    left = {*NAMES} - readings(crew)
    crew.plan(1)
    first = message_from_json(crew.texts[2])
    crew.work()
    assert readings(crew, 1) == {*NAMES}
    assert first.number != 2, "the batches that waited longest come first"
    assert left
    assert sorted(crew.said) == [(name, "fired") for name in NAMES]


def test_accounts_that_are_removed_between_plan_and_work_are_not_checked(crew: Crew) -> None:
    shows(crew, LOW)
    crew.plan()
    watch(crew.bench, *NAMES[:3])
    finished = crew.work()
    assert finished is not None
    assert (finished.accounts, finished.read, finished.deferred) == (3, 3, 0)


def test_a_name_in_two_secrets_is_checked_once(crew: Crew) -> None:
    watch(crew.bench, "b0", "b1", "a0", into="accounts/more")
    crew.run()
    assert sorted(crew.bench.reads.requested) == [*NAMES, "b0", "b1"]


def test_a_batch_that_always_fails_keeps_nobody_elses_alerts_for_longer_than_two_ticks(
    crew: Crew,
) -> None:
    crew.poisoned = {"a4"}
    shows(crew, LOW)
    crew.run(0)
    crew.run(1)
    assert crew.said == []
    crew.run(2)
    assert sorted(crew.said) == [(name, "fired") for name in NAMES[:4]]
    crew.run(3)
    assert len(crew.said) == 4


def test_once_it_works_again_the_tick_ends(crew: Crew) -> None:
    crew.poisoned = {"a4"}
    shows(crew, LOW)
    for number in range(3):
        crew.run(number)
    crew.poisoned = set()
    finished = crew.run(3)
    assert (finished.batches, finished.read) == (None, 5)
    assert sorted(crew.said) == [(name, "fired") for name in NAMES]
    assert crew.bench.store.runs.record().unfinished == 0


def test_back_below_the_threshold_one_function_checks_all(crew: Crew) -> None:
    shows(crew, LOW, "a0")
    crew.run()
    late = crew.plan(1)
    crew.size = 10
    summary = crew.plan(2)
    assert (late.batches, summary.batches, summary.read) == (3, None, 5)
    assert crew.work() is None
    assert crew.bench.store.runs.record().plan is None
    assert crew.said == [("a0", "fired")]


def test_back_below_the_threshold_it_waits_for_a_worker_that_is_alive(crew: Crew) -> None:
    crew.plan()
    crew.bench.store.batches.claim(message_from_json(crew.texts[0]), SECONDS)
    crew.size = 10
    with pytest.raises(RunUnderWayError):
        crew.plan(1)
    assert readings(crew, 1) == set()
    crew.bench.clock.forward(SECONDS + 1)
    assert crew.plan(1).read == 5


def test_an_outage_over_several_batches_is_one_message_and_one_when_it_is_over(crew: Crew) -> None:
    crew.run(0)
    shows(crew, TIMED_OUT)
    for number in range(1, 6):
        crew.run(number)
    assert crew.said == [("every account", "fired")]
    assert crew.entries[0].notification.accounts == tuple(NAMES)
    shows(crew, FINE)
    crew.run(6)
    assert crew.said == [("every account", "fired"), ("every account", "resolved")]


def test_an_outage_that_begins_in_the_middle_of_a_tick_is_one_message(crew: Crew) -> None:
    crew.plan(0)
    crew.work_on(crew.texts.pop(0))
    shows(crew, REJECTED)
    crew.work()
    crew.run(1)
    crew.run(2)
    assert crew.said == [("every account", "fired")]


def test_a_batch_of_which_nothing_reads_while_others_do_is_announced_two_ticks_later(
    crew: Crew,
) -> None:
    crew.run(0)
    shows(crew, REJECTED, "a4")
    crew.run(1)
    crew.run(2)
    assert crew.said == []
    crew.run(3)
    assert crew.said == [("a4", "fired")]


def test_what_a_batch_suspected_long_ago_does_not_refute_an_outage(crew: Crew) -> None:
    shows(crew, REJECTED, "a4")  # it is alone in the last batch
    crew.run(0)
    crew.run(1)
    crew.size = 3  # the last batch is not needed any longer
    shows(crew, FINE)
    crew.run(2)
    crew.size = SIZE
    shows(crew, REJECTED)
    crew.run(3)
    crew.run(4)
    assert crew.said == [("every account", "fired")]


def test_the_alerts_of_removed_accounts_end(crew: Crew) -> None:
    shows(crew, LOW)
    crew.run(0)
    watch(crew.bench, *NAMES[:3])
    crew.run(1)
    states = crew.bench.store.accounts.states(NAMES)
    assert {name for name, it in states.items() if it.is_alerted} == {*NAMES[:3]}
    assert len(crew.said) == 5


def test_workers_know_the_rules_of_the_policy(crew: Crew) -> None:
    crew.bench.aws.put_policy('[[rules]]\nname = "b"\nmatch = { account = "a1" }\nbelow = "50"\n')
    shows(crew, "30", "a1")
    crew.run()
    assert [it.notification.rule for it in crew.entries] == ["b"]


DIGEST = '[digest]\nat = "10:00"\n'


@pytest.fixture
def paying_crew(paying: Bench) -> Crew:
    watch(paying, "b0", "b1", "b2", into="accounts/more")
    return Crew(paying)


def test_a_payment_for_a_workers_account_is_made_once(paying_crew: Crew, vonage: Any) -> None:  # noqa: ANN401 (a server)
    paying_crew.run(0)
    paying_crew.run(0)
    paying_crew.bench.reads.balances["sms"] = FINE
    paying_crew.run(1)
    (account,) = vonage.accounts.values()
    assert len(account.top_ups) == 1


def test_the_money_of_one_purse_is_told_once_in_the_digest(crew: Crew) -> None:
    crew.bench.aws.put_policy(DIGEST)
    crew.bench.watch("a0", "a1")  # they have one key
    watch(crew.bench, "b0", "b1", "b2", into="accounts/more")
    crew.run(-288)
    crew.run(0)
    (entry,) = crew.entries
    digest = entry.notification.digest
    assert digest is not None
    assert [it.amount for it in digest.left.lines] == [4 * 71.5]
