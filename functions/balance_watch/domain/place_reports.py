"""How the reads at each place ended, as a worker reports it: outages are decided on all reports."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import NamedTuple

from balance_watch.domain.account import Account
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.outages import EVERY_ACCOUNT, Attempt, members_of, place_of
from balance_watch.domain.policy import UNREADABLE
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState

_SUSPECTED_FOR = timedelta(hours=1)
"""While a batch can never be done, nobody judges the reports: its place must not stay quiet."""


class FailedAccount(NamedTuple):
    """An account that could not be read, and the alert about that, if it fires."""

    name: str
    kind: FailureKind
    severity: Severity | None = None
    since: datetime | None = None


class PlaceReport(NamedTuple):
    """How the reads at one place ended: how many yielded something, and those that failed.

    A place none of whose accounts was tried has a report, too.
    """

    provider: str
    host: str
    read: int = 0
    failed: tuple[FailedAccount, ...] = ()


class PartView(NamedTuple):
    """What a worker knows of outages beyond its batch.

    Attributes:
        shared: the places that have accounts in other batches too.
        suspects: the shared places of which it could read no account before, and since which tick.
        judged_at: the latest tick whose outages were decided on the reports of all batches.
        lasting: the outages that fire, or that the latest such tick found, by name.
    """

    shared: AbstractSet[str]
    suspects: Mapping[str, datetime]
    judged_at: datetime | None
    lasting: AbstractSet[str]

    def is_refuted(self, place: str) -> bool:
        """Tells whether all batches together have shown that there is no outage at a place.

        An outage may begin in the middle of a tick, so only a tick that began after this batch
        failed can show it.
        """
        since = self.suspects.get(place)
        return since is not None and self.judged_at is not None and since < self.judged_at


def held_back_in_part(
    attempts: Iterable[Attempt], view: PartView, now: datetime
) -> tuple[list[Account], dict[str, datetime]]:
    """Returns the accounts whose own alerts may be those of an outage, and the suspected places.

    Whether there is an outage is decided on the reports of all batches. Until then, no account of a
    place announces on its own that it cannot be read if none of this batch can be.

    Args:
        attempts: how the read of each account of the batch ended in this tick.
        view: what the worker knows of outages beyond its batch.
        now: the tick.
    """
    by_place: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_place.setdefault(attempt.place, []).append(attempt)
    held: list[Account] = []
    suspects: dict[str, datetime] = {}
    for place, there in by_place.items():
        failed = [it for it in there if it.failure is not None]
        if not failed:
            continue
        if {place, EVERY_ACCOUNT} & view.lasting:
            members = failed
        elif place not in view.shared:
            members = members_of(failed, len(there) - len(failed))
        else:
            members = failed if len(failed) == len(there) else []
            if members:
                suspects[place] = view.suspects.get(place, now)
            if view.is_refuted(place) or now - suspects.get(place, now) > _SUSPECTED_FOR:
                members = []
        kinds = {it.failure for it in members}
        held += (
            it.account
            for it in members
            if len(kinds) == 1 or it.failure is not FailureKind.OUT_OF_CREDIT
        )
    return held, suspects


def reports_of(
    accounts: Iterable[tuple[Account, str]],
    attempts: Iterable[Attempt],
    states: Mapping[str, AccountState],
) -> dict[str, PlaceReport]:
    """Returns the report of each place.

    Args:
        accounts: every account of the batch, with its host.
        attempts: how the read of each that was tried ended.
        states: the states of the accounts after this tick, by name.
    """
    reports = {
        place_of(account, host): PlaceReport(account.provider, host) for account, host in accounts
    }
    failed: dict[str, list[FailedAccount]] = {}
    for attempt in attempts:
        report = reports[attempt.place]
        if attempt.failure is None:
            reports[attempt.place] = report._replace(read=report.read + 1)
            continue
        name = attempt.account.name
        alert = states[name].alerts.get(Metric.UNREADABLE)
        fires = alert is not None and alert.firing
        failed.setdefault(attempt.place, []).append(
            FailedAccount(
                name,
                attempt.failure,
                alert.severity if fires and alert else None,
                alert.since if fires and alert else None,
            )
        )
    for place, them in failed.items():
        reports[place] = reports[place]._replace(failed=tuple(them))
    return reports


def merged(parts: Iterable[Mapping[str, PlaceReport]]) -> dict[str, PlaceReport]:
    """Returns the reports of all batches as one for each place."""
    found: dict[str, PlaceReport] = {}
    failed: dict[str, list[FailedAccount]] = {}
    for part in parts:
        for place, report in part.items():
            before = found.get(place)
            read = report.read + (before.read if before else 0)
            found[place] = report._replace(read=read, failed=())
            failed.setdefault(place, []).extend(report.failed)
    return {place: report._replace(failed=tuple(failed[place])) for place, report in found.items()}


def attempts_of(
    reports: Mapping[str, PlaceReport], accounts: Mapping[str, Account]
) -> list[Attempt]:
    """Returns the failed attempts of reports.

    Args:
        reports: the reports, by place.
        accounts: what is known of the accounts, by name.
    """
    return [
        Attempt(accounts.get(it.name) or Account(it.name, report.provider), report.host, it.kind)
        for report in reports.values()
        for it in report.failed
    ]


def state_of(failed: FailedAccount) -> AccountState:
    """Returns what an outage tells of an account that failed: why, and the alert about it."""
    alerts = {}
    if failed.severity is not None and failed.since is not None:
        alerts[Metric.UNREADABLE] = Alert(UNREADABLE, failed.severity, failed.since)
    return AccountState(failed.name, failure=ReadFailure(failed.kind, ""), alerts=alerts)
