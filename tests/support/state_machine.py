"""A world that hypothesis lives in, and the promises that must hold after each step of it.

    python -m tests.support.state_machine [--examples 200]

The check, the decisions, the store and the delivery are the real ones, the table is moto's; what
is read, what the channels answer and when the process dies are up to hypothesis. The promises are
written down here anew, from what was shown and what was heard alone.
"""

import argparse
import logging
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from time import monotonic
from typing import Any

from botocore.exceptions import ClientError
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

from balance_watch.config.loading import Configuration, load
from balance_watch.domain.account import Account
from balance_watch.domain.channels import TOPIC
from balance_watch.domain.notification import Notification, Reason, SendResult
from balance_watch.domain.outbox import OutboxEntry, Pending
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.rules import Metric
from balance_watch.domain.silences import Silence
from balance_watch.errors import RunUnderWayError
from balance_watch.notifiers.channels import ConfiguredChannel
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store
from balance_watch.store.readings import reading_sort
from balance_watch.usecases.check import Check
from balance_watch.usecases.delivery import DeliveryReport, deliver
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.summary import Summary
from tests.support.canaries import key, webhook
from tests.support.clock import Clock
from tests.support.crash_points import DeathError, wait_for_other_threads
from tests.support.fakes import PREFIX, WrittenSources
from tests.support.tables import client_of, new_table

START = datetime.fromisoformat("2026-11-22T00:00:00Z")
SECONDS = 100.0
GAP = timedelta(hours=6)
ONCALL = "slack:oncall"
WEBHOOK = "slack:default"
CHANNELS = (TOPIC, WEBHOOK, ONCALL)
THRESHOLD, GRAVE = Decimal(20), Decimal(10)
PAYER = "payer"
NAMES = ("a", "b", PAYER)

POLICIES = {
    "built in": "",
    "graver": '[[rules]]\nname = "very low"\nbelow = 10\nseverity = "critical"\n',
    "routed": '[[routes]]\nmatch = { severity = "critical" }\nchannels = ["sns", "slack:oncall"]\n',
    "pays": '[[rules]]\nname = "pay"\nmatch = { account = "payer" }\nbelow = 20\n'
    "top_up = { max_per_day = 2 }\n",
    "broken": "[[rules]\n",
}
BALANCES = [Decimal(each) for each in ("0", "3", "12", "19.9", "20", "21.9", "22", "60", "400")]
RUNS_DRY, NEARLY_DRY = Decimal(3 * 86400), Decimal(86400)
FAILURES = [FailureKind.TIMED_OUT, FailureKind.KEY_REJECTED, FailureKind.MALFORMED]

looks = st.sampled_from([*BALANCES, *BALANCES, *FAILURES])
deaths = st.none() | st.tuples(st.sampled_from(["before", "after"]), st.integers(1, 14))
spans = st.sampled_from([timedelta(minutes=5), timedelta(hours=1), timedelta(hours=7)])


@dataclass
class Doom:
    """Counts the effects of a process and ends it at one; nothing of it is heard after that."""

    at: tuple[str, int] | None = None
    effects: int = 0
    dead: bool = False

    def begin(self) -> int:
        self.effects += 1
        self._meet("before", self.effects)
        return self.effects

    def end(self, nth: int) -> None:
        self._meet("after", nth)

    def _meet(self, when: str, nth: int) -> None:
        self.dead = self.dead or self.at == (when, nth)
        if self.dead:
            raise DeathError(f"{when} effect {nth}")


@dataclass(frozen=True)
class Heard:
    """What a channel took, in the order in which it did."""

    channel: str
    it: Notification


@dataclass
class Channel:
    """Takes what it is sent, or refuses it; one that is gone says so."""

    name: str
    world: "World"

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        del deadline
        how = self.world.answers[self.name]
        nth = self.world.doom.begin()
        if how == "takes":
            self.world.heard += [Heard(self.name, it) for it in notifications]
        self.world.doom.end(nth)
        every = tuple(notifications)
        if how == "takes":
            yield SendResult(accepted=every)
        else:
            yield SendResult(rejected=every, why=how, permanent=how == "gone")


class World:
    """All that is outside the process, and how it is run."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 (boto3's)
        self.client, self.table = client, new_table(client)
        self.clock = Clock()
        self.now = START
        self.doom = Doom()
        self.answers = dict.fromkeys(CHANNELS, "takes")
        self.policy = ""
        self.watched = set(NAMES)
        self.moved: list[tuple[str, datetime]] = []
        """When an account came or went: its alerts end without a word."""
        self.shown: dict[str, Decimal | FailureKind] = dict.fromkeys(NAMES, Decimal(60))
        self.past: dict[tuple[str, datetime], Decimal | FailureKind] = {}
        """What an account showed at a tick."""
        self.heard: list[Heard] = []
        self.paid: list[datetime] = []
        self.pays_clearly = True
        self.meanwhile: Callable[[], None] = lambda: None
        """Happens while a run reads."""
        self.silences: list[Silence] = []
        self.ever_silent: list[Silence] = []
        self.crashed = False
        self.ever_gone = False

    def run(self, tick: datetime, at: tuple[str, int] | None = None) -> Summary | None:
        """Runs a process; None when it died, or another one holds the table."""
        doom = self.doom = Doom(at)
        try:
            return self.check(doom).run(tick, seconds=SECONDS)
        except DeathError:
            self.crashed = True
            wait_for_other_threads()
            self.clock.forward(SECONDS)
        except (RunUnderWayError, ClientError):
            pass
        finally:
            self.doom = Doom()
        return None

    def check(self, doom: Doom) -> Check:
        """The real check, with a table whose every call is an effect."""
        client = Mortal(self.client, doom)
        store = Store(client, self.table, clock=self.clock.time, sleep=self.clock.sleep)  # type: ignore[arg-type]
        pay = Pay(store, self._pay)
        return Check(store, partial(self._load, store), self._look, self._send, pay)

    @property
    def store(self) -> Store:
        """The table from outside."""
        return Store(self.client, self.table, clock=self.clock.time)

    def silence(self, silence: Silence) -> None:
        self.store.silences.add(silence)
        self.silences.append(silence)
        self.ever_silent.append(silence)

    def end_silences(self) -> None:
        for each in self.silences:
            self.store.silences.end(each.name)
            ended = replace(each, until=min(each.until, self.now))
            self.ever_silent = [ended if it == each else it for it in self.ever_silent]
        self.silences = []

    def clear_payment(self) -> None:
        self.store.payments.clear(PAYER)

    def _load(self, store: Store) -> Configuration:
        accounts = [
            {
                "name": name,
                "provider": "vonage" if name == PAYER else "you",
                "credentials": {"api_key": key(), "api_secret": key("secret")},
                "alert_below": str(THRESHOLD),
                "variables": {"trx": "t"},
            }
            for name in sorted(self.watched)
        ]
        webhooks = {"default": webhook("default"), "oncall": webhook("oncall")}
        written = {"accounts": {"accounts": accounts}, "slack": {"webhooks": webhooks}}
        return load(
            WrittenSources(written, self.policy),
            prefix=PREFIX,
            stack_channels={TOPIC: "the topic"},
            last_good_policy=store.policies.last_good,
        )

    def _look(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        del deadline
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        doom = self.doom
        meanwhile()
        self.doom = doom
        for account, spec in accounts:
            shown = self.shown[account.name]
            self.past[account.name, now] = shown
            if isinstance(shown, FailureKind):
                yield account, ReadFailure(shown, "It failed.")
            else:
                yield account, Reading(now, shown, spec.currency or "")

    def _send(
        self,
        entries: Sequence[OutboxEntry],
        *,
        channels: Sequence[ConfiguredChannel],
        configuration: Configuration,
        deadline: float,
    ) -> DeliveryReport:
        del deadline
        return deliver(
            entries,
            channels={it.name: Channel(it.name, self) for it in channels},
            outbox=self.check(self.doom).store.outbox,
            deadline=monotonic() + 30,
            fallbacks=configuration.fallbacks,
            unread_kinds=configuration.unread_kinds,
        )

    def _pay(self, spec: Spec, account: Account) -> PaymentOutcome:
        del spec, account
        nth = self.doom.begin()
        self.paid.append(self.now)
        self.doom.end(nth)
        return PaymentOutcome.PAID if self.pays_clearly else PaymentOutcome.UNKNOWN


@dataclass
class Mortal:
    """A DynamoDB client each of whose calls is an effect."""

    client: Any
    doom: Doom

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (a client has any method)
        found = getattr(self.client, name)
        if name in ("exceptions", "meta"):
            return found
        if name == "get_paginator":
            return lambda operation: _Paginator(found(operation), self.doom)

        def call(**request: Any) -> Any:  # noqa: ANN401 (as the client's)
            nth = self.doom.begin()
            answer = found(**request)
            self.doom.end(nth)
            return answer

        return call


@dataclass
class _Paginator:
    paginator: Any
    doom: Doom

    def paginate(self, **request: Any) -> Iterator[Any]:  # noqa: ANN401 (as the client's)
        nth = self.doom.begin()
        yield from self.paginator.paginate(**request)
        self.doom.end(nth)


STEPS: Counter[str] = Counter()
"""How often each thing was done, over all examples."""


class Promises(RuleBasedStateMachine):
    """Lives any life, and holds the promises against it."""

    client: Any = None

    @initialize()
    def begin(self) -> None:
        self.world = World(self.client)

    @rule(span=spans, shown=st.fixed_dictionaries(dict.fromkeys(NAMES, looks)), death=deaths)
    def tick(self, span: timedelta, shown: dict[str, Any], death: tuple[str, int] | None) -> None:
        self.world.now += span
        self.world.shown = shown
        summary = self.world.run(self.world.now, death)
        if summary is not None and summary.complete and not summary.skipped:
            _whoever_is_empty_is_told_of(self.world)
        self._done("death" if death else "tick")

    @rule()
    def the_same_tick_again(self) -> None:
        self.world.run(self.world.now)
        self._done("same tick again")

    @rule(span=spans, shown=looks, lease_over=st.booleans(), same=st.booleans())
    def overlap(
        self, span: timedelta, shown: Decimal | FailureKind, *, lease_over: bool, same: bool
    ) -> None:
        """While one run reads, another one begins: of the same tick or the next."""
        world = self.world
        world.now += span
        world.shown["a"] = shown
        first = world.now

        def meanwhile() -> None:
            if lease_over:
                world.clock.forward(SECONDS + 1)
            if not same:
                world.now += timedelta(minutes=5)
            world.run(world.now)

        world.meanwhile = meanwhile
        world.run(first)
        self._done("overlap")

    @rule(name=st.sampled_from(sorted(POLICIES)))
    def edit_the_policy(self, name: str) -> None:
        self.world.policy = POLICIES[name]
        self._done("policy")

    @rule(channel=st.sampled_from(CHANNELS), how=st.sampled_from(["takes", "refuses"]))
    def a_channel_changes(self, channel: str, how: str) -> None:
        self.world.answers[channel] = how
        self._done("channel")

    @rule()
    def a_webhook_goes(self) -> None:
        self.world.answers[ONCALL] = "gone"
        self.world.ever_gone = True
        self._done("channel")

    @rule(name=st.sampled_from(NAMES))
    def an_account_comes_or_goes(self, name: str) -> None:
        self.world.watched ^= {name}
        self.world.moved.append((name, self.world.now))
        self._done("account")

    @precondition(lambda self: len(self.world.silences) < 2)
    @rule(account=st.sampled_from(["a", "*"]), hours=st.integers(1, 30))
    def silence(self, account: str, hours: int) -> None:
        name = f"s{len(self.world.ever_silent)}"
        until = self.world.now + timedelta(hours=hours)
        self.world.silence(Silence(name, {"account": account}, until, "test", self.world.now))
        self._done("silence")

    @rule()
    def end_the_silences(self) -> None:
        self.world.end_silences()
        self._done("silence")

    @rule(clearly=st.booleans())
    def payments_change(self, *, clearly: bool) -> None:
        self.world.pays_clearly = clearly
        self.world.clear_payment()
        self._done("payment")

    def _done(self, what: str) -> None:
        STEPS[what] += 1
        hold(self.world)
        if not sum(STEPS.values()) % 10:
            _readings_are_what_was_shown(self.world)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            hold_in_the_end(self.world)
            self.client.delete_table(TableName=self.world.table)


def by_account(world: World, channel: str) -> dict[tuple[str, Metric], list[Notification]]:
    """What a channel heard of each account and metric, each notification once, as it was said."""
    of: dict[tuple[str, Metric], dict[str, Notification]] = defaultdict(dict)
    for each in world.heard:
        if each.channel == channel and each.it.reason is not Reason.TOPPED_UP:
            of[each.it.account, each.it.metric][each.it.alert_id] = each.it
    return {what: sorted(said.values(), key=lambda it: it.said_at) for what, said in of.items()}


def hold(world: World) -> None:
    """Holds what must be true after every step."""
    _nothing_is_told_twice_without_a_death(world)
    for each in world.heard:
        _it_is_true(world, each.it)
        _it_is_not_silenced(world, each.it)
    for channel in (TOPIC, WEBHOOK):
        if world.ever_gone and channel == WEBHOOK:
            continue  # it stands in, also for ends whose beginning it was not told
        for said in by_account(world, channel).values():
            _it_has_an_order(world, said)
    _nothing_is_paid_twice(world)


def _nothing_is_told_twice_without_a_death(world: World) -> None:
    told = Counter((each.channel, each.it.alert_id) for each in world.heard)
    if not world.crashed and "gone" not in world.answers.values():
        assert max(told.values(), default=1) == 1, "told twice, and nobody died"


def _it_is_true(world: World, it: Notification) -> None:
    """What is said of a balance is what the account showed at that very tick."""
    if it.reason in (Reason.REMINDER, Reason.TOPPED_UP):
        return
    if it.threshold is None and it.reason is Reason.RESOLVED:
        return
    if it.metric is Metric.EMPTY:
        _it_is_empty(world.past[it.account, it.said_at], it)
    if it.metric is Metric.RUNWAY:
        _it_runs_dry(world, it)
    if it.metric is not Metric.BALANCE:
        return
    shown = world.past[it.account, it.said_at]
    assert isinstance(shown, Decimal), f"{it.reason} on a failed look"
    assert it.value == f"{shown:f}"
    assert it.threshold is not None
    if it.reason is Reason.RESOLVED:
        assert shown >= it.threshold * Decimal("1.1")
    else:
        assert shown < it.threshold


def _it_is_empty(shown: Decimal | FailureKind, it: Notification) -> None:
    """An account is empty when it shows nothing, and no more when it shows something."""
    assert isinstance(shown, Decimal), f"{it.reason} on a failed look"
    assert (it.rule, it.severity, it.value) == ("empty", "critical", f"{shown:f}")
    assert (shown <= 0) is (it.reason is Reason.FIRED)


def _it_runs_dry(world: World, it: Notification) -> None:
    """It is said of a good look after half a day of looks and a fall, as gravely as it is."""
    assert isinstance(world.past[it.account, it.said_at], Decimal), f"{it.reason} on a failed look"
    assert it.value is not None
    assert it.threshold is not None
    assert it.rule == "runs_dry"
    lasts = Decimal(it.value)
    if it.reason is Reason.RESOLVED:
        assert lasts >= RUNS_DRY * Decimal("1.1")
        return
    grave = lasts < NEARLY_DRY
    assert (it.threshold, it.severity) == (
        (NEARLY_DRY, "critical") if grave else (RUNS_DRY, "warning")
    )
    assert lasts < it.threshold
    looks = sorted(
        (at, shown)
        for (account, at), shown in world.past.items()
        if account == it.account and at <= it.said_at and isinstance(shown, Decimal)
    )
    assert looks[-1][0] - looks[0][0] >= timedelta(hours=12), "a rate of less than half a day"
    assert any(later < earlier for (_, earlier), (_, later) in pairwise(looks)), "nothing was spent"


def _whoever_is_empty_is_told_of(world: World) -> None:
    """After a run that is complete, an account that shows nothing has been told of."""
    said = by_account(world, TOPIC)
    silent = any(each.until > world.now for each in world.silences)
    for name in world.watched:
        if world.past.get((name, world.now)) == 0 and not silent:
            of = said.get((name, Metric.EMPTY), [])
            assert of, f"{name} is empty and nobody was told"
            assert of[-1].reason is not Reason.RESOLVED, f"{name} is empty and said to be fine"


def _it_is_not_silenced(world: World, it: Notification) -> None:
    if it.metric in (Metric.UNREADABLE, Metric.CONFIGURATION):
        return
    for silence in world.ever_silent:
        within = silence.created_at < it.said_at < silence.until
        assert not (within and silence.match["account"] in ("*", it.account)), "silenced"


def _it_has_an_order(world: World, said: list[Notification]) -> None:
    """An episode is announced, goes on, and ends; two announcements are a gap apart."""
    firing, fired_at, rule_was = False, None, None
    before = START
    for it in said:
        if any(name == it.account and before <= at < it.said_at for name, at in world.moved):
            firing, fired_at = firing and it.reason is not Reason.FIRED, None
        before = it.said_at
        if it.reason is Reason.FIRED:
            assert not firing, "announced twice"
            same = rule_was == it.rule and it.metric is Metric.BALANCE
            assert not (same and fired_at and it.said_at - fired_at < GAP), "within the gap"
            firing, fired_at, rule_was = True, it.said_at, it.rule
        elif it.reason is Reason.RESOLVED:
            assert firing, "an end without a beginning"
            firing = False
            rule_was = None if it.threshold is None else rule_was
        elif it.reason is Reason.REMINDER:
            assert firing or _eased(world, it), "a reminder of nothing"
            firing = True
        else:
            firing = True


def _eased(world: World, it: Notification) -> bool:
    """Tells whether it was graver before: then other channels were told, and now this one is."""
    return it.severity == "warning" and any(
        (heard.it.account, heard.it.metric, heard.it.severity)
        == (it.account, it.metric, "critical")
        for heard in world.heard
        if heard.it.said_at < it.said_at
    )


def _readings_are_what_was_shown(world: World) -> None:
    for name in NAMES:
        for reading in world.store.accounts.history(name, START, world.now):
            assert world.past[name, reading.observed_at] == reading.balance
    for name, state in world.store.accounts.states(NAMES).items():
        if state.reading is not None and not world.crashed:
            key_of = {"pk": {"S": f"ACCOUNT#{name}"}, "sk": {"S": _sort(state.reading)}}
            assert "Item" in world.client.get_item(TableName=world.table, Key=key_of)


def _sort(reading: Reading) -> str:
    return reading_sort(reading.observed_at)


def _nothing_is_paid_twice(world: World) -> None:
    day = timedelta(days=1)
    for first, third in zip(world.paid, world.paid[2:], strict=False):
        assert third - first >= day, "more payments than the rule allows"
    assert all(earlier < later for earlier, later in pairwise(world.paid)), "one tick, two payments"


def hold_in_the_end(world: World) -> None:
    """Lets everything work again: what holds is told to everyone, and then that all is well."""
    world.answers = dict.fromkeys(CHANNELS, "takes")
    world.end_silences()
    world.policy, world.watched = POLICIES["routed"], set(NAMES)
    world.pays_clearly = True
    world.clear_payment()
    _days_of(world, Decimal(3), 3)
    _everybody_knows(world, Metric.BALANCE, firing=True)
    _days_of(world, Decimal(0), 1)
    _everybody_knows(world, Metric.BALANCE, firing=True)
    _everybody_knows(world, Metric.EMPTY, firing=True)
    _days_of(world, Decimal(400), 3)
    _everybody_knows(world, Metric.BALANCE, firing=False)
    _everybody_knows(world, Metric.EMPTY, firing=False)
    # After a week without any spending, nothing runs dry.
    _days_of(world, Decimal(400), 8)
    _everybody_knows(world, Metric.RUNWAY, firing=False)
    hold(world)
    _readings_are_what_was_shown(world)


def _days_of(world: World, balance: Decimal, days: int) -> None:
    """Shows a balance for some days; every run of them is complete."""
    world.shown = dict.fromkeys(NAMES, balance)
    for _ in range(days):
        world.now += timedelta(hours=25)
        summary = world.run(world.now)
        assert summary is not None
        assert summary.complete, summary
    assert world.store.outbox.pending() == Pending([], [], [])


def _everybody_knows(world: World, metric: Metric, *, firing: bool) -> None:
    for channel in (TOPIC, ONCALL):
        said = by_account(world, channel)
        for name in NAMES:
            of = said.get((name, metric), [])
            latest = of[-1].reason if of else None
            went = any(moved == name and of and of[-1].said_at < at for moved, at in world.moved)
            if went and not firing:
                continue  # its alert ended without a word when the account went
            assert (latest not in (None, Reason.RESOLVED)) is firing, (channel, name, latest)


def run(examples: int, steps: int) -> None:
    """Lives so many lives of so many steps at most."""
    with mock_aws():
        Promises.client = client_of("https://dynamodb.us-east-1.amazonaws.com")
        how = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            # A life takes seconds: to find a shorter one that fails would take hours.
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(Promises, settings=how)


def main() -> int:
    """Lives many lives and shows what was done in them."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.state_machine", description=__doc__
    )
    parser.add_argument("--examples", type=int, default=200)
    logging.disable(logging.CRITICAL)
    run(parser.parse_args().examples, 40)
    for what, times in STEPS.most_common():
        print(f"{times:6}  {what}")  # noqa: T201 (a command prints)
    print(f"{sum(STEPS.values()):6}  steps, every promise kept")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
