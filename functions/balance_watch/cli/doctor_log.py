"""Looks at the errors in the function's log."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from balance_watch.cli.doctor_patient import Line, Patient, bad, ok
from balance_watch.domain.formatting import counted, format_duration, format_time

_HOURS = timedelta(hours=3)
_PAGES = 10
"""So many replies of FilterLogEvents are read at most, of up to 10,000 lines each."""

_PATTERN = '?ERROR ?CRITICAL ?"Task timed out" ?"Runtime exited"'
"""Lines with any of these: the function's own, those of an exception, and those of Lambda itself.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html"""

_OF_LAMBDA = ("Task timed out", "Runtime exited")
_LONGEST = 200


class _Error(NamedTuple):
    at: datetime
    text: str


def log(patient: Patient) -> Iterator[Line]:
    """Yields how many errors the log has of the last hours, and the latest one."""
    (group,) = patient.ids("AWS::Logs::LogGroup", "CheckBalancesLog")
    span = max(_HOURS, patient.period or _HOURS)
    pages = patient.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(
        logGroupName=group,
        startTime=int((patient.now - span).timestamp() * 1000),
        filterPattern=_PATTERN,
    )
    errors = [
        _Error(datetime.fromtimestamp(event["timestamp"] / 1000, UTC), text)
        for page in islice(found, _PAGES)
        for event in page["events"]
        if (text := _error(event["message"]))
    ]
    since = f"in the last {format_duration(span)}"
    if not errors:
        yield ok("log", f"no error {since}")
        return
    latest = max(errors)
    hours = -(-int(span.total_seconds()) // 3600)
    yield bad(
        "log",
        f"{counted(len(errors), 'error')} {since}, the latest at {format_time(latest.at)}:"
        f" {latest.text}",
        f"`aws logs tail {group} --since {hours}h`; docs/operations.md says what the words mean.",
    )


def _error(message: str) -> str:
    """Returns what an error line says, on one line; empty if it is none."""
    try:
        content = json.loads(message)
    except ValueError:
        content = None
    if isinstance(content, Mapping):
        return _of_function(content) if content.get("level") in ("ERROR", "CRITICAL") else ""
    first = message.strip().partition("\n")[0]
    if first.startswith("[ERROR]") or any(words in first for words in _OF_LAMBDA):
        return first[:_LONGEST]
    return ""


def _of_function(content: Mapping[str, Any]) -> str:
    """Returns the message of a line that the function wrote, with what it is about."""
    about = (content.get(name) for name in ("account", "accounts", "channel", "why"))
    facts = "; ".join(str(it) if isinstance(it, str) else json.dumps(it) for it in about if it)
    text = f"{content.get('message')} ({facts})" if facts else f"{content.get('message')}"
    return text[:_LONGEST]
