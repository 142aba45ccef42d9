"""The check: claim a tick, read every account, decide, store what changed, send what is owed."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from balance_watch.delivery import Delivered
from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AccountState, decide
from balance_watch.domain.configuration import ConfigurationState, decide_configuration
from balance_watch.domain.notification import Notification, Owed, Reason, Routing
from balance_watch.domain.policy import TOPIC, Policy
from balance_watch.domain.reading import ReadFailure, Reading
from balance_watch.policy import parse_policy
from balance_watch.providers.spec import Spec
from balance_watch.secrets.accounts import Watched
from balance_watch.store.dynamodb import Run, Store, Transition
from balance_watch.validation import Faults

_log = logging.getLogger(__name__)

_FAULTS, _FAULT = 50, 300
_STORING_SHARE = 0.25
"""The part of a run's time that is kept for storing and sending."""


@dataclass
class Summary:
    """The counts of a run, in the words of its contract."""

    scheduled_time: datetime
    accounts: int = 0
    read: int = 0
    unreadable: int = 0
    fired: int = 0
    resolved: int = 0
    reminded: int = 0
    delivered: int = 0
    undelivered: int = 0
    deferred: int = 0
    skipped: bool = False

    def as_json(self) -> dict[str, Any]:
        """The result of the function."""
        return vars(self) | {"scheduled_time": f"{self.scheduled_time:%Y-%m-%dT%H:%M:%SZ}"}

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do for this tick."""
        return not (self.deferred or self.undelivered)

    def count(self, owed: Iterable[Owed]) -> None:
        """Counts notifications, each once however many channels it goes to."""
        for said in _once(owed):
            self.fired += said.reason in (Reason.FIRED, Reason.WORSENED)
            self.resolved += said.reason is Reason.RESOLVED
            self.reminded += said.reason is Reason.REMINDER


class Read(Protocol):
    """Reads accounts, the most urgent first; those that it does not come to it does not yield."""

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, Reading | ReadFailure]]:
        """Yields what each look yields."""
        ...


class Deliver(Protocol):
    """Sends what is owed to the topic and to these webhooks."""

    def __call__(
        self, owed: Sequence[Owed], *, watched: Watched[Spec], deadline: float
    ) -> Delivered:
        """Returns how many were accepted."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """The check and all it works with.

    `watched` says what the secrets say; `policy_text` returns the policy's text and notes why not;
    `on_read` hears of every account that was read, for whoever watches a long check.
    """

    store: Store
    watched: Callable[[], Watched[Spec]]
    policy_text: Callable[[Faults], str | None]
    read: Read
    deliver: Deliver
    clock: Callable[[], float] = time.monotonic
    on_read: Callable[[Account, Reading | ReadFailure, int], None] = lambda *_: None

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
        configuration, digest = run.configuration, run.policy_digest
        done = stored = False
        try:
            watched = self.watched()
            faults = Faults(watched.faults)
            policy, digest = self._policy(run, faults)
            faults += ways_to_go_blind(policy, watched)
            configuration = self._configuration(run, policy, watched, faults, summary)
            self._accounts(run, policy, watched, summary, deadline - seconds * _STORING_SHARE)
            stored = not summary.deferred
            self._deliver(watched, summary, deadline)
            done = summary.complete
        finally:
            self.store.close(
                run,
                done=done,
                stored=stored,
                configuration=configuration,
                policy_digest=digest,
            )
        return summary

    def _policy(self, run: Run, faults: Faults) -> tuple[Policy, str | None]:
        """The policy, or the last one that was in order; a digest tells whether it is kept yet."""
        text = self.policy_text(faults)
        policy = None if text is None else parse_policy(text, "policy", faults)
        if policy is not None and text is not None:
            digest = hashlib.sha256(text.encode()).hexdigest()
            is_kept = digest == run.policy_digest or self.store.keep_policy(text)
            return policy, digest if is_kept else run.policy_digest
        kept = self.store.last_good_policy()
        last_good = None if kept is None else parse_policy(kept, "the last good policy", Faults())
        used = "the built-in policy" if last_good is None else "the last policy that was in order"
        faults.append(f"Until the policy is in order, {used} is used.")
        return last_good or Policy(), run.policy_digest

    def _configuration(
        self, run: Run, policy: Policy, watched: Watched[Spec], faults: Faults, summary: Summary
    ) -> ConfigurationState:
        for fault in faults:
            _log.error("configuration: %s", fault)
        state, owed = decide_configuration(
            run.configuration,
            _told_whole(faults),
            defaults=policy.defaults,
            routing=_routing(policy, watched),
            now=run.tick,
        )
        if not owed:
            return state
        if not self.store.save_configuration(run, state, owed):
            summary.deferred += 1
            return run.configuration
        summary.count(owed)
        return state

    def _accounts(
        self, run: Run, policy: Policy, watched: Watched[Spec], summary: Summary, deadline: float
    ) -> None:
        accounts = {account.name: (account, spec) for account, spec in watched.accounts}
        states = self.store.states(list(accounts))
        summary.accounts = len(accounts)
        due = [
            (states.get(name, AccountState(name)), pair)
            for name, pair in accounts.items()
            if not _seen(states.get(name), run.tick)
        ]
        unsaved = self._restore_readings(run, states.values()) if run.unfinished else set[str]()
        # Who has waited longest comes first, so that no account is deferred for ever.
        due.sort(key=lambda each: (each[0].checked_at is not None, each[0].checked_at or run.tick))
        quiet: list[tuple[AccountState, Reading | None]] = []
        owing: list[Transition] = []
        by_name = {state.account: state for state, _ in due}
        missing = set(by_name)
        routing = _routing(policy, watched)
        looks = self.read([pair for _, pair in due], now=run.tick, deadline=deadline)
        for account, outcome in looks:
            missing.discard(account.name)
            self.on_read(account, outcome, len(due))
            _note(account, outcome, summary)
            state, owed = decide(
                by_name[account.name],
                outcome,
                account=account,
                rules=policy.rules_for(account),
                defaults=policy.defaults,
                routing=routing,
                link=accounts[account.name][1].billing,
                now=run.tick,
            )
            reading = outcome if isinstance(outcome, Reading) else None
            if owed:
                owing.append(Transition(state, reading, owed))
            else:
                quiet.append((state, reading))
        missing |= unsaved | self._save(run, quiet, owing, summary)
        summary.deferred += len(missing)
        if missing:
            _log.error("deferred to the next run", extra={"accounts": sorted(missing)})

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
            for said in _once(owed):
                facts = {"account": said.account, "rule": said.rule}
                _log.warning("alert %s", said.reason.value, extra=facts)
        return unsaved | self.store.save(quiet, run)

    def _restore_readings(self, run: Run, states: Iterable[AccountState]) -> set[str]:
        """Writes the readings that a run may have died before; returns whose it could not."""
        known = ((state, state.reading) for state in states if state.reading is not None)
        return self.store.save(known, run)

    def _deliver(self, watched: Watched[Spec], summary: Summary, deadline: float) -> None:
        broken: list[str] = []
        owed = self.store.owed(broken)
        if owed:
            delivered = self.deliver(owed, watched=watched, deadline=deadline)
            summary.delivered, summary.undelivered = delivered
        summary.undelivered += len(broken)


def _once(owed: Iterable[Owed]) -> Iterable[Notification]:
    """Each notification once, however many channels it is owed to."""
    return {each.notification.alert_id: each.notification for each in owed}.values()


def _seen(state: AccountState | None, tick: datetime) -> bool:
    """Whether this tick is in the state already."""
    return state is not None and state.checked_at == tick


def _note(account: Account, outcome: Reading | ReadFailure, summary: Summary) -> None:
    if isinstance(outcome, Reading):
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


def ways_to_go_blind(policy: Policy, watched: Watched[Spec]) -> Iterator[str]:
    """Yields faults that no secret or policy has by itself: nothing to watch, nobody to tell."""
    if not watched.accounts and not watched.faults:
        yield "no secret holds an account, so nothing is watched"
    routed = dict.fromkeys(channel for route in policy.routes for channel in route.channels)
    for channel in routed:
        known = (TOPIC, *watched.webhooks)
        if watched.webhooks_known and channel.removeprefix("slack:") not in known:
            yield f"policy routes: {channel} is routed to, but the slack secret has no such webhook"


def _routing(policy: Policy, watched: Watched[Spec]) -> Routing:
    known = set(watched.webhooks) if watched.webhooks_known else None
    return lambda facts: policy.channels_for(facts, known)
