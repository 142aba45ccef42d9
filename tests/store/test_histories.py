"""A history is what was read: however runs end, no reading is lost or doubled.

The model is a plain list of readings. Hypothesis chooses ticks, results, and how a run ends.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from moto import mock_aws
from msgspec.structs import replace

from balance_watch.domain.reading import (
    FailureKind,
    ReadFailure,
    Reading,
    ReadResult,
    Unlimited,
)
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState, followed_by, observe
from balance_watch.store.dynamodb import Store
from balance_watch.store.readings import reading_to_item
from balance_watch.store.states import state_to_item
from balance_watch.store.table import Table, serialize
from tests.support.dynamodb_clients import Wrapped, failing, failing_after_once, refusal
from tests.support.examples import TICK, full_reading, quiet_state, reading, state
from tests.support.tables import client_of, new_table

NAME = "llm-production-eu-central-1"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FAILED = ReadFailure(FailureKind.TIMED_OUT, "It did not answer.")
LOST = refusal("InternalServerError")

gaps = st.sampled_from(
    [5 * MINUTE, 5 * MINUTE, 5 * MINUTE, timedelta(seconds=433), 59 * MINUTE, HOUR, 24 * HOUR]
)
amounts = st.sampled_from(list(map(Decimal, ("0", "-3.25", "71.5", "1E+100", "1E-30", "200"))))
readings = st.builds(
    replace,
    st.sampled_from([reading(), reading(), full_reading()]),
    balance=amounts,
    currency=st.sampled_from(["USD", "USD", "EUR"]),
    status=st.sampled_from([None, None, "odd: {\n}", "s" * 300, "s" * 900, "s" * 1500]),
)
results = readings | readings | st.sampled_from([FAILED, Unlimited(TICK)])
endings = st.sampled_from(["quiet", "quiet", "says", "pays", "lost", "half"])


class Histories(RuleBasedStateMachine):
    """One account, the runs that check it, and the readings that they have stored."""

    def __init__(self) -> None:
        super().__init__()
        self._mock = mock_aws()
        self._mock.start()
        self._client = client_of("https://dynamodb.us-east-1.amazonaws.com")
        self._table = new_table(self._client)
        self._now = TICK
        self._known: dict[datetime, Reading] = {}

    def teardown(self) -> None:
        self._mock.stop()

    @initialize(earlier=st.integers(0, 3), is_full=st.booleans())
    def begin_with_what_an_earlier_release_stored(self, earlier: int, is_full: bool) -> None:  # noqa: FBT001 (Hypothesis passes it by name)
        for _ in range(earlier):
            self._now += 5 * MINUTE
            found = reading(at=self._now)
            self._known[self._now] = found
            self._put(reading_to_item(NAME, found, 400))
            last = quiet_state(NAME, self._now) if is_full else state(NAME, self._now)
            self._put(state_to_item(replace(last, reading=found)))

    @rule(gap=gaps, result=results, ending=endings)
    def check(self, gap: timedelta, result: ReadResult, ending: str) -> None:
        self._now += gap
        self._run(result, ending)

    @rule(back=st.integers(1, 90), result=readings)
    def check_a_time_of_the_past(self, back: int, result: ReadResult) -> None:
        """A tick of the future was removed from the table, so ticks begin again."""
        self._now -= back * MINUTE
        self._run(result, "quiet")

    @rule(result=results)
    def check_the_same_tick_again(self, result: ReadResult) -> None:
        """Its run is skipped or resumed, so that an account with this tick is not read again."""
        if self._state().checked_at != self._now:
            self._run(result, "quiet")

    @rule()
    def remove_the_account(self) -> None:
        assert self._store().accounts.end_alerts(NAME, self._now)

    @rule(result=results)
    def look_while_a_run_moves_readings(self, result: ReadResult) -> None:
        before, after = dict(self._known), max([self._now, *self._known]) + HOUR
        client = _Slow(self._client, lambda: self.check(HOUR, result, "quiet"))
        found = self._store(client).accounts.history(NAME, TICK - 99 * HOUR, after)
        assert found in (_in_order(before), _in_order(self._known))

    @rule(end=st.integers(0, 20), minutes=st.integers(0, 90))
    def look_at_a_part(self, end: int, minutes: int) -> None:
        if not self._known:
            return
        times = sorted(self._known)
        until = times[-1 - end % len(times)]
        since = until - minutes * MINUTE
        part = {at: it for at, it in self._known.items() if since <= at <= until}
        assert self._store().accounts.history(NAME, since, until) == _in_order(part)

    @invariant()
    def its_history_is_what_was_read(self) -> None:
        latest = max([self._now, *self._known])
        found = self._store().accounts.history(NAME, TICK - 99 * HOUR, latest)
        assert found == _in_order(self._known)

    def _run(self, result: ReadResult, ending: str) -> None:
        if isinstance(result, Reading):
            result = replace(result, observed_at=self._now)
        before = self._state()
        after = followed_by(before, observe(before, result, self._now))
        if self._stores(after, ending) and isinstance(result, Reading):
            self._known[self._now] = result

    def _stores(self, after: AccountState, ending: str) -> bool:
        """Stores a state as a run does that ends so; returns whether it is stored."""
        store = self._store()
        if ending in {"says", "pays"}:
            run = Run(self._now, "x", unfinished=False)
            self._do(store.accounts.transition_puts(run, Transition(after, ())))
            if ending == "pays":
                self._do([store.accounts.state_put(after)])
            return True
        write = self._client.batch_write_item
        client: Any = {
            "quiet": self._client,
            "lost": Wrapped(self._client, batch_write_item=failing(LOST)),
            "half": Wrapped(self._client, batch_write_item=failing_after_once(write, LOST)),
        }[ending]
        return not self._store(client).accounts.save([after])

    def _do(self, actions: list[Any]) -> None:
        assert Table(self._client, self._table).transact(actions)

    def _put(self, item: dict[str, Any]) -> None:
        self._client.put_item(TableName=self._table, Item=serialize(item))

    def _state(self) -> AccountState:
        return self._store().accounts.states([NAME]).get(NAME, AccountState(NAME))

    def _store(self, client: Any = None) -> Store:  # noqa: ANN401 (a client, or one in its place)
        return Store(client or self._client, self._table, sleep=lambda _: None)


class _Slow:
    """A client before whose first query something else happens."""

    def __init__(self, client: Any, before: Any) -> None:  # noqa: ANN401
        self._client, self._before = client, [before]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name == "get_paginator":
            while self._before:
                self._before.pop()()
        return getattr(self._client, name)


def _in_order(known: dict[datetime, Reading]) -> Sequence[Reading]:
    return [known[at] for at in sorted(known)]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
