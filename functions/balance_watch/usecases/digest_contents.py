"""What a digest tells: how all accounts stand, and what became of them since the one before."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from balance_watch.config.accounts import WatchedAccount
from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.digest import LINES, Digest
from balance_watch.domain.digest_building import Standings, digest_of, topped_up_since
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.state import AccountState, TopUpSeen
from balance_watch.store.accounts import Accounts
from balance_watch.usecases.account_checks import CheckedAccounts
from balance_watch.usecases.outbox_step import Tick


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
    at: datetime,
    since: datetime,
    tick: Tick,
    checked: CheckedAccounts,
    configured: ConfigurationState,
    history: Accounts,
    clock: Callable[[], float],
) -> Digest:
    """Returns the digest of a tick at which one run has checked all accounts.

    Args:
        at: the time of the policy.
        since: from when on it tells.
        tick: what is the same throughout the run.
        checked: the states of the accounts after the check, and the alerts of outages.
        configured: the state of the configuration's alert.
        history: the readings of the accounts, for what was topped up.
        clock: a monotonic clock, in seconds.
    """
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
