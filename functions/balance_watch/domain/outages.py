"""Outages: accounts that fail for one cause are one alert, and not one for each of them.

If no account of a provider and host can be read in a run, those that fail in the same way are one
outage; if no account at all can be read, all of them are. An outage is known by its provider and
host alone, so it lasts while the way in which the accounts fail changes. While it lasts, the
accounts' own alerts that they cannot be read are suppressed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.acknowledgement import covering, with_acknowledgement
from balance_watch.domain.alerts import AlertContext, mentions_of
from balance_watch.domain.lifecycle import Alert, Firing, advance, mark_notified
from balance_watch.domain.notification import Notification, Reason, Routing, alert_id
from balance_watch.domain.outbox import OutboxEntry, entries_for
from balance_watch.domain.policy import OUTAGE, UNREADABLE
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Metric
from balance_watch.domain.state import AccountState

EVERY_ACCOUNT = "every account"
"""The outage in which no account can be read."""

PROVIDER = "balance-watch"
"""The provider of an outage of every account, where others have the slug of theirs."""

_LEAST = 3
"""So many accounts that fail for one cause are an outage."""

_SHOWN = 30
"""How many accounts of an outage people are shown."""

_MOST = 100
"""How many outages a run remembers: about 60 KB of an item's 400 KB."""

_NAMED = 100
"""How many accounts of an outage a notification names: so many fit into a message of every channel,
whatever their names. Its value is how many there are."""


def place_of(account: Account, host: str) -> str:
    """Returns the name of an outage of the provider and host of an account."""
    return f"{account.provider} at {host}"


class Attempt(Struct, frozen=True):
    """How the read of one account ended in this run; `failure` is None if it yielded something."""

    account: Account
    host: str
    failure: FailureKind | None

    @property
    def place(self) -> str:
        """Returns the name of an outage of its provider and host."""
        return place_of(self.account, self.host)


def outages_of(
    attempts: Iterable[Attempt], lasting: AbstractSet[str] = frozenset()
) -> dict[str, tuple[Account, ...]]:
    """Returns the accounts of each outage, by its name: a place, or EVERY_ACCOUNT.

    An outage of every account takes the place of all others. One that lasts, by its name, is over
    once half of its accounts can be read: a provider recovers by and by.
    """
    attempts = tuple(attempts)
    failed = [it for it in attempts if it.failure is not None]
    readable = Counter(it.place for it in attempts if it.failure is None)
    return outages_among(failed, readable, lasting)


def outages_among(
    failed: Sequence[Attempt], readable: Mapping[str, int], lasting: AbstractSet[str] = frozenset()
) -> dict[str, tuple[Account, ...]]:
    """Returns the accounts of each outage, as `outages_of` does.

    Args:
        failed: the attempts that failed.
        readable: how many accounts of each place could be read.
        lasting: the outages that fire, by name.
    """
    tried = len(failed) + sum(readable.values())
    if _is_outage(len(failed), tried, lasts=EVERY_ACCOUNT in lasting):
        return {EVERY_ACCOUNT: tuple(it.account for it in failed)}
    places: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in failed:
        places[attempt.place].append(attempt)
    outages = {}
    for place, there in places.items():
        them = members_of(there, readable.get(place, 0), lasts=place in lasting)
        if them:
            outages[place] = tuple(it.account for it in them)
    return outages


def members_of(failed: Sequence[Attempt], readable: int, *, lasts: bool = False) -> list[Attempt]:
    """Returns those of the failed attempts at one place that are an outage; none if none is.

    Args:
        failed: the attempts that failed.
        readable: how many accounts of the place could be read.
        lasts: its outage fires already.
    """
    kinds = Counter(it.failure for it in failed)
    them = [it for it in failed if kinds[it.failure] >= _LEAST or (lasts and not _lasts(it))]
    return them if _is_outage(len(them), len(them) + readable, lasts=lasts) else []


def within_bounds(
    outages: Mapping[str, tuple[Account, ...]], known: AbstractSet[str]
) -> dict[str, tuple[Account, ...]]:
    """Returns the outages that a run remembers: that of every account, the known ones, the largest.

    The accounts of the others are announced one by one, so that nothing goes unsaid.

    Args:
        outages: the accounts of each outage of this run, by name.
        known: the names of the outages that the run before remembered.
    """
    new = sorted(outages.keys() - known, key=lambda name: (-len(outages[name]), name))
    kept = known | {EVERY_ACCOUNT, *new[: max(0, _MOST - len(known))]}
    return {name: accounts for name, accounts in outages.items() if name in kept}


def _is_outage(failed: int, tried: int, *, lasts: bool) -> bool:
    """Tells whether so many accounts that fail, of all that were tried, are an outage."""
    if lasts:
        return 2 * failed > tried
    return failed >= _LEAST and failed == tried


def _lasts(attempt: Attempt) -> bool:
    """Tells whether an account fails for a cause of its own, such as a rejected key."""
    return attempt.failure is not None and attempt.failure.lasts


def held_back(
    attempts: Sequence[Attempt],
    outages: Mapping[str, Sequence[Account]],
    over: AbstractSet[str],
) -> Iterator[Account]:
    """Yields the accounts whose own alerts an outage stands for.

    What still fails of an outage that is over is announced from the next run on: most of it reads
    by then. Used-up credit is no part of an outage of other failures, so it is announced at once.

    Args:
        attempts: how the read of each account ended in this tick.
        outages: the accounts of each outage, by name: what `outages_of` returns for the attempts.
        over: the names of the outages that are over.
    """
    failures = {it.account.name: it.failure for it in attempts}
    for members in outages.values():
        kinds = {failures[account.name] for account in members}
        for account in members:
            if len(kinds) == 1 or failures[account.name] is not FailureKind.OUT_OF_CREDIT:
                yield account
    for attempt in attempts:
        if attempt.failure in (None, FailureKind.OUT_OF_CREDIT):
            continue
        if attempt.place in over or EVERY_ACCOUNT in over:
            yield attempt.account


def unknown(
    before: AbstractSet[str],
    places: AbstractSet[str],
    tried: AbstractSet[str],
    outages: AbstractSet[str],
) -> AbstractSet[str]:
    """Returns the outages that this tick tells nothing of, so they stay as they are.

    These are the outages of which no account was tried, and the others while every account fails.

    Args:
        before: the names of the outages until now.
        places: the places of all accounts that are watched.
        tried: those of the accounts that were tried in this tick.
        outages: the names of the outages of this tick.
    """
    if EVERY_ACCOUNT in outages:
        return before - {EVERY_ACCOUNT}
    if not tried:
        return before if places else frozenset()
    return (before & places) - tried


def stands_for(outage: str, account: Account) -> bool:
    """Tells whether an outage, by its name, may be one of this account."""
    return outage == EVERY_ACCOUNT or outage.startswith(f"{account.provider} at ")


def suppressing(context: AlertContext, accounts: Iterable[Account]) -> AlertContext:
    """Returns the context in which it is not announced that one of these accounts is unreadable."""
    names, is_suppressed = {account.name for account in accounts}, context.is_suppressed

    def suppressed_too(facts: Mapping[str, str], /, *, ended: bool = False) -> bool:
        of_outage = facts["metric"] == Metric.UNREADABLE and facts["account"] in names
        return of_outage or is_suppressed(facts, ended=ended)

    return replace(context, is_suppressed=suppressed_too)


def decide_outages(
    before: Mapping[str, Alert],
    outages: Mapping[str, tuple[Account, ...]],
    states: Mapping[str, AccountState],
    *,
    same: AbstractSet[str] = frozenset(),
    context: AlertContext,
    now: datetime,
) -> tuple[dict[str, Alert], tuple[OutboxEntry, ...]]:
    """Decides what the outages of this run change and announce.

    An outage fires as soon as the alert of one of its accounts does, and as gravely.

    Args:
        before: the alerts of outages until now, by name.
        outages: the accounts of each outage of this run, by name.
        states: the states of the accounts after this run.
        same: the names of those that this run tells nothing of: they stay as they are.
        context: timing, routing and suppression of the accounts' own alerts.
        now: the tick.
    """
    alerts = {name: alert for name, alert in before.items() if name in same}
    entries: list[OutboxEntry] = []
    for name in sorted({*before, *outages} - same):
        accounts = outages.get(name, ())
        firing = _firing(accounts, states)
        defaults, known = context.defaults, context.acknowledgements
        if covering(known, name, Metric.OUTAGE, before.get(name)):
            defaults = replace(defaults, reminder=None)
        alert, reason = advance(before.get(name), firing, defaults, now)
        heard = [it for it in accounts if not context.is_suppressed(_facts(it, alert))]
        if context.is_suppressed(_own_facts(name, alert)):
            heard = []
        if alert is not None and reason is not None and (heard or reason is Reason.RESOLVED):
            notification = _notification(name, alert, reason, heard, now)
            if reason is not Reason.RESOLVED:
                notification = _naming(notification, heard, states)
            notification = with_acknowledgement(notification, known, alert)
            facts = [_facts(it, alert) for it in heard]
            channels = (channel for it in facts for channel in context.routing(it))
            routed = tuple(dict.fromkeys(channels))
            alert, to = mark_notified(alert, notification, _always(routed))
            entries += entries_for(notification, to, mentions_of(facts, context))
        if alert is not None:
            alerts[name] = alert
    return alerts, tuple(entries)


def _always(channels: tuple[str, ...]) -> Routing:
    return lambda _: channels


def _firing(accounts: Iterable[Account], states: Mapping[str, AccountState]) -> Firing | None:
    of_accounts = (states[it.name].alerts.get(Metric.UNREADABLE) for it in accounts)
    firing = [alert for alert in of_accounts if alert is not None and alert.firing]
    if not firing:
        return None
    gravest = min((alert.severity for alert in firing), key=lambda severity: severity.rank)
    return Firing(OUTAGE, gravest, min(alert.since for alert in firing))


def _facts(account: Account, alert: Alert | None) -> dict[str, str]:
    """Returns the facts of an account's own alert, which the outage's stands for."""
    severity = {} if alert is None else {"severity": alert.severity.value}
    return {
        **account.facts,
        "metric": Metric.UNREADABLE.value,
        "rule": UNREADABLE,
        **severity,
    }


def _own_facts(name: str, alert: Alert | None) -> dict[str, str]:
    """Returns the facts of the alert of an outage, which a silence may name as its metric."""
    severity = {} if alert is None else {"severity": alert.severity.value}
    return {"account": name, "metric": Metric.OUTAGE.value, "rule": OUTAGE, **severity}


def _notification(
    name: str, alert: Alert, reason: Reason, accounts: list[Account], now: datetime
) -> Notification:
    providers = {account.provider for account in accounts}
    severity = alert.notified or alert.severity if reason is Reason.RESOLVED else alert.severity
    return Notification(
        alert_id=alert_id(name, Metric.OUTAGE, reason, now),
        account=name,
        provider=providers.pop() if len(providers) == 1 else PROVIDER,
        rule=OUTAGE,
        metric=Metric.OUTAGE,
        severity=severity,
        reason=reason,
        since=alert.since,
        said_at=now,
        ended_at=alert.ended_at,
    )


def _naming(
    notification: Notification, accounts: list[Account], states: Mapping[str, AccountState]
) -> Notification:
    """Returns the notification with the number, the names and the failures of its accounts."""
    names = tuple(sorted(account.name for account in accounts))
    detail = _listed(names, states)
    return replace(notification, value=str(len(names)), accounts=names[:_NAMED], detail=detail)


def _listed(names: Sequence[str], states: Mapping[str, AccountState]) -> str:
    """Returns the accounts by how they fail, such as `Timed out: a, b. Key rejected: c.`."""
    listed: dict[str, list[str]] = defaultdict(list)
    for name in names:
        failure = states[name].failure
        listed["Unreadable" if failure is None else failure.kind.words].append(name)
    return " ".join(
        f"{words}: {', '.join(them[:_SHOWN])}"
        f"{f' and {len(them) - _SHOWN} more' if them[_SHOWN:] else ''}."
        for words, them in listed.items()
    )
