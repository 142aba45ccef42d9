"""Tries a policy on the stored history: what it would have said, beside the policy in force.

Both policies are replayed from the same readings. What was said in fact is no measure: silences,
failed reads, payments and another policy at that time had their part in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple

from balance_watch.config.loading import Configuration
from balance_watch.domain.alerts import AlertContext, decide
from balance_watch.domain.event import Event, events_of
from balance_watch.domain.reading import Reading
from balance_watch.domain.silences import suppression
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store

_WARM_UP = timedelta(days=8)
"""Readings before the days that are shown: the pace of spending, and what fires already."""


class TriedEvent(NamedTuple):
    """An event as the policy in force says it, and as the policy that is tried says it.

    None: that policy does not say it.
    """

    in_force: Event | None
    tried: Event | None

    @property
    def event(self) -> Event:
        """Returns what is said, preferably by the policy that is tried."""
        (event, *_) = (it for it in (self.tried, self.in_force) if it is not None)
        return event

    @property
    def differs(self) -> bool:
        """Tells whether only one policy says it, or they differ in severity or channels."""
        before, after = self.in_force, self.tried
        if before is None or after is None:
            return True
        severities = (before.notification.severity, after.notification.severity)
        return severities[0] is not severities[1] or before.channels != after.channels


class Trial(NamedTuple):
    """What two policies say of the readings between two times.

    `readings` of so many `accounts` were replayed; the rest of them had no room.
    """

    since: datetime
    until: datetime
    events: list[TriedEvent]
    readings: int
    accounts: int


def try_policy(
    store: Store,
    in_force: Configuration,
    tried: Configuration,
    days: int,
    now: datetime,
    most_readings: float = inf,
) -> Trial:
    """Replays the last days of every account through two policies.

    Args:
        store: the table.
        in_force: the configuration with the policy in force.
        tried: the configuration with the policy to try.
        days: how many days before the latest reading.
        now: the time, for an account without any reading.
        most_readings: no further account is replayed after so many readings.
    """
    names = _names(in_force, tried)
    states = store.accounts.states(names)
    read_at = [it.reading.observed_at for it in states.values() if it.reading is not None]
    until = max(read_at, default=now)
    since = until - timedelta(days=days)
    events: list[TriedEvent] = []
    count = replayed = tried_accounts = 0
    for name in names:
        if replayed >= most_readings:
            break
        readings = store.accounts.history(name, since - _WARM_UP, until)
        count += sum(reading.observed_at >= since for reading in readings)
        replayed, tried_accounts = replayed + len(readings), tried_accounts + 1
        said, would_be = (replay(name, it, readings, since) for it in (in_force, tried))
        events += compared(said, would_be)
    events.sort(key=lambda it: (it.event.notification.said_at, it.event.notification.account))
    return Trial(since, until, events, count, tried_accounts)


def _names(*configurations: Configuration) -> list[str]:
    """Returns the name of each account: a policy's own provider may give it one more."""
    accounts = (account.name for it in configurations for account, _ in it.accounts)
    return list(dict.fromkeys(accounts))


def replay(
    name: str, configuration: Configuration, readings: Sequence[Reading], since: datetime
) -> tuple[Event, ...]:
    """Returns what the policy of a configuration says of an account's readings, without a silence.

    Args:
        name: the account; nothing is said of one that the configuration lacks.
        configuration: the policy, the account, and the channels.
        readings: those of the account.
        since: from when on events are returned.
    """
    policy, channels = configuration.policy, configuration.without()
    found = next(((it, spec) for it, spec in configuration.accounts if it.name == name), None)
    if found is None:
        return ()
    account, spec = found

    def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
        return policy.channels_for(facts, channels)

    state = AccountState(name)
    events: list[Event] = []
    for reading in readings:
        now = reading.observed_at
        state, announced = decide(
            state,
            reading,
            account=account,
            rules=policy.rules_for(account),
            context=AlertContext(policy.defaults, routing, suppression((), policy.mute_times, now)),
            traits=spec.traits,
            now=now,
        )
        events += events_of(announced) if now >= since else ()
    return tuple(events)


def compared(said: Iterable[Event], would_be: Iterable[Event]) -> list[TriedEvent]:
    """Returns all events, each once: the same rule, reason and time are the same event."""
    before = {_identity(event): event for event in said}
    after = {_identity(event): event for event in would_be}
    return [TriedEvent(before.get(it), after.get(it)) for it in dict.fromkeys((*before, *after))]


def _identity(event: Event) -> tuple[str, str, str, str, datetime]:
    it = event.notification
    return it.account, it.metric.value, it.rule, it.reason.value, it.said_at
