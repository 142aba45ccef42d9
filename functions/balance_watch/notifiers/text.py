"""The words that every channel uses, so that a page and a mail say the same."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Context, Decimal

from balance_watch.domain.money import with_unit
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.rules import Metric
from balance_watch.domain.spending import LONGEST

_OPENINGS = {Reason.WORSENED: "Worse: ", Reason.REMINDER: "Still: "}
_UNITS = {Metric.CREDITS: "credits", Metric.POINTS: "points"}
_VERBS = {Metric.RUNWAY: "lasts", Metric.SPEND_RATE: "spends"}
_DURATIONS = (Metric.RUNWAY, Metric.STALENESS)
_ROUGH = Context(prec=3)
"""An estimate that people read; the exact balance stands above it."""

_LONGEST = Decimal(LONGEST.days * 86400)
_UNKNOWN = {
    Metric.RUNWAY: "an unknown time",
    Metric.STALENESS: "an unknown time",
    Metric.SPEND_RATE: "an unknown amount",
}


def summary_line(it: Notification) -> str:
    """One line that says what is the matter, e.g. `sms is at 8.20 EUR, below 20.00 EUR`."""
    if it.reason is Reason.TOPPED_UP:
        if it.metric is Metric.TOP_UP:
            return f"a top-up of {it.account} was paid"
        return f"{it.account} was topped up, {_state(it).removeprefix('is ')}"
    if it.reason is Reason.RESOLVED:
        return _well(it)
    new = it.reason is Reason.WORSENED and it.metric is Metric.CONFIGURATION
    return ("New: " if new else _OPENINGS.get(it.reason, "")) + _ill(it)


def _ill(it: Notification) -> str:
    if it.metric in _OTHERS:
        return _OTHERS[it.metric](it, (it.value or "unknown").replace("_", " "))
    return f"{it.account} {_state(it)}{_side(it)}"


def _payment(it: Notification, word: str) -> str:
    if it.value in ("unknown", "claimed"):
        return f"it is not known whether a top-up of {it.account} was paid"
    return f"a top-up of {it.account} was not paid ({word})"


def _auto_reload(it: Notification, _: str) -> str:
    below = f" below {amount(it, it.threshold)}" if it.threshold is not None else ""
    return f"{it.account} {_state(it)}, and auto-reload{below} did not happen"


def _configuration(_: Notification, number: str) -> str:
    faults = "1 fault" if number == "1" else f"{number} faults"
    return f"the configuration has {faults}: accounts may go unwatched"


_OTHERS: Mapping[Metric, Callable[[Notification, str], str]] = {
    Metric.CONFIGURATION: _configuration,
    Metric.UNREADABLE: lambda it, word: f"{it.account} cannot be read ({word})",
    Metric.TOP_UP: _payment,
    Metric.AUTO_RELOAD: _auto_reload,
    Metric.PROVIDER_FLAG: lambda it, _: f"{it.account} {_state(it)}, {_provider_says(it)}",
    Metric.STALENESS: lambda it, _: (
        f"what its provider says of {it.account} {_state(it)}{_side(it)}"
    ),
}


def _state(it: Notification) -> str:
    """The number with its verb: `is at 8.20 EUR`, `lasts 16 h`, `spends 12.50 EUR a day`."""
    value = amount(it, None if it.value is None else Decimal(it.value))
    if it.metric is Metric.STALENESS:
        return f"is {value} old"
    return f"{_VERBS.get(it.metric, 'is at')} {value}"


def _side(it: Notification) -> str:
    if it.threshold is None or it.value is None:
        return ""
    if it.reason is Reason.REMINDER:
        # Between a threshold and its recovery a number is on the good side of it, and still firing.
        return f", threshold {amount(it, it.threshold)}"
    return (
        f", {'below' if Decimal(it.value) < it.threshold else 'above'} {amount(it, it.threshold)}"
    )


def _provider_says(it: Notification) -> str:
    if it.threshold is not None and it.value is not None and Decimal(it.value) < it.threshold:
        return f"below the {amount(it, it.threshold)} set at its provider"
    if it.reason is Reason.REMINDER:
        return "low by its provider's own measure"
    return "flagged low by its provider"


def _well(it: Notification) -> str:  # noqa: PLR0911 (a line for each kind of end)
    match it.metric:
        case Metric.CONFIGURATION:
            return "the configuration is in order again"
        case Metric.UNREADABLE:
            return f"{it.account} can be read again"
        case Metric.TOP_UP:
            return f"the top-up of {it.account} is settled"
        case _ if it.threshold is None and it.balance is None:
            return f"{it.account} has no limit any more"
        case _ if it.threshold is None and it.metric not in _WITHOUT_THRESHOLD:
            return f"the rule {it.rule} no longer applies to {it.account}"
        case Metric.STALENESS:
            return f"what its provider says of {it.account} is fresh again"
        case _:
            return f"{it.account} has recovered, {_state(it).removeprefix('is ')}"


_WITHOUT_THRESHOLD = (Metric.PROVIDER_FLAG, Metric.AUTO_RELOAD, Metric.SPEND_RATE)
"""Metrics whose threshold may not be known, though their rule is there."""


def amount(it: Notification, number: Decimal | None) -> str:
    """Writes a number of an alert in the unit that its metric has."""
    if number is None:
        return _UNKNOWN.get(it.metric, "an unknown balance")
    if it.metric in _DURATIONS:
        return format_runway(timedelta(seconds=int(max(Decimal(0), min(number, _LONGEST)))))
    unit = _UNITS.get(it.metric) or it.currency or "units"
    if it.metric is Metric.SPEND_RATE:
        return f"{with_unit(_ROUGH.plus(number), unit)} a day"
    return with_unit(number, unit)


def format_runway(span: timedelta) -> str:
    """As `lasting`, but ten years stand for any longer time."""
    return "10 years or more" if span >= LONGEST else format_duration(span)


def pace(it: Notification) -> str:
    """How fast it is spent, e.g. `Spends about 12.50 EUR a day: lasts 16 h.`; may be empty."""
    if it.per_day is None or it.runway is None or it.metric in _NOT_ABOUT_MONEY:
        return ""
    if not it.per_day:
        return "Nothing is spent at the moment."
    spends = with_unit(_ROUGH.plus(it.per_day), it.currency or "units")
    return f"Spends about {spends} a day: lasts {format_runway(it.runway)}."


_NOT_ABOUT_MONEY = (Metric.UNREADABLE, Metric.CONFIGURATION, Metric.TOP_UP)


def format_change(it: Notification) -> str:
    """How the balance moved in the window, e.g. `31.20 → 8.20 EUR`; empty when there is no past."""
    if len(it.trend) < 2 or it.currency is None:  # noqa: PLR2004 (a movement has two ends)
        return ""
    first, last = (with_unit(each, it.currency) for each in (it.trend[0], it.trend[-1]))
    return f"{first.rsplit(' ', 1)[0]} → {last}"


def format_duration(span: timedelta) -> str:
    """A span in its two largest units, e.g. `2 d 4 h`, `35 min`."""
    minutes = int(span.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    told = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(told) or "0 min"


def format_time(at: datetime) -> str:
    """A time for people, in UTC, e.g. `22 Nov 2026 10:05 UTC`."""
    return f"{at.day} {at:%b %Y %H:%M} UTC"
