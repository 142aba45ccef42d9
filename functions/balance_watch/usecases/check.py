"""The check: claim a tick, read every account, decide, store what changed, send what is owed."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Protocol

from balance_watch.config.accounts import Configuration
from balance_watch.config.policy import PolicyFile, policy_in_force
from balance_watch.domain.account import Account, matches
from balance_watch.domain.alerts import AlertContext, decide
from balance_watch.domain.configuration_alert import ConfigurationState, decide_configuration
from balance_watch.domain.notification import OutboxEntry, Routing
from balance_watch.domain.policy import SLACK, TOP_UP, TOPIC, Policy
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult
from balance_watch.domain.silences import suppression
from balance_watch.domain.state import AccountState
from balance_watch.providers.registry import catalogue_clashes
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Run, Store, Transition
from balance_watch.store.runs import DeadChannel
from balance_watch.usecases.delivery import DeliveryReport
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.summary import Summary, distinct_notifications
from balance_watch.validation import Faults

_log = logging.getLogger(__name__)

_FAULTS, _FAULT, _NAMES = 50, 300, 100_000
_STORING_SHARE = 0.25
"""The part of a run's time that is kept for storing and sending."""

_TRY_AGAIN = timedelta(days=1)
"""A webhook that is gone for good is tried no more than once a day."""


class Read(Protocol):
    """Reads accounts, the most urgent first; those that it does not come to it does not yield."""

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        """Yields what each look yields."""
        ...


class Deliver(Protocol):
    """Sends what is owed to the topic and to these webhooks, but for those that are shut."""

    def __call__(
        self,
        owed: Sequence[OutboxEntry],
        *,
        watched: Configuration[Spec],
        shut: AbstractSet[str],
        deadline: float,
    ) -> DeliveryReport:
        """Returns how many were accepted, and which channels are gone for good."""
        ...


@dataclass(frozen=True, slots=True)
class _Tick:
    """What holds throughout one run."""

    run: Run
    watched: Configuration[Spec]
    policy: Policy
    context: AlertContext
    shut: AbstractSet[str]
    summary: Summary
    deadline: float


@dataclass(frozen=True, slots=True)
class Check:
    """The check and all it works with.

    `watched` says what the secrets say; `policy_text` returns the policy's text and notes why not;
    `on_read` hears of every account that was read, for whoever watches a long check.
    """

    store: Store
    watched: Callable[[Mapping[str, Spec]], Configuration[Spec]]
    policy_text: Callable[[Faults], str | None]
    read: Read
    deliver: Deliver
    pay: Pay
    clock: Callable[[], float] = time.monotonic
    on_read: Callable[[Account, ReadResult, int], None] = lambda *_: None

    def run(self, now: datetime, *, seconds: float) -> Summary:
        """Does the check of one tick.

        Args:
            now: the tick.
            seconds: how long it may take; so long it holds the table, too.

        Raises:
            RunUnderWayError: another run holds the table.
        """
        deadline = self.clock() + seconds
        summary = Summary(now)
        run = self.store.claim(now, seconds)
        if run is None:
            return replace(summary, skipped=True)
        notes = run.record
        done = stored = False
        try:
            of_policy = Faults()
            given, digest = self._policy(run, of_policy)
            policy, watched = given.policy, self.watched(given.providers)
            faults = Faults([*watched.faults, *of_policy])
            gone = still_dead(notes.dead_channels, watched)
            faults += contradictions(given, watched)
            faults += (_of_gone(name, each) for name, each in gone)
            notes = replace(notes, policy_digest=digest, dead_channels=gone)
            shut = {name for name, each in gone if now - each.at < _TRY_AGAIN}
            context = AlertContext(
                policy.defaults,
                _routing(policy, watched, shut),
                suppression(run.silences, policy.mute_times, now),
            )
            tick = _Tick(run, watched, policy, context, shut, summary, deadline)
            notes = replace(notes, configuration=self._configuration(tick, faults))
            states, unsaved = self._accounts(tick, deadline - seconds * _STORING_SHARE)
            stored = not summary.deferred
            notes = replace(notes, alerted=self._alerted(tick, states))
            # What is not known to be stored is paid on by the next run, which reads the truth.
            known = {name: it for name, it in states.items() if name not in unsaved}
            notes = replace(notes, dead_channels=self._deliver(tick, known, dict(gone)))
            done = summary.complete
        finally:
            self.store.close(run, notes, done=done, stored=stored)
        return summary

    def _policy(self, run: Run, faults: Faults) -> tuple[PolicyFile, str | None]:
        """The policy, or the last one that was in order; a digest tells whether it is kept yet."""
        text, kept_digest = self.policy_text(faults), run.record.policy_digest
        given, is_its_own = policy_in_force(text, self.store.last_good_policy, faults)
        if text is None or not is_its_own:
            return given, kept_digest
        digest = hashlib.sha256(text.encode()).hexdigest()
        is_kept = digest == kept_digest or self.store.keep_policy(text)
        return given, digest if is_kept else kept_digest

    def _configuration(self, tick: _Tick, faults: Faults) -> ConfigurationState:
        for fault in faults:
            _log.error("configuration: %s", fault)
        before, now = tick.run.record.configuration, tick.run.tick
        state, owed = decide_configuration(
            before, _told_whole(faults), context=tick.context, now=now
        )
        if not owed:
            return state
        if not self.store.save_configuration(tick.run, state, owed):
            tick.summary.deferred += 1
            return before
        tick.summary.count(owed)
        return state

    def _accounts(
        self, tick: _Tick, deadline: float
    ) -> tuple[dict[str, AccountState], AbstractSet[str]]:
        """Reads, decides and stores; returns the states, and the accounts that are not stored."""
        run, summary = tick.run, tick.summary
        accounts = {account.name: (account, spec) for account, spec in tick.watched.accounts}
        stored = self.store.states(list(accounts))
        states = {name: stored.get(name, AccountState(name)) for name in accounts}
        payments = self.pay.open_payments(states)
        summary.accounts = len(accounts)
        due = [state for state in states.values() if state.checked_at != run.tick]
        unsaved = self._restore_readings(run, stored.values()) if run.unfinished else set[str]()
        # Who has waited longest comes first, so that no account is deferred for ever.
        due.sort(key=lambda each: (each.checked_at is not None, each.checked_at or run.tick))
        quiet: list[tuple[AccountState, Reading | None]] = []
        owing: list[Transition] = []
        missing = {state.account for state in due}
        pairs = [accounts[state.account] for state in due]
        for account, outcome in self.read(pairs, now=run.tick, deadline=deadline):
            missing.discard(account.name)
            self.on_read(account, outcome, len(due))
            _note(account, outcome, summary)
            try:
                state, owed = decide(
                    states[account.name],
                    outcome,
                    account=account,
                    rules=tick.policy.rules_for(account),
                    context=tick.context,
                    traits=accounts[account.name][1].traits,
                    payment=payments.get(account.name),
                    now=run.tick,
                )
            except Exception as error:  # noqa: BLE001 (in one account it must not hide all others)
                facts = {"account": account.name, "why": type(error).__name__}
                _log.error("not decided", extra=facts)
                missing.add(account.name)
                continue
            reading = outcome if isinstance(outcome, Reading) else None
            if owed:
                owing.append(Transition(state, reading, owed))
            else:
                quiet.append((state, reading))
        unsaved |= self._save(run, quiet, owing, summary)
        decided = [*(it.state for it in owing), *(state for state, _ in quiet)]
        states |= {it.account: it for it in decided if it.account not in unsaved}
        summary.deferred += len(missing | unsaved)
        if missing | unsaved:
            _log.error("deferred to the next run", extra={"accounts": sorted(missing | unsaved)})
        return states, unsaved

    def _save(
        self,
        run: Run,
        quiet: Sequence[tuple[AccountState, Reading | None]],
        owing: Sequence[Transition],
        summary: Summary,
    ) -> set[str]:
        """Stores everything, transitions first; returns the accounts that could not be stored."""
        unsaved = self.store.save_owing(run, owing)
        for state, _, owed in owing:
            if state.account in unsaved:
                continue
            summary.count(owed)
            for said in distinct_notifications(owed):
                facts = {"account": said.account, "rule": said.rule}
                _log.warning("alert %s", said.reason.value, extra=facts)
        return unsaved | self.store.save(quiet, run)

    def _restore_readings(self, run: Run, states: Iterable[AccountState]) -> set[str]:
        """Writes the readings that a run may have died before; returns whose it could not."""
        known = ((state, state.reading) for state in states if state.reading is not None)
        return self.store.save(known, run)

    def _alerted(self, tick: _Tick, states: Mapping[str, AccountState]) -> tuple[str, ...]:
        """The accounts that are alerted on; the alerts of those that disappeared are ended."""
        alerted = {
            name
            for name, state in states.items()
            if any(alert.firing or alert.notified for alert in state.alerts.values())
        }
        for name in set(tick.run.record.alerted) - states.keys():
            # While a secret has a fault, an account may be missing by that alone.
            if tick.watched.faults or not self.store.end_alerts(name):
                alerted.add(name)
            else:
                _log.warning("account is watched no more: alerts ended", extra={"account": name})
        # An item holds 400 KB; who finds no room is only missed in the log, should it disappear.
        sizes = accumulate(len(name.encode()) for name in sorted(alerted))
        return tuple(
            name for name, size in zip(sorted(alerted), sizes, strict=True) if size < _NAMES
        )

    def _deliver(
        self, tick: _Tick, states: Mapping[str, AccountState], gone: dict[str, DeadChannel]
    ) -> tuple[tuple[str, DeadChannel], ...]:
        """Pays and sends what is owed; returns the webhooks that are gone for good."""
        broken: list[str] = []
        every = self.store.pending(broken)
        asked = [each for each in every if each.channel == TOP_UP]
        gone = self._send(tick, [each for each in every if each.channel != TOP_UP], gone)
        # What all the others have to be told does not wait for a payment.
        said: list[OutboxEntry] = []
        for each in asked:
            ended = self._pay(tick, states, each)
            said += ended or ()
            broken += [] if ended is not None else [each.notification.alert_id]
        gone = self._send(tick, said, gone)
        tick.summary.undelivered += len(broken)
        return tuple(sorted(gone.items()))

    def _send(
        self, tick: _Tick, owed: Sequence[OutboxEntry], gone: dict[str, DeadChannel]
    ) -> dict[str, DeadChannel]:
        """Sends this; returns the webhooks that are gone for good."""
        if not owed:
            return gone
        sent = self.deliver(owed, watched=tick.watched, shut=tick.shut, deadline=tick.deadline)
        tick.summary.delivered += sent.delivered
        tick.summary.undelivered += sent.undelivered
        for name, why in sent.permanent.items():
            url = tick.watched.webhooks[name.removeprefix(SLACK)]
            gone[name] = DeadChannel(digest_of(url), tick.run.tick, why)
        return {name: it for name, it in gone.items() if name not in sent.recovered}

    def _pay(
        self, tick: _Tick, states: Mapping[str, AccountState], asked: OutboxEntry
    ) -> tuple[OutboxEntry, ...] | None:
        name = asked.notification.account
        pairs = [pair for pair in tick.watched.accounts if pair[0].name == name]
        if pairs and name not in states:
            return None
        if not pairs:
            _log.warning("not paid: it is watched no more", extra={"account": name})
            return () if self.store.remove([asked]) else None
        return self.pay(
            asked,
            run=tick.run,
            state=states[name],
            account=pairs[0][0],
            spec=pairs[0][1],
            policy=tick.policy,
            context=tick.context,
            deadline=tick.deadline,
        )


def _note(account: Account, outcome: ReadResult, summary: Summary) -> None:
    if not isinstance(outcome, ReadFailure):
        summary.read += 1
        return
    summary.unreadable += 1
    facts = {
        "account": account.name,
        "provider": account.provider,
        "kind": outcome.kind.value,
        "why": outcome.message,
    }
    _log.warning("not read", extra=facts)


def _told_whole(faults: Faults) -> tuple[str, ...]:
    """The faults as they fit into an alert and an item, should there be thousands."""
    told = tuple(fault[:_FAULT] for fault in faults[:_FAULTS])
    more = len(faults) - len(told)
    return (*told, f"And {more} more.") if more else told


def contradictions(given: PolicyFile, watched: Configuration[Spec]) -> Iterator[str]:
    """Yields faults that no secret or policy has by itself.

    Nothing to watch, nobody to tell, nothing to pay with, two providers of one name.
    """
    policy = given.policy
    yield from catalogue_clashes(given.providers)
    if not watched.accounts and not watched.faults:
        yield "no secret holds an account, so nothing is watched"
    routed = dict.fromkeys(channel for route in policy.routes for channel in route.channels)
    for channel in routed:
        known = (TOPIC, *watched.webhooks)
        if watched.webhooks_known and channel.removeprefix(SLACK) not in known:
            yield f"policy routes: {channel} is routed to, but the slack secret has no such webhook"
    for rule in (rule for rule in policy.rules if rule.top_ups):
        for account, spec in watched.accounts:
            if matches(rule.match, account.facts) and (why := spec.cannot_top_up(account)):
                where = f"policy rules, {rule.name}, top_up"
                yield f"{where}: {account.name} cannot be topped up: {why}"


def still_dead(
    gone: Iterable[tuple[str, DeadChannel]], watched: Configuration[Spec]
) -> tuple[tuple[str, DeadChannel], ...]:
    """Returns the webhooks that are gone for good and have the same address, as far as is known."""
    digests = {f"{SLACK}{name}": digest_of(url) for name, url in watched.webhooks.items()}
    return tuple(
        (name, each)
        for name, each in gone
        if digests.get(name, "" if watched.webhooks_known else each.digest) == each.digest
    )


def digest_of(url: str) -> str:
    """Returns what tells an address from another and does not tell the address."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _of_gone(channel: str, gone: DeadChannel) -> str:
    return (
        f"slack webhook {channel.removeprefix(SLACK)}: {gone.why} It is gone for good: put a new"
        " address into the slack secret. Until then, what is routed to it goes elsewhere."
    )


def _routing(policy: Policy, watched: Configuration[Spec], shut: AbstractSet[str]) -> Routing:
    there = {name for name in watched.webhooks if f"{SLACK}{name}" not in shut}
    known = there if watched.webhooks_known else None
    return lambda facts: policy.channels_for(facts, known)
