"""Shows what a policy would have said, beside what the policy in force says."""

from datetime import UTC, datetime
from math import inf
from typing import Any

from rich.text import Text

from balance_watch.cli.events import WIDTH_OF_TIME, event_as_json, event_line
from balance_watch.cli.terminal import out, print_wrapped, sanitize
from balance_watch.config.loading import Configuration
from balance_watch.config.sources import Secrets
from balance_watch.domain.event import Event
from balance_watch.domain.formatting import counted, format_time
from balance_watch.usecases.policy_trial import Trial, TriedEvent, try_policy
from balance_watch.wiring import Wiring


def tried(
    wired: Wiring,
    new: Configuration,
    in_force: str,
    secrets: Secrets,
    days: int,
    most_readings: float = inf,
) -> Trial:
    """Replays the history through the policy in force and through another one.

    Args:
        wired: the wiring.
        new: the configuration with the other policy.
        in_force: the text of the policy in force.
        secrets: the secrets of both.
        days: how many days are replayed.
        most_readings: how many readings are replayed at most.
    """
    old = wired.load(in_force, secrets=secrets)
    return try_policy(wired.store, old, new, days, datetime.now(UTC), most_readings)


def trial_as_json(trial: Trial) -> list[dict[str, Any]]:
    """Returns each event, with which of the two policies says it."""
    return [
        {
            "account": it.event.notification.account,
            **event_as_json(it.event),
            "said_in_force": it.in_force is not None,
            "would_be_said": it.tried is not None,
            "differs": it.differs,
        }
        for it in trial.events
    ]


def show_trial(trial: Trial, most: int | None = None) -> None:
    """Prints each event that the policy adds, removes, changes or leaves as it is, and a sum.

    Args:
        trial: what both policies say.
        most: how many differences are shown, and nothing else; None: all, and what is the same.
    """
    changed = [it for it in trial.events if it.differs]
    same = len(trial.events) - len(changed)
    span = f"{format_time(trial.since)} to {format_time(trial.until)}"
    readings = counted(trial.readings, "reading")
    print_wrapped(Text(f"From {span}, {readings}, replayed through both policies:"))
    for it in trial.events if most is None else changed[:most]:
        print_wrapped(_line(it), hang=2 + WIDTH_OF_TIME)
    if most is not None and len(changed) > most:
        out.print(f"… and {len(changed) - most} more: see `policy try`.", style="dim")
    if not changed:
        out.print(f"No difference: both policies say the same {counted(same, 'alert')}.")
        return
    added = sum(it.in_force is None for it in changed)
    missing = sum(it.tried is None for it in changed)
    other = len(changed) - added - missing
    others = f"{other} would change, " if other else ""
    print_wrapped(
        Text(f"{added} would be new, {missing} would be missing, {others}{same} would be the same.")
    )


def _line(it: TriedEvent) -> Text:
    sign = "+" if it.in_force is None else "-" if it.tried is None else "~" if it.differs else "="
    line = Text(f"{sign} ", style="bold") + event_line(it.event)
    if sign == "~" and it.in_force is not None:
        line += sanitize(f"  (in force: {_how(it.in_force)})", "dim")
    return line


def _how(event: Event) -> str:
    return f"{event.notification.severity.value} → {', '.join(event.channels)}"
