"""Tries a policy on the stored history: what it would have said, beside what was said."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple

from balance_watch.config.loading import Configuration
from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
from balance_watch.domain.event import OF_SEVERAL, Event, events_of
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric
from balance_watch.domain.silences import suppression
from balance_watch.domain.state import AccountState
from balance_watch.store.dynamodb import Store

_WARM_UP = timedelta(days=8)
"""Readings before the days that are shown: the pace of spending, and what fires already."""

_NOT_IN_READINGS = OF_SEVERAL | {Metric.UNREADABLE, Metric.TOP_UP}
"""The metrics of alerts that no reading tells of: the history has no failed reads or payments."""


class TriedEvent(NamedTuple):
    """An event, whether it was said, and whether it would be by the policy that is tried."""

    event: Event
    was_said: bool
    would_be_said: bool


class Trial(NamedTuple):
    """What a policy would have said between two times.

    `readings` of so many `accounts` were replayed; the rest of them had no room.
    """

    since: datetime
    until: datetime
    events: list[TriedEvent]
    readings: int
    accounts: int


def try_policy(
    store: Store,
    configuration: Configuration,
    days: int,
    now: datetime,
    most_readings: float = inf,
) -> Trial:
    """Replays the last days of every account through the policy of a configuration.

    Args:
        store: the table.
        configuration: with the policy to try.
        days: how many days before the latest reading.
        now: the time, for an account without any reading.
        most_readings: no further account is replayed after so many readings.
    """
    accounts = configuration.accounts
    states = store.accounts.states([account.name for account, _ in accounts])
    read_at = [it.reading.observed_at for it in states.values() if it.reading is not None]
    until = max(read_at, default=now)
    since = until - timedelta(days=days)
    tried: list[TriedEvent] = []
    count = replayed = tried_accounts = 0
    for account, spec in accounts:
        if replayed >= most_readings:
            break
        readings = store.accounts.history(account.name, since - _WARM_UP, until)
        count += sum(reading.observed_at >= since for reading in readings)
        replayed, tried_accounts = replayed + len(readings), tried_accounts + 1
        said = [
            event
            for event in store.events.of(account.name, since, until)
            if event.notification.metric not in _NOT_IN_READINGS
        ]
        tried += compared(said, replay(account, spec.traits, configuration, readings, since))
    tried.sort(key=lambda it: (it.event.notification.said_at, it.event.notification.account))
    return Trial(since, until, tried, count, tried_accounts)


def replay(
    account: Account,
    traits: ProviderTraits,
    configuration: Configuration,
    readings: Sequence[Reading],
    since: datetime,
) -> tuple[Event, ...]:
    """Returns what a policy says of these readings, from a time on; without any silence."""
    policy, channels = configuration.policy, configuration.without()

    def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
        return policy.channels_for(facts, channels)

    state = AccountState(account.name)
    events: list[Event] = []
    for reading in readings:
        now = reading.observed_at
        is_suppressed = suppression((), policy.mute_times, now)
        state, announced = decide(
            state,
            reading,
            account=account,
            rules=policy.rules_for(account),
            context=AlertContext(policy.defaults, routing, is_suppressed),
            traits=traits,
            now=now,
        )
        events += events_of(announced) if now >= since else ()
    return tuple(events)


def compared(said: Iterable[Event], would_be: Iterable[Event]) -> list[TriedEvent]:
    """Returns all events, each once: the same rule, reason and time are the same event."""
    before = {_identity(event): event for event in said}
    after = {_identity(event): event for event in would_be}
    return [
        TriedEvent(after.get(it) or before[it], it in before, it in after)
        for it in dict.fromkeys((*before, *after))
    ]


def _identity(event: Event) -> tuple[str, str, str, str, datetime]:
    it = event.notification
    return it.account, it.metric.value, it.rule, it.reason.value, it.said_at
