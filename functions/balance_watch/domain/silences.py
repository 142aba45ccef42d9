"""What mutes alerts: silences, which end at a time, and mute times, which recur every week."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta, tzinfo
from typing import Protocol

from msgspec import Struct

from balance_watch.domain.account import literal_fact, matches, same_text
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.rules import Severity


class IsSuppressed(Protocol):
    """Tells whether an alert with these facts is suppressed now."""

    def __call__(self, facts: Mapping[str, str], /, *, ended: bool = False) -> bool:
        """Returns whether it is; `ended`: it is the end of an alert that was announced."""
        ...


def suppresses_nothing(_facts: Mapping[str, str], /, *, ended: bool = False) -> bool:
    """Returns False: there is neither a silence nor a mute time."""
    del ended
    return False


_DAY = timedelta(days=1)
_BLIND = frozenset(metric.value for metric, info in METRICS.items() if info.blind)


class Silence(Struct, frozen=True):
    """Mutes the alerts whose facts match every glob, until a time.

    If it is `exact`, `match` has no globs but the facts themselves: an account may be called `*`.
    """

    name: str
    match: Mapping[str, str]
    until: datetime
    reason: str
    created_at: datetime
    exact: bool = False

    @property
    def matchers(self) -> str:
        """Returns what it matches, as on a command line: `provider=vonage severity=info`.

        The facts of an exact one are in quotes: `account="*" metric="balance"`.
        """
        if self.exact:
            return " ".join(f'{fact}="{value}"' for fact, value in self.match.items())
        return " ".join(f"{fact}={glob}" for fact, glob in self.match.items())

    def mutes(self, facts: Mapping[str, str], now: datetime) -> bool:
        """Tells whether it mutes an alert with these facts now."""
        if self.exact:
            return now < self.until and self.match.items() <= facts.items()
        return now < self.until and _covers(self.match, facts)


class MuteTime(Struct, frozen=True):
    """Mutes uncritical alerts in certain hours of certain weekdays (0 is Monday).

    `begins` and `ends` are local times of `zone`. A mute time that ends before it begins extends
    into the next day; one that ends when it begins lasts a whole day.
    """

    days: frozenset[int]
    begins: time
    ends: time
    zone: tzinfo
    match: Mapping[str, str]

    def mutes(self, facts: Mapping[str, str], now: datetime) -> bool:
        """Tells whether it mutes an alert with these facts now."""
        return (
            facts.get("severity") != Severity.CRITICAL
            and self._is_active(now.astimezone(self.zone))
            and _covers(self.match, facts)
        )

    def _is_active(self, local: datetime) -> bool:
        today, at = local.weekday(), local.time()
        if self.begins < self.ends:
            return today in self.days and self.begins <= at < self.ends
        yesterday = (local - _DAY).weekday()
        began_today = today in self.days and at >= self.begins
        began_yesterday = yesterday in self.days and at < self.ends
        return began_today or began_yesterday


def suppression(
    silences: Iterable[Silence], mute_times: Iterable[MuteTime], now: datetime
) -> IsSuppressed:
    """Returns the function that tells whether one of these mutes an alert now.

    A mute time mutes no end: it did not mute the beginning, or else the end would be no news.
    """
    index, mute_times = _Index(silences), tuple(mute_times)

    def is_suppressed(facts: Mapping[str, str], /, *, ended: bool = False) -> bool:
        return any(silence.mutes(facts, now) for silence in index.candidates(facts)) or (
            not ended and any(mute_time.mutes(facts, now) for mute_time in mute_times)
        )

    return is_suppressed


class _Index:
    """Silences by one fact that each of them demands: thousands are not compared one by one.

    Those that demand none, since all of their globs are patterns, are candidates for every alert.
    """

    def __init__(self, silences: Iterable[Silence]) -> None:
        self._of_fact: dict[tuple[str, str], list[Silence]] = defaultdict(list)
        self._patterns: list[Silence] = []
        for silence in silences:
            demanded = literal_fact(silence.match, exact=silence.exact)
            of_fact = self._patterns if demanded is None else self._of_fact[demanded]
            of_fact.append(silence)

    def candidates(self, facts: Mapping[str, str]) -> Iterator[Silence]:
        """Yields the silences that may mute an alert with these facts."""
        for fact, value in facts.items():
            yield from self._of_fact.get((fact, same_text(value)), ())
        yield from self._patterns


def _covers(match: Mapping[str, str], facts: Mapping[str, str]) -> bool:
    """Tells whether every glob matches. The alert of a blind metric must be named, not globbed."""
    metric = facts.get("metric")
    named = metric in (match.get("metric"), match.get("rule"))
    return matches(match, facts) and (named or metric not in _BLIND)
