"""When nothing is said: silences for a while, and the hours of the week that are muted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from balance_watch.domain.account import matches
from balance_watch.domain.rules import Metric, Severity

IsSuppressed = Callable[[Mapping[str, str]], bool]
"""Whether an alert with these facts is held back now."""

_DAY = timedelta(days=1)
_BLIND = (Metric.UNREADABLE, Metric.CONFIGURATION)


@dataclass(frozen=True, slots=True)
class Silence:
    """Until a time, nothing is said of alerts whose facts match every glob."""

    name: str
    match: Mapping[str, str]
    until: datetime
    reason: str
    created_at: datetime

    @property
    def matchers(self) -> str:
        """What it matches, as it is given at a command line: `provider=vonage severity=info`."""
        return " ".join(f"{fact}={glob}" for fact, glob in self.match.items())

    def mutes(self, facts: Mapping[str, str], now: datetime) -> bool:
        """Whether an alert with these facts is held back."""
        return now < self.until and _covers(self.match, facts)


@dataclass(frozen=True, slots=True)
class MuteTime:
    """Hours of certain weekdays (0 is Monday) in which nothing under `critical` is said.

    `begins` and `ends` are local times of `zone`; a window that ends before it begins goes on into
    the next day, and one that ends when it begins lasts a whole day.
    """

    days: frozenset[int]
    begins: time
    ends: time
    zone: tzinfo
    match: Mapping[str, str]

    def mutes(self, facts: Mapping[str, str], now: datetime) -> bool:
        """Whether an alert with these facts is held back."""
        return (
            facts.get("severity") != Severity.CRITICAL
            and self._is_on(now.astimezone(self.zone))
            and _covers(self.match, facts)
        )

    def _is_on(self, local: datetime) -> bool:
        today, at = local.weekday(), local.time()
        if self.begins < self.ends:
            return today in self.days and self.begins <= at < self.ends
        yesterday = (local - _DAY).weekday()
        return (today in self.days and at >= self.begins) or (
            yesterday in self.days and at < self.ends
        )


def suppression(
    silences: Iterable[Silence], mute_times: Iterable[MuteTime], now: datetime
) -> IsSuppressed:
    """Returns what is held back now, as one question."""
    every: tuple[Silence | MuteTime, ...] = (*silences, *mute_times)
    return lambda facts: any(one.mutes(facts, now) for one in every)


def _covers(match: Mapping[str, str], facts: Mapping[str, str]) -> bool:
    """Whether every glob holds. An alert about going blind has to be named, no glob will do."""
    blind = facts.get("metric") in _BLIND
    named = facts.get("metric") in (match.get("metric"), match.get("rule"))
    return matches(match, facts) and (named or not blind)
