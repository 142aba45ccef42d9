"""A state machine whose rules change the world at random; the promises must hold after each step.

    python -m tests.support.state_machine [--examples 200] [--workers]

Hypothesis chooses the rules and their arguments. tests/support/model_world.py is the world, and
tests/support/promises.py the promises.
"""

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moto import mock_aws

from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.silences import Silence
from tests.support.crash_points import CALL, CrashPoint
from tests.support.model_channels import CHANNELS, ONCALL, WEBHOOK, Reply
from tests.support.model_workers import WorkersWorld
from tests.support.model_world import NAMES, PAYER, PAYERS, POLICIES, SECONDS, Shown, World
from tests.support.outage_promises import Outage, live_through
from tests.support.promises import (
    check_empty_accounts,
    check_promises,
    check_readings,
    check_recovery,
)
from tests.support.tables import client_of

BALANCES = [Decimal(text) for text in ("0", "3", "12", "19.9", "20", "21.9", "22", "60", "400")]
FAILURES = [FailureKind.TIMED_OUT, FailureKind.KEY_REJECTED, FailureKind.MALFORMED]

shown_values = st.sampled_from([*BALANCES, *BALANCES, *FAILURES])
crashes = st.none() | st.builds(
    CrashPoint, st.sampled_from(["before", "after"]), st.just(CALL), st.integers(1, 14)
)
spans = st.sampled_from([timedelta(minutes=5), timedelta(hours=1), timedelta(hours=7)])
outages = st.builds(
    Outage,
    st.sampled_from([WEBHOOK, ONCALL]),
    st.sampled_from(["rejects", "is dead", "accepts unsaid"]),
    st.sampled_from([timedelta(hours=3), timedelta(days=1), timedelta(days=31)]),
    st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, shown_values)), min_size=1, max_size=4),
)
outcomes = st.sampled_from([PaymentOutcome.PAID, PaymentOutcome.UNKNOWN])

STEPS: Counter[str] = Counter()
"""How many steps of each kind were done, over all examples."""


class Promises(RuleBasedStateMachine):
    """Changes the world by its rules, and checks the promises after each."""

    client: Any = None
    make_world: Callable[[Any], World] = World

    @initialize()
    def begin(self) -> None:
        self.world = type(self).make_world(self.client)

    @rule(
        span=spans,
        shown=st.fixed_dictionaries(dict.fromkeys(NAMES, shown_values)),
        crash_at=crashes,
    )
    def tick(self, span: timedelta, shown: dict[str, Shown], crash_at: CrashPoint | None) -> None:
        self.world.now += span
        self.world.shown = shown
        summary = self.world.run(self.world.now, crash_at)
        if summary is not None and summary.complete and not summary.skipped:
            check_empty_accounts(self.world)
        self._done("crash" if crash_at else "tick")

    @rule()
    def run_the_same_tick_again(self) -> None:
        self.world.run(self.world.now)
        self._done("same tick again")

    @rule(span=spans, shown=shown_values, lease_over=st.booleans(), same=st.booleans())
    def overlap(self, span: timedelta, shown: Shown, *, lease_over: bool, same: bool) -> None:
        """Starts another run, of the same tick or of the next, while one reads."""
        world = self.world
        world.now += span
        world.shown["a"] = shown
        first = world.now

        def run_another() -> None:
            if lease_over:
                world.clock.forward(SECONDS + 1)
            if not same:
                world.now += timedelta(minutes=5)
            world.run(world.now)

        world.while_reading = run_another
        world.run(first)
        self._done("overlap")

    @rule(name=st.sampled_from(sorted(POLICIES)))
    def edit_the_policy(self, name: str) -> None:
        self.world.policy = POLICIES[name]
        self.world.routed_apart |= name == "apart"
        self._done("policy")

    @rule(
        channel=st.sampled_from(CHANNELS),
        reply=st.sampled_from(["accepts", "rejects", "accepts unsaid"]),
    )
    def change_a_channel(self, channel: str, reply: Reply) -> None:
        self.world.replies[channel] = reply
        self._done("channel")

    @rule()
    def delete_a_webhook(self) -> None:
        self.world.replies[ONCALL] = "is dead"
        self.world.webhook_died = True
        self._done("channel")

    @rule(outage=outages)
    def be_down_and_come_back(self, outage: Outage) -> None:
        """Lets a channel accept nothing for hours or a month, and then everything again."""
        live_through(self.world, outage)
        self._done("outage of a channel")

    @rule(two=st.booleans())
    def rename_the_payer(self, *, two: bool) -> None:
        """Gives the account that is paid into its other name, or both of them."""
        world = self.world
        if world.payers:
            names = set(PAYERS) if two else {next(it for it in PAYERS if it != world.payers[0])}
            world.added_or_removed += [(it, world.now) for it in {*world.payers} ^ names]
            world.watched = world.watched - set(PAYERS) | names
        self._done("two names" if two else "another name")

    @rule()
    def change_the_key(self) -> None:
        """Puts the key of another purse behind the names of the one that is paid into.

        Whatever unit it shows is its own.
        """
        self.world.purse += 1
        self.world.in_another_unit.discard(PAYER)
        self._done("another key")

    @rule(name=st.sampled_from(NAMES))
    def add_or_remove_an_account(self, name: str) -> None:
        self.world.watched ^= {name}
        self.world.payer_was_removed |= name == PAYER
        self.world.added_or_removed.append((name, self.world.now))
        self._done("account")

    @rule(name=st.sampled_from(NAMES))
    def change_the_unit(self, name: str) -> None:
        """Lets an account that was read show another unit, or its own again."""
        world = self.world
        if name in world.in_another_unit:
            world.in_another_unit.remove(name)
        elif (state := world.store.accounts.states([name]).get(name)) and state.reading:
            read_of = world.purse_at[name, state.reading.observed_at]
            if name != PAYER or read_of == world.purse:
                world.in_another_unit.add(name)
        self._done("unit")

    @precondition(lambda self: len(self.world.silences) < 2)
    @rule(account=st.sampled_from(["a", "*"]), hours=st.integers(1, 30))
    def silence(self, account: str, hours: int) -> None:
        name = f"s{len(self.world.every_silence)}"
        until = self.world.now + timedelta(hours=hours)
        self.world.silence(Silence(name, {"account": account}, until, "test", self.world.now))
        self._done("silence")

    @rule()
    def end_the_silences(self) -> None:
        self.world.end_silences()
        self._done("silence")

    @rule(outcome=outcomes)
    def change_payments(self, outcome: PaymentOutcome) -> None:
        self.world.payment_outcome = outcome
        self.world.clear_payment()
        self._done("payment")

    def _done(self, kind: str) -> None:
        STEPS[kind] += 1
        check_promises(self.world)
        if not sum(STEPS.values()) % 10:
            check_readings(self.world)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            check_recovery(self.world)
            self.client.delete_table(TableName=self.world.table)


def run(
    examples: int,
    steps: int,
    make_world: Callable[[Any], World] = World,
    address: str | None = None,
) -> None:
    """Runs this many examples, each of at most this many steps.

    Args:
        examples: how many.
        steps: the most steps of each.
        make_world: makes the world on a client of DynamoDB.
        address: of a DynamoDB; None: moto, within this process.
    """
    with nullcontext() if address else mock_aws():
        Promises.client = client_of(address or "https://dynamodb.us-east-1.amazonaws.com")
        Promises.make_world = make_world
        chosen = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            # An example takes seconds: to shrink one that fails would take hours.
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(Promises, settings=chosen)


def main() -> int:
    """Runs many examples and shows how many steps of each kind they had."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.state_machine", description=__doc__
    )
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--workers", action="store_true", help="workers check a tick, at once")
    logging.disable(logging.CRITICAL)
    chosen = parser.parse_args()
    run(chosen.examples, 40, WorkersWorld if chosen.workers else World)
    for kind, times in STEPS.most_common():
        print(f"{times:6}  {kind}")  # noqa: T201 (a command prints)
    print(f"{sum(STEPS.values()):6}  steps, every promise kept")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
