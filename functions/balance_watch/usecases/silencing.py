"""Adds and ends silences, and checks each part of a new one."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from balance_watch.config.match_facts import OF_ALERTS, is_fact
from balance_watch.domain.formatting import is_visible
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.silences import Silence
from balance_watch.errors import SilenceError
from balance_watch.store.silences import Silences

MAX_DURATION = timedelta(days=31)
MAX_LENGTH = 200
"""The most characters of a matcher such as `account=sms`, and of a reason."""

_MIN_DURATION = timedelta(minutes=1)
_NAME_LETTERS, _NAME_LENGTH = "abcdefghjkmnpqrstuvwxyz23456789", 8
"""A name is typed by hand, so it has no characters that look alike. There may be thousands."""

_CLOSED_SETS = {"severity": Severity, "metric": Metric}
"""The facts that can only have one of a few values."""


def add(
    silences: Silences, match: Mapping[str, str], duration: timedelta, reason: str, now: datetime
) -> Silence:
    """Adds a silence that begins now, and returns it with its new name.

    Args:
        silences: the silences in the table.
        match: globs by fact; an alert is muted if all of them match.
        duration: how long the silence lasts.
        reason: why, in a few words.
        now: the current time.

    Raises:
        SilenceError: an argument is invalid.
    """
    fault = _fault(match, duration, reason)
    if fault is not None:
        raise SilenceError(f"The {fault}.")
    name = "".join(secrets.choice(_NAME_LETTERS) for _ in range(_NAME_LENGTH))
    silence = Silence(name, match, now + duration, reason.strip(), now)
    silences.add(silence)
    return silence


def end(silences: Silences, name: str, now: datetime) -> bool:
    """Ends a silence before its time; returns False if there is no such silence."""
    named = [silence for silence in silences.at(now) if silence.name == name]
    for silence in named:
        silences.end(silence)
    return bool(named)


def matcher_fault(fact: str, glob: str) -> str | None:
    """Returns what is wrong with a glob for a fact of alerts, or None if it is valid."""
    if len(f"{fact}={glob}") > MAX_LENGTH:
        return f"must be at most {MAX_LENGTH} characters"
    if not glob or not is_fact(fact, OF_ALERTS):
        facts = ", ".join((*OF_ALERTS, "labels.NAME"))
        return f"must be FACT=GLOB, where FACT is one of {facts}"
    values = _CLOSED_SETS.get(fact)
    if values is not None and not any(fnmatchcase(value, glob) for value in values):
        return f"matches no {fact}: choose from {', '.join(values)}"
    return None


def duration_fault(duration: timedelta) -> str | None:
    """Returns what is wrong with a silence's duration, or None if it is valid."""
    if _MIN_DURATION <= duration <= MAX_DURATION:
        return None
    return f"must be between 1m and {MAX_DURATION.days}d"


def reason_fault(reason: str) -> str | None:
    """Returns what is wrong with a silence's reason, or None if it is valid."""
    if reason.strip() and len(reason) <= MAX_LENGTH and is_visible(reason):
        return None
    return f"must be 1 to {MAX_LENGTH} characters on one line"


def _fault(match: Mapping[str, str], duration: timedelta, reason: str) -> str | None:
    """Returns the first fault of a silence, with the name of its part."""
    if not match:
        return "match must name at least one fact"
    faults = (
        *(("match", matcher_fault(fact, glob)) for fact, glob in match.items()),
        ("duration", duration_fault(duration)),
        ("reason", reason_fault(reason)),
    )
    return next((f"{part} {fault}" for part, fault in faults if fault is not None), None)
