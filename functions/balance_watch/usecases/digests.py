"""The digest: tells once for each time of the policy how all accounts stand, through the outbox."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.loading import Configuration
from balance_watch.domain.batches import DigestSpan
from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.digest import LINES, Digest
from balance_watch.domain.digest_building import (
    Standings,
    digest_notification,
    digest_of,
    looks_back,
    topped_up_since,
)
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.outbox import OutboxEntry, entries_for
from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.policy import Policy, destinations
from balance_watch.domain.run import Run
from balance_watch.domain.state import AccountState, TopUpSeen
from balance_watch.notifiers.channels import takes_digests
from balance_watch.store.accounts import Accounts
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.account_checks import CheckedAccounts
from balance_watch.usecases.outbox_step import Tick

_log = logging.getLogger(__name__)


class DigestDecision(NamedTuple):
    """Which digests are told from now on, and the entries of one that is due.

    `mark` is None if the policy has no digest.
    """

    mark: DigestMark | None = None
    entries: tuple[OutboxEntry, ...] = ()


def decide_digest(tick: Tick, build: Callable[[datetime, datetime], Digest]) -> DigestDecision:
    """Decides whether a digest is due, and what it tells. It only reads the table.

    An error in it stops no alert: the next run tries again.

    Args:
        tick: what is the same throughout the run.
        build: returns the digest for a time of the policy, since another time.
    """
    mark, span = due_digest(tick.configuration.policy, tick.run)
    if mark is None or span is None:
        return DigestDecision(mark)
    try:
        notification = digest_notification(build(*span))
    except Exception as error:  # noqa: BLE001 (an error in the digest must not stop the alerts)
        _log.error("no digest: the next run tries again", extra={"why": type(error).__name__})
        return DigestDecision(mark)
    now = tick.run.tick
    return DigestDecision(
        DigestMark(now, now), entries_for(notification, digest_channels(tick.configuration))
    )


def due_digest(policy: Policy, run: Run) -> tuple[DigestMark | None, DigestSpan | None]:
    """Returns which digests are told, and the span of one that is due, if one is.

    The mark is None if the policy has no digest.
    """
    plan, mark, now = policy.digest, run.record.digest, run.tick
    if plan is None:
        return None, None
    if mark is None:
        return DigestMark(now), None  # The very first run has nothing to tell of.
    if mark.until > now:
        # A tick of the future was removed from the table: what is told is what was told before it.
        told_at = mark.told_at if mark.told_at is not None and mark.told_at <= now else None
        mark = DigestMark(told_at or now, told_at)
    at = plan.due(mark, now)
    if at is None:
        return mark._replace(until=now), None
    return mark, DigestSpan(at, looks_back(mark.told_at or plan.before(at), now))


def digest_of_accounts(
    accounts: Iterable[WatchedAccount],
    states: Mapping[str, AccountState],
    at: datetime,
    since: datetime,
    now: datetime,
    history: Accounts,
    *,
    until: Callable[[], bool],
    outages: Mapping[str, Alert] = MappingProxyType({}),
    configuration: Alert | None = None,
) -> Digest:
    """Returns the digest of accounts.

    Args:
        accounts: the accounts, with their providers.
        states: what is remembered of each, after the check.
        at: the time of the policy.
        since: from when on it tells.
        now: the tick.
        history: the readings of the accounts, for what was topped up.
        until: tells whether there is no time left to look up another top-up.
        outages: the alerts of outages, by name.
        configuration: the alert about the configuration.
    """
    quotas = set()
    for account, spec in accounts:
        reading = states[account.name].reading
        renews = None if reading is None else reading.renews
        if spec.traits.renews if renews is None else renews:
            quotas.add(account.name)
    standings = Standings(tuple(states.values()), quotas, outages, configuration)
    names = topped_up_since(standings.states, since)[:LINES]
    top_ups = _top_ups(names, since, now, history, until)
    return digest_of(standings, at, since, now, top_ups)


def digest_of_tick(
    tick: Tick,
    checked: CheckedAccounts,
    configured: ConfigurationState,
    history: Accounts,
    clock: Callable[[], float],
) -> Callable[[datetime, datetime], Digest]:
    """Returns what `decide_digest` builds a digest by, where one run has checked all accounts.

    Args:
        tick: what is the same throughout the run.
        checked: the states of the accounts after the check, and the alerts of outages.
        configured: the state of the configuration's alert.
        history: the readings of the accounts, for what was topped up.
        clock: a monotonic clock, in seconds.
    """

    def build(at: datetime, since: datetime) -> Digest:
        return digest_of_accounts(
            tick.configuration.accounts,
            checked.states,
            at,
            since,
            tick.run.tick,
            history,
            until=lambda: clock() >= tick.deadline,
            outages=checked.outages,
            configuration=configured.alert,
        )

    return build


def stored_digest(
    store: Store, tick: Tick, mark: DigestMark | None, entries: Sequence[OutboxEntry]
) -> tuple[DigestMark | None, bool]:
    """Stores a digest with its mark; returns the mark in the table, and whether that is known."""
    if mark is None or not entries or store.save_digest(tick.run, mark, entries):
        return mark, True
    tick.summary.deferred += 1
    return tick.run.record.digest, False


def digest_channels(configuration: Configuration) -> tuple[str, ...]:
    """Returns the channels that digests go to; there is always one.

    A channel that refuses everything is among them: it gets the latest digest once it accepts.
    """
    takes = partial(takes_digests, kinds=configuration.kinds)
    routed = tuple(filter(takes, configuration.policy.digest_route))
    available = configuration.without()
    return destinations(
        routed,
        available._replace(
            names=frozenset(filter(takes, available.names)),
            defaults=tuple(filter(takes, available.defaults)),
        ),
    )


def _top_ups(
    names: Sequence[str],
    since: datetime,
    now: datetime,
    accounts: Accounts,
    until: Callable[[], bool],
) -> dict[str, list[TopUpSeen]]:
    """Returns the top-ups of these accounts, as their readings show them, while there is time.

    Those in another unit than the latest reading are left out: the digest tells one amount.
    """
    found = {}
    for name in names:
        if until():
            break
        readings = accounts.history(name, since, now)
        units = {it.observed_at: it.currency.casefold() for it in readings}
        unit = readings[-1].currency.casefold() if readings else ""
        found[name] = [it for it in past_top_ups(readings) if units[it.at] == unit]
    return found
