"""Measures forecasts of when a balance runs dry, on traces of use whose future is known.

    python -m tests.benchmarks.forecast [FOLDER ...] [--every HOURS] [--looks PER_HOUR] [--jobs N]

A scenario takes 48 or 336 hours of a trace as history, then gives the account a balance of exactly
what the next 96, 168 or 336 hours spend, and passes them hour by hour. Besides every file of the
folders there are four traces of the bench's own. An hour that a trace lacks is a look that failed:
what it spent is drawn between its neighbours. Printed are, for each way to forecast,

    median, p90   of |log2(forecast / truth)| at the beginning of the scenarios
    hours         the same, median and p90, at every sixth hour that is 24 or more before the end
    < 24 h        share of first warnings (the forecast falls below three days) that come less than
                  a day before the balance is dry, or never
    > 144 h       share of them that come more than six days before
    lead          median of how long before they come, in hours
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise
from math import exp, log, log2, pi, sin
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from balance_watch.domain.forecast import LONGEST
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import AccountState, observe

WARM = (48, 336)
LASTS = (96, 168, 336)
THRESHOLD, LATE, EARLY = 72, 24, 144
NEVER = float(LONGEST.days * 24)
DAYS = 70
"""Of a trace of our own."""
SIX = 6


class Trace(NamedTuple):
    """What an account spends, hour by hour; `total[i]` is what it has spent before hour i.

    `first` is counted in hours from the epoch; `known` is whether there was a look after the hour.
    """

    name: str
    first: int
    total: tuple[float, ...]
    known: tuple[bool, ...]


class Method(Protocol):
    """A way to forecast. An hour passes, and a balance is asked about."""

    def passes(self, at: int) -> None:
        """Takes in the hour of this index."""

    def lasts(self, balance: float) -> float:
        """Returns how many hours a balance lasts from the end of the latest hour."""


class Scores(NamedTuple):
    """What is measured of one method on one trace with one length of history."""

    errors: list[float]
    hourly: list[float]
    leads: list[int]

    def line(self) -> str:
        """Returns the figures as columns of a table."""
        if not self.errors:
            return "-"
        count = len(self.leads)
        late = sum(lead < LATE for lead in self.leads) / count
        early = sum(lead > EARLY for lead in self.leads) / count
        return (
            f"{count:5d}  {_at(self.errors, 0.5):6.3f} {_at(self.errors, 0.9):6.3f}  "
            f"{_at(self.hourly, 0.5):6.3f} {_at(self.hourly, 0.9):6.3f}  "
            f"{late:7.2%} {early:7.2%}  {_at(self.leads, 0.5):4.0f}"
        )


class Flat:
    """The average of the last seven days."""

    def __init__(self, trace: Trace, start: int, looks: int) -> None:
        del looks
        self.trace, self.start, self.now = trace, start, start

    def passes(self, at: int) -> None:
        """Takes in an hour."""
        self.now = at + 1

    def rate(self) -> float:
        """Spent per hour."""
        return self.over(max(self.start, self.now - 168))

    def over(self, since: int) -> float:
        """Spent per hour since then."""
        total = self.trace.total
        return (total[self.now] - total[since]) / max(1, self.now - since)

    def lasts(self, balance: float) -> float:
        """Returns how many hours a balance lasts."""
        rate = self.rate()
        return min(NEVER, balance / rate) if rate > 0 else NEVER


class Before(Flat):
    """The rate before this issue (`pace`, c81e686): the last day's, or the last week's if higher.

    The last day is the last 24 hours; the last week is today (UTC) and the seven days before.
    """

    def rate(self) -> float:
        """Spent per hour."""
        today = (self.trace.first + self.now) // 24 * 24 - self.trace.first
        # What is seen at midnight counts to the day that begins.
        since = (self.now - 24, today - 7 * 24 - 1)
        return max(self.over(max(self.start, each)) for each in since)


class PredictLinear(Flat):
    """Prometheus' `predict_linear` over 24 h: where a line of least squares through them is zero.

    As `linearRegression` in promql/functions.go has it: time is counted from now, so that the
    intercept is what the line has for now, which need not be the balance.
    """

    def lasts(self, balance: float) -> float:
        """Returns how many hours a balance lasts."""
        total, now = self.trace.total, self.now
        times = range(max(self.start, now - 24) - now, 1)
        values = [balance + total[now] - total[now + time] for time in times]
        mean_time, mean = sum(times) / len(times), sum(values) / len(values)
        spread = sum((time - mean_time) ** 2 for time in times)
        slope = (
            sum((t - mean_time) * (v - mean) for t, v in zip(times, values, strict=True)) / spread
        )
        intercept = mean - slope * mean_time
        return min(NEVER, max(0.0, intercept / -slope)) if slope < 0 else NEVER


class Ours:
    """What the check computes: the state of an account, look by look."""

    def __init__(self, trace: Trace, start: int, looks: int) -> None:
        self.trace, self.looks = trace, looks
        self.whole = 4 * trace.total[-1]
        self.state = AccountState("account")
        self.now, self.seen = start, start
        self._look(start, trace.total[start])

    def passes(self, at: int) -> None:
        """Takes in an hour."""
        self.now = at + 1
        if not self.trace.known[at]:
            return
        before, after = self.trace.total[at], self.trace.total[at + 1]
        looks = self.looks if self.seen == at else 1
        for look in range(1, looks + 1):
            part = look / looks
            self._look(at + part, before + (after - before) * part)
        self.seen = at + 1

    def _look(self, hours: float, spent: float) -> None:
        now, balance = self._time(hours), Decimal(f"{self.whole - spent:.12g}")
        self.state = observe(self.state, Reading(now, balance, "USD"), now)

    def _time(self, hours: float) -> datetime:
        return datetime.fromtimestamp(round((self.trace.first + hours) * 3600), UTC)

    def lasts(self, balance: float) -> float:
        """Returns how many hours a balance lasts."""
        now = self._time(self.now)
        pace = replace(self.state.pace, at=now)
        lasts = pace.lasts(Decimal(f"{balance:.12g}"))
        return NEVER if lasts is None else lasts / timedelta(hours=1)


METHODS: dict[str, Callable[[Trace, int, int], Method]] = {
    "ours": Ours,
    "before": Before,
    "flat 7 d": Flat,
    "predict_linear 24 h": PredictLinear,
}


def score(trace: Trace, make: Callable[[int], Method], warm: int, every: int) -> Scores:
    """Passes every scenario of a trace: they begin so many hours apart."""
    scores = Scores([], [], [])
    hours = len(trace.known)
    for start in range(0, hours - warm - LASTS[0] + 1, every):
        now = start + warm
        method = make(start)
        for at in range(start, now):
            method.passes(at)
        ends = {last: trace.total[now + last] for last in LASTS if now + last <= hours}
        ends = {last: end for last, end in ends.items() if end > trace.total[now]}
        scores.errors.extend(
            _error(method.lasts(end - trace.total[now]), last) for last, end in ends.items()
        )
        _warnings(trace, method, now, ends, scores)
    return scores


def _warnings(
    trace: Trace, method: Method, start: int, ends: dict[int, float], scores: Scores
) -> None:
    """Passes the hours of scenarios that differ in their balance, until each was warned of."""
    waiting, asked = dict(ends), dict(ends)
    for gone in range(max(ends, default=0) + 1):
        now = start + gone
        for last, end in asked.items():
            if last not in waiting and (gone % SIX or last - gone < LATE):
                continue
            lasts = method.lasts(end - trace.total[now])
            if not gone % SIX and last - gone >= LATE:
                scores.hourly.append(_error(lasts, last - gone))
            if last in waiting and (lasts < THRESHOLD or gone >= last):
                scores.leads.append(last - gone)
                del waiting[last]
        asked = {last: end for last, end in asked.items() if last > gone}
        if not asked:
            break
        method.passes(now)


def _error(forecast: float, truth: float) -> float:
    return abs(log2(max(forecast, 1 / 60) / truth))


def _at(numbers: Iterable[float], part: float) -> float:
    ranked = sorted(numbers)
    return ranked[min(len(ranked) - 1, int(part * len(ranked)))] if ranked else float("nan")


def read(path: Path) -> Trace:
    """Returns the trace of a file with the columns `hour` and `rate`."""
    with path.open(newline="") as file:
        rows = {
            int(datetime.fromisoformat(row["hour"]).timestamp()) // 3600: float(row["rate"])
            for row in csv.DictReader(file)
        }
    hours = sorted(rows)
    rates: list[float] = []
    known: list[bool] = []
    for at, following in pairwise([*hours, hours[-1] + 1]):
        rise = rows.get(following, rows[at]) - rows[at]
        rates.extend(rows[at] + rise * step / (following - at) for step in range(following - at))
        known.extend(step == 0 for step in range(following - at))
    return Trace(path.stem, hours[0], (0.0, *accumulate(rates)), tuple(known))


def own() -> Iterator[Trace]:
    """Yields four traces of the bench's own: always the same, for each is seeded by its name."""
    for name, rate in (
        ("office", office),
        ("nightly", nightly),
        ("growth", growth),
        ("leap", leap),
    ):
        random = Random(name)  # noqa: S311 - no secret
        leaps_at = random.randrange(21 * 24, (DAYS - 21) * 24)
        first = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) // 3600
        rates = [
            rate(datetime.fromtimestamp((first + at) * 3600, UTC), at, leaps_at)
            * exp(random.gauss(0, 0.25) - 0.25**2 / 2)
            for at in range(DAYS * 24)
        ]
        yield Trace(f"own: {name}", first, (0.0, *accumulate(rates)), (True,) * len(rates))


def office(now: datetime, _at: int, _leaps_at: int) -> float:
    """From nine to six on weekdays, and next to nothing else."""
    return 10.0 if now.weekday() < 5 and 9 <= now.hour < 18 else 0.3


def nightly(now: datetime, _at: int, _leaps_at: int) -> float:
    """One batch a night, and nothing else."""
    return 24.0 if now.hour == 3 else 0.0


def growth(_now: datetime, at: int, _leaps_at: int) -> float:
    """Two per cent a day, by night and by day."""
    return exp(log(1.02) * at / 24) * (1 + 0.5 * sin(at / 24 * 2 * pi))


def leap(_now: datetime, at: int, leaps_at: int) -> float:
    """Three times as much from one hour to the next, once, and for good."""
    return (1 + 0.5 * sin(at / 24 * 2 * pi)) * (3 if at >= leaps_at else 1)


def _job(job: tuple[Trace, str, int, int, int]) -> Scores:
    trace, method, warm, every, looks = job
    return score(trace, lambda start: METHODS[method](trace, start, looks), warm, every)


def _together(parts: list[Scores]) -> Scores:
    lists = zip(*parts, strict=True)
    errors, hourly, leads = ([number for part in column for number in part] for column in lists)
    return Scores(errors, hourly, leads)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """Prints a table for each length of history."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[Path("../shared/traces")])
    parser.add_argument("--every", type=int, default=31, help="hours between scenarios")
    parser.add_argument("--looks", type=int, default=1, help="looks an hour, of ours")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--no-own", action="store_true", help="no traces of the bench's own")
    args = parser.parse_args()
    traces = [read(path) for folder in args.folders for path in sorted(folder.glob("*.csv"))]
    traces += [] if args.no_own else list(own())
    jobs = [(t, m, w, args.every, args.looks) for w in WARM for m in METHODS for t in traces]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = dict(zip([job[:3] for job in jobs], pool.map(_job, jobs), strict=True))
    width = max(len(trace.name) for trace in traces)
    for warm in WARM:
        _write(f"\n{warm} hours of history")
        head = "  n   median    p90   hours          < 24 h > 144 h  lead"
        _write(f"{'':{width}}  {'':20} {head}")
        for method in METHODS:
            parts = [results[trace, method, warm] for trace in traces]
            _write(f"{'ALL':{width}}  {method:20} {_together(parts).line()}")
        for trace in traces:
            for method in METHODS:
                _write(f"{trace.name:{width}}  {method:20} {results[trace, method, warm].line()}")


if __name__ == "__main__":
    main()
