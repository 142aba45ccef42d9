"""The digest: tells once for each time of the policy how all accounts stand, through the outbox."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from balance_watch.config.loading import Configuration
from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.digest import LINES
from balance_watch.domain.digest_building import (
    Standings,
    digest_notification,
    digest_of,
    looks_back,
    topped_up_since,
)
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.outbox import OutboxEntry, entries_for
from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.policy import destinations
from balance_watch.domain.state import TopUpSeen
from balance_watch.notifiers.channels import takes_digests
from balance_watch.store.accounts import Accounts
from balance_watch.usecases.account_checks import CheckedAccounts
from balance_watch.usecases.outbox_step import Tick

_log = logging.getLogger(__name__)


class DigestDecision(NamedTuple):
    """Which digests are told from now on, and the entries of one that is due.

    `mark` is None if the policy has no digest.
    """

    mark: DigestMark | None = None
    entries: tuple[OutboxEntry, ...] = ()


def decide_digest(
    tick: Tick,
    checked: CheckedAccounts,
    configured: ConfigurationState,
    accounts: Accounts,
    clock: Callable[[], float],
) -> DigestDecision:
    """Decides whether a digest is due, and what it tells. It only reads the table.

    An error in it stops no alert: the next run tries again.

    Args:
        tick: what is the same throughout the run.
        checked: the states of the accounts after the check, and the alerts of outages.
        configured: the state of the configuration's alert.
        accounts: the readings of the accounts, for what was topped up.
        clock: a monotonic clock, in seconds.
    """
    plan, mark, now = tick.configuration.policy.digest, tick.run.record.digest, tick.run.tick
    if plan is None:
        return DigestDecision()
    if mark is None:
        return DigestDecision(DigestMark(now))  # The very first run has nothing to tell of.
    if mark.until > now:
        # A tick of the future was removed from the table: what is told is what was told before it.
        told_at = mark.told_at if mark.told_at is not None and mark.told_at <= now else None
        mark = DigestMark(told_at or now, told_at)
    at = plan.due(mark, now)
    if at is None:
        return DigestDecision(mark._replace(until=now))
    try:
        since = looks_back(mark.told_at or plan.before(at), now)
        standings = _standings(tick, checked, configured)
        names = topped_up_since(standings.states, since)[:LINES]
        top_ups = _top_ups(names, since, tick, accounts, clock)
        notification = digest_notification(digest_of(standings, at, since, now, top_ups))
    except Exception as error:  # noqa: BLE001 (an error in the digest must not stop the alerts)
        _log.error("no digest: the next run tries again", extra={"why": type(error).__name__})
        return DigestDecision(mark)
    return DigestDecision(
        DigestMark(now, now), entries_for(notification, digest_channels(tick.configuration))
    )


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


def _standings(tick: Tick, checked: CheckedAccounts, configured: ConfigurationState) -> Standings:
    quotas = set()
    for account, spec in tick.configuration.accounts:
        reading = checked.states[account.name].reading
        renews = None if reading is None else reading.renews
        if spec.traits.renews if renews is None else renews:
            quotas.add(account.name)
    return Standings(tuple(checked.states.values()), quotas, checked.outages, configured.alert)


def _top_ups(
    names: Sequence[str],
    since: datetime,
    tick: Tick,
    accounts: Accounts,
    clock: Callable[[], float],
) -> dict[str, list[TopUpSeen]]:
    """Returns the top-ups of these accounts, as their readings show them, while there is time.

    Those in another unit than the latest reading are left out: the digest tells one amount.
    """
    found = {}
    for name in names:
        if clock() >= tick.deadline:
            break
        readings = accounts.history(name, since, tick.run.tick)
        units = {it.observed_at: it.currency.casefold() for it in readings}
        unit = readings[-1].currency.casefold() if readings else ""
        found[name] = [it for it in past_top_ups(readings) if units[it.at] == unit]
    return found
