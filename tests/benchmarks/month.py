"""A simulated month with nothing configured but names and keys: who is told of, and when.

    python -m tests.benchmarks.month [FOLDER ...] [--only TEXT] [--every MINUTES] [--markdown]

Every trace of the folders, four of the forecast's bench and some kinds of this one's own are lived
by accounts that are read every five minutes: three that run dry in the first week, in the middle
and near the end of the month, and two that never come close. Exits with 1 if a goal is missed: no
account that runs dry is missed, and none that never comes close is told of. What is counted is
defined in month_goals.py.
"""

import argparse
import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState
from balance_watch.store.states import state_from_item, state_to_item
from tests.benchmarks.forecast import own, read
from tests.benchmarks.month_goals import CLOSE, Life, Row, leapt, row_of

HOURS = 30 * 24
DRY = (90, 320, 640)
"""The hours of the month in which accounts run dry."""

NEVER = (1.7, 3.0)
"""How much of what two months use the accounts have that never come close."""

_WEEK = 168

START = datetime(2026, 6, 1, tzinfo=UTC)
_POLICY = Policy()
_FAILURE = ReadFailure(FailureKind.TIMED_OUT, "No whole reply came in time.")


class Scenario(NamedTuple):
    """An account: its kind, what it has used by each hour, its balance, and what its look shows.

    `wrong` maps a look's number and balance to what the provider shows instead.
    """

    kind: str
    used: tuple[float, ...]
    balance: float
    wrong: str = ""


def scenarios(folders: list[Path]) -> Iterator[Scenario]:
    """Yields every account of the month."""
    traces = [read(path) for folder in folders for path in sorted(folder.glob("*.csv"))]
    for trace in (*traces, *own()):
        if len(trace.total) > _WEEK:
            yield from _of("trace " + trace.name, _two_months(trace.total))
    for name, rate in OWN.items():
        random = Random(name)  # noqa: S311 (no secret)
        rates = [rate(at, random) for at in range(2 * HOURS)]
        yield from _of(name, (0.0, *accumulate(rates)))
    steady = tuple(float(at) for at in range(2 * HOURS + 1))
    for wrong in WRONG:
        yield from _of(wrong, steady, wrong)


def _two_months(total: tuple[float, ...]) -> tuple[float, ...]:
    """Returns two months of a trace; a shorter one is lived again by whole weeks."""
    used, weeks = list(total), (len(total) - 1) // _WEEK * _WEEK
    while len(used) <= 2 * HOURS:
        at = len(used)
        used.append(used[-1] + total[(at - 1) % weeks + 1] - total[(at - 1) % weeks])
    return tuple(used[: 2 * HOURS + 1])


def _of(kind: str, used: tuple[float, ...], wrong: str = "") -> Iterator[Scenario]:
    for dry in DRY:
        if used[dry] > used[dry - 1]:
            yield Scenario(kind, used, (used[dry] + used[dry - 1]) / 2, wrong)
        else:
            yield Scenario(kind, used, used[dry] * 0.999, wrong)
    for times in NEVER:
        yield Scenario(kind, used, used[2 * HOURS] * times, wrong)


def _weekly(at: int, _: Random) -> float:
    return 100.0 if at % 168 == 51 else 0.05


def _weekends_off(at: int, random: Random) -> float:
    return 0.1 if at // 24 % 7 in (5, 6) else 2.0 + random.random()


def _month_end(at: int, _: Random) -> float:
    return 60.0 if at % HOURS >= HOURS - 24 else 1.0


def _lulls(at: int, random: Random) -> float:
    return 0.0 if Random(at // 72).random() < 0.4 else 2.0 + random.random()  # noqa: S311


OWN: dict[str, Callable[[int, Random], float]] = {
    "constant": lambda _at, _random: 1.0,
    "weekly batch": _weekly,
    "weekends off": _weekends_off,
    "month end": _month_end,
    "lulls of days": _lulls,
}
WRONG = ("a wrong 0 a day", "replicas 6 % apart", "unreadable for hours")


def shown(scenario: Scenario, look: int, balance: float) -> float | None:
    """Returns what a look shows, None if it fails."""
    if scenario.wrong == WRONG[0] and look % 288 == 100:
        return 0.0
    if scenario.wrong == WRONG[1] and look % 3 == 1:
        return balance * 0.94
    if scenario.wrong == WRONG[2] and look % 500 < 60:
        return None
    return balance


def live(scenario: Scenario, minutes: int) -> Life:
    """Lives the month of one account."""
    used, start = scenario.used, scenario.balance
    state = AccountState("account")
    account, traits = Account("account", "provider"), ProviderTraits()
    context = AlertContext(_POLICY.defaults, lambda _: ("sns",))
    rules = _POLICY.rules_for(account)
    dry_at: float | None = None
    told_at: float | None = None
    closest, early, critical, messages = float("inf"), False, False, 0
    for look in range(HOURS * 60 // minutes):
        at = look * minutes / 60
        gone = _at(used, at)
        balance = start - gone
        left = _hours_left(used, at, start)
        closest = min(closest, left)
        if dry_at is None and balance <= 0:
            dry_at = at
        now = START + timedelta(minutes=look * minutes)
        look_shows = shown(scenario, look, max(0.0, balance))
        state, outgoing = decide(
            state,
            _result(now, look_shows),
            account=account,
            rules=rules,
            context=context,
            traits=traits,
            now=now,
        )
        if look % 97 == 0:
            state = state_from_item(state_to_item(state))
        for notification in _notifications(outgoing):
            messages += 1
            if not _is_bad_news(notification) or (look_shows == 0 and balance > 0):
                continue
            told_at = at if told_at is None else told_at
            early = early or left > CLOSE
            critical = critical or notification.severity is Severity.CRITICAL
        if dry_at is not None and at > dry_at + 1:
            break
    has_leapt = dry_at is not None and leapt(used, int(dry_at))
    return Life(scenario.kind, dry_at, closest, has_leapt, told_at, early, critical, messages)


def _result(now: datetime, balance: float | None) -> ReadResult:
    return _FAILURE if balance is None else Reading(now, Decimal(f"{balance:.4f}"), "USD")


def _notifications(outgoing: tuple[object, ...]) -> list[Notification]:
    return [it.notification for it in outgoing if isinstance(it, OutboxEntry)]


def _is_bad_news(notification: Notification) -> bool:
    is_of_amount = notification.metric in (Metric.RUNWAY, Metric.EMPTY)
    return is_of_amount and notification.reason in (Reason.FIRED, Reason.WORSENED)


def _at(used: tuple[float, ...], hours: float) -> float:
    whole = int(hours)
    return used[whole] + (used[whole + 1] - used[whole]) * (hours - whole)


def _hours_left(used: tuple[float, ...], at: float, balance: float) -> float:
    """Returns in how many hours the balance is used up, from a time on."""
    end = bisect_left(used, balance)
    return max(0.0, end - at) if end < len(used) else float("inf")


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


_HEAD = (
    "",
    "accounts",
    "ran dry",
    "told ≥ 24 h before",
    "leapt, told at once",
    "missed",
    "never close",
    "of them told",
    "told early",
    "messages",
)


def _as_markdown(rows: list[Row]) -> Iterator[str]:
    yield f"| {' | '.join(_HEAD)} |"
    yield f"|{'---|' * len(_HEAD)}"
    for row in rows:
        yield f"| {' | '.join((row.name, *map(str, row[1:-1]), f'{row.messages:.1f}'))} |"


def _as_text(rows: list[Row]) -> Iterator[str]:
    width = max(len(row.name) for row in rows)
    yield f"{'':{width}}  all  dry  24h once miss  far told early  msg"
    for row in rows:
        numbers = " ".join(f"{number:4d}" for number in row[1:-1])
        yield f"{row.name:{width}} {numbers} {row.messages:5.1f}"


def main() -> int:
    """Prints a row for each kind of account, and one for all; returns 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[Path("../shared/traces")])
    parser.add_argument("--only", default="", help="kinds with this text in their name")
    parser.add_argument("--every", type=int, default=5, help="minutes between looks")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    wanted = [it for it in scenarios(args.folders) if args.only in it.kind]
    with ProcessPoolExecutor(args.jobs) as pool:
        lives = list(pool.map(live, wanted, [args.every] * len(wanted)))
    kinds = dict.fromkeys(life.kind for life in lives)
    rows = [row_of(kind, [it for it in lives if it.kind == kind]) for kind in kinds]
    rows.append(row_of("all", lives))
    for line in _as_markdown(rows) if args.markdown else _as_text(rows):
        _write(line)
    return 1 if rows[-1].missed or rows[-1].needless else 0


if __name__ == "__main__":
    sys.exit(main())
