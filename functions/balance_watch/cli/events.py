"""Shows what was said: a line an event for people, and the JSON of the contract for scripts."""

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from balance_watch.cli.terminal import out, print_json, print_wrapped, sanitize
from balance_watch.domain.event import Event
from balance_watch.domain.formatting import iso_time
from balance_watch.domain.notification import Notification
from balance_watch.domain.rules import Severity
from balance_watch.notifiers.text import summary_line

_STYLES = {Severity.CRITICAL: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}

WIDTH_OF_TIME = len("2026-11-22 10:05  ")
"""How far behind its beginning the sentence of an event's line begins."""


def show_events(events: Iterable[Event], *, json: bool = False) -> None:
    """Prints what was said, the oldest first."""
    events = list(events)
    if json:
        print_json([event_as_json(event) for event in events])
        return
    if not events:
        out.print("Nothing was said in that time.")
    for event in events:
        print_event(event)


def print_event(event: Event) -> None:
    """Prints an event, wrapped behind its time."""
    print_wrapped(event_line(event), hang=WIDTH_OF_TIME)


def event_line(event: Event) -> Text:
    """Returns an event as one line: when, what, and to whom."""
    notification = event.notification
    line = Text(f"{notification.said_at:%Y-%m-%d %H:%M}  ", style="dim")
    line += sanitize(summary_line(notification), event_style(notification))
    if event.channels:
        line += sanitize(f"  → {', '.join(event.channels)}", "dim")
    return line


def event_style(notification: Notification) -> str:
    """Returns the colour of an event: by its severity, or that of good news."""
    return "green" if notification.reason.is_good_news else _STYLES[notification.severity]


def event_as_json(event: Event) -> dict[str, Any]:
    """Returns an event as `history --events --json` prints it."""
    notification = event.notification
    return {
        "at": iso_time(notification.said_at),
        "event": event.word,
        "rule": notification.rule,
        "severity": notification.severity.value,
        "detail": summary_line(notification),
        "channels": list(event.channels),
    }
