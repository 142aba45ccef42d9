"""The words that every channel uses, so that a page and a mail say the same."""

from datetime import datetime, timedelta
from decimal import Decimal

from balance_watch.domain.money import with_unit
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.rules import Metric

_OPENINGS = {Reason.WORSENED: "Worse: ", Reason.REMINDER: "Still: "}
_UNITS = {Metric.CREDITS: "credits", Metric.POINTS: "points"}


def headline(it: Notification) -> str:
    """One line that says what is the matter, e.g. `sms is at 8.20 EUR, below 20.00 EUR`."""
    if it.reason is Reason.RESOLVED:
        return _well(it)
    new = it.reason is Reason.WORSENED and it.metric is Metric.CONFIGURATION
    return ("New: " if new else _OPENINGS.get(it.reason, "")) + _ill(it)


def _ill(it: Notification) -> str:
    if it.metric is Metric.CONFIGURATION:
        faults = "1 fault" if it.value == "1" else f"{it.value} faults"
        return f"the configuration has {faults}: accounts may go unwatched"
    if it.metric is Metric.UNREADABLE:
        return f"{it.account} cannot be read ({(it.value or 'unknown').replace('_', ' ')})"
    value = amount(it, None if it.value is None else Decimal(it.value))
    if it.metric is Metric.PROVIDER_FLAG:
        return f"{it.account} is at {value}, {_provider_says(it)}"
    if it.threshold is None or it.value is None:
        return f"{it.account} is at {value}"
    side = "below" if Decimal(it.value) < it.threshold else "above"
    if it.reason is Reason.REMINDER:
        # Between a threshold and its recovery a number is on the good side of it, and still firing.
        return f"{it.account} is at {value}, threshold {amount(it, it.threshold)}"
    return f"{it.account} is at {value}, {side} {amount(it, it.threshold)}"


def _provider_says(it: Notification) -> str:
    if it.threshold is not None and it.value is not None and Decimal(it.value) < it.threshold:
        return f"below the {amount(it, it.threshold)} set at its provider"
    if it.reason is Reason.REMINDER:
        return "low by its provider's own measure"
    return "flagged low by its provider"


def _well(it: Notification) -> str:
    if it.metric is Metric.CONFIGURATION:
        return "the configuration is in order again"
    if it.metric is Metric.UNREADABLE:
        return f"{it.account} can be read again"
    if it.threshold is None and it.metric is not Metric.PROVIDER_FLAG:
        return f"the rule {it.rule} no longer applies to {it.account}"
    return f"{it.account} has recovered, at {amount(it, Decimal(it.value) if it.value else None)}"


def amount(it: Notification, number: Decimal | None) -> str:
    """Writes a number of an alert in the unit that its metric has."""
    if number is None:
        return "an unknown balance"
    return with_unit(number, _UNITS.get(it.metric) or it.currency or "units")


def movement(it: Notification) -> str:
    """How the balance moved in the window, e.g. `31.20 → 8.20 EUR`; empty when there is no past."""
    if len(it.trend) < 2 or it.currency is None:  # noqa: PLR2004 (a movement has two ends)
        return ""
    first, last = (with_unit(each, it.currency) for each in (it.trend[0], it.trend[-1]))
    return f"{first.rsplit(' ', 1)[0]} → {last}"


def lasting(span: timedelta) -> str:
    """A span in its two largest units, e.g. `2 d 4 h`, `35 min`."""
    minutes = int(span.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    told = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(told) or "0 min"


def moment(at: datetime) -> str:
    """A time for people, in UTC, e.g. `22 Nov 2026 10:05 UTC`."""
    return f"{at.day} {at:%b %Y %H:%M} UTC"
