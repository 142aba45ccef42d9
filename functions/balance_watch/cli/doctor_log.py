"""Looks at the errors in the function's log."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.doctor_patient import Line, Patient, bad, ok
from balance_watch.domain.formatting import counted, format_duration, format_time

_OF_LAMBDA = ("Task timed out", "Runtime exited")
_LONGEST = 200
_OUTCOME = "RunIncompleteError"
"""What the function raises at the end of a run that is incomplete: it tells no reason."""


class _Error(NamedTuple):
    at: datetime
    text: str


def log(patient: Patient) -> Iterator[Line]:
    """Yields how many errors the log has of the last hours, and the latest one."""
    errors, span = _errors(patient), patient.logged_span
    since = f"in the last {format_duration(span)}"
    if not errors:
        yield ok("log", f"no error {since}")
        return
    latest = max(errors)
    group = patient.log_group
    hours = -(-int(span.total_seconds()) // 3600)
    yield bad(
        "log",
        f"{counted(len(errors), 'error')} {since}, the latest at {format_time(latest.at)}:"
        f" {latest.text}",
        f"`aws logs tail {group} --since {hours}h`; docs/operations.md says what the words mean.",
    )


def latest_error(patient: Patient, since: datetime) -> str:
    """Returns what the latest error in the log says, if it is no older; else nothing.

    Whoever may not read the log, or cannot, finds the reason in the look at the log itself.
    """
    try:
        errors = [error for error in _errors(patient) if error.at >= since]
    except (BotoCoreError, ClientError, ValueError):
        return ""
    telling = [error for error in errors if _OUTCOME not in error.text]
    return max(telling or errors).text if errors else ""


def _errors(patient: Patient) -> list[_Error]:
    return [
        _Error(datetime.fromtimestamp(event["timestamp"] / 1000, UTC), text)
        for event in patient.log_events
        if (text := _error(event["message"]))
    ]


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
