"""The wording of alerts, which is the same in every channel. Its sentences are in `METRICS`."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Context, Decimal

from balance_watch.domain.forecast import LONGEST
from balance_watch.domain.formatting import format_duration, format_runway, format_time, with_unit
from balance_watch.domain.metrics import METRICS, Unit
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.rules import Metric
from balance_watch.notifiers.digest_text import headline

_PREFIXES = {Reason.WORSENED: "Worse: ", Reason.REMINDER: "Still: "}
_ROUGH = Context(prec=3)
"""Rates are estimates, so people get three digits of them, beside the exact balance."""

_LONGEST_SECONDS = Decimal(LONGEST.days * 86400)


def summary_line(notification: Notification) -> str:
    """Returns the alert in one line, such as `sms is at 8.20 EUR, below 20.00 EUR`."""
    if notification.digest is not None:
        return f"digest: {headline(notification.digest)}"
    if notification.reason is Reason.TOPPED_UP:
        return _topped_up(notification)
    if notification.reason is Reason.RESOLVED:
        return _resolved(notification)
    prefix = _PREFIXES.get(notification.reason, "")
    if notification.metric is Metric.CONFIGURATION and notification.reason is Reason.WORSENED:
        prefix = "New: "
    problem = _PROBLEMS.get(notification.metric, _threshold_passed)
    return prefix + problem(notification)


def amount(notification: Notification, number: Decimal | None) -> str:
    """Formats a number of an alert in the unit of its metric."""
    info = METRICS[notification.metric]
    if number is None:
        return info.unknown_value
    if info.unit is Unit.SECONDS:
        seconds = max(Decimal(0), min(number, _LONGEST_SECONDS))
        return format_runway(timedelta(seconds=int(seconds)))
    unit = info.unit if isinstance(info.unit, str) else notification.currency or "units"
    if info.unit is Unit.CURRENCY_PER_DAY:
        return f"{with_unit(_ROUGH.plus(number), unit)} a day"
    return with_unit(number, unit)


def pace(notification: Notification) -> str:
    """Returns how fast the balance is spent and how long it lasts; empty if that is unknown."""
    per_day, runway = notification.per_day, notification.runway
    if per_day is None or runway is None or not METRICS[notification.metric].about_money:
        return ""
    if not per_day:
        return "Nothing is spent at the moment."
    rate = with_unit(_ROUGH.plus(per_day), notification.currency or "units")
    if notification.metric is Metric.EMPTY:
        return f"It has spent about {rate} a day."
    return f"It spends about {rate} a day, so the balance lasts {format_runway(runway)}."


def paces(notification: Notification) -> Iterator[tuple[str, str]]:
    """Yields how fast the balance is spent and how long it lasts, each with its name."""
    per_day, runway = notification.per_day, notification.runway
    if not per_day or runway is None or not METRICS[notification.metric].about_money:
        return
    rate = with_unit(_ROUGH.plus(per_day), notification.currency or "units")
    yield "Spends", f"about {rate} a day"
    if notification.metric not in (Metric.EMPTY, Metric.RUNWAY):
        yield "Lasts", f"about {format_runway(runway)}"


def threshold(notification: Notification) -> str:
    """Returns the threshold of an alert in the unit of its metric; empty if it has none."""
    if notification.threshold is None:
        return ""
    return amount(notification, notification.threshold)


def facts(notification: Notification) -> Iterator[tuple[str, str]]:
    """Yields what else is known of an alert, each with its name, for a table without markup."""
    yield "Since", since_when(notification)
    yield "Severity", notification.severity.value
    yield "Rule", notification.rule
    yield "Provider", notification.provider
    yield from paces(notification)
    change = format_change(notification)
    if change:
        yield "Last 24 h", change
    for name, value in notification.labels.items():
        if name.strip() and value.strip():
            yield name, value


def since_when(notification: Notification) -> str:
    """Returns when an alert began, and how long it lasts, if that is more than a moment."""
    since = format_time(notification.since)
    if notification.said_at <= notification.since:
        return since
    word = "over after" if notification.reason is Reason.RESOLVED else "for"
    return f"{since}, {word} {format_duration(notification.lasted)}"


def format_change(notification: Notification) -> str:
    """Formats the change of the balance in the last day: `31.20 → 8.20 EUR`; empty if unknown."""
    if not notification.trend[1:] or notification.currency is None:
        return ""  # One balance alone shows no change.
    first = with_unit(notification.trend[0], notification.currency)
    last = with_unit(notification.trend[-1], notification.currency)
    return f"{first.rsplit(' ', 1)[0]} → {last}"


def _topped_up(notification: Notification) -> str:
    if notification.metric is Metric.TOP_UP:
        return f"a top-up of {notification.account} was paid"
    return f"{notification.account} was topped up and is at {_value(notification)}"


def _resolved(notification: Notification) -> str:
    info, account = METRICS[notification.metric], notification.account
    if notification.another and notification.balance is not None:
        balance = with_unit(notification.balance, notification.currency or "units")
        return f"{account} is another balance now: {balance}"
    if info.about_money and notification.threshold is None:
        if notification.balance is None:
            return f"{account} no longer has a limit"
        if not info.may_lack_threshold:
            return f"the rule {notification.rule} no longer applies to {account}"
    return info.resolved_sentence.format(account=account, value=_value(notification))


def _value(notification: Notification) -> str:
    """Formats the value of an alert: a number in its unit, or a word such as `key rejected`."""
    if not METRICS[notification.metric].is_number:
        return (notification.value or "unknown").replace("_", " ")
    value = None if notification.value is None else Decimal(notification.value)
    return amount(notification, value)


def _sentence(notification: Notification) -> str:
    sentence = METRICS[notification.metric].sentence
    return sentence.format(account=notification.account, value=_value(notification))


def _threshold_passed(notification: Notification) -> str:
    """Returns the value, and on which side of its threshold it is."""
    sentence = _sentence(notification)
    is_number = METRICS[notification.metric].is_number
    if not is_number or notification.threshold is None or notification.value is None:
        return sentence
    threshold = amount(notification, notification.threshold)
    if notification.reason is Reason.REMINDER:
        # Between threshold and recovery, the number is on the good side, but the alert still fires.
        return f"{sentence}, threshold {threshold}"
    side = "below" if Decimal(notification.value) < notification.threshold else "above"
    return f"{sentence}, {side} {threshold}"


def _nothing_left(notification: Notification) -> str:
    sentence, floor = _sentence(notification), notification.threshold
    if not floor or notification.reason is Reason.REMINDER:
        return sentence
    return f"{sentence}, past its credit limit of {amount(notification, floor.copy_abs())}"


def _expires(notification: Notification) -> str:
    if notification.value is not None and Decimal(notification.value) <= 0:
        return f"the credit of {notification.account} has expired"
    return _threshold_passed(notification)


def _low_by_provider(notification: Notification) -> str:
    sentence, threshold = _sentence(notification), notification.threshold
    value = None if notification.value is None else Decimal(notification.value)
    if threshold is not None and value is not None and value < threshold:
        return f"{sentence}, below the {amount(notification, threshold)} set at its provider"
    if notification.reason is Reason.REMINDER:
        return f"{sentence}, low by its provider's own measure"
    return f"{sentence}, flagged low by its provider"


def _auto_reload_missed(notification: Notification) -> str:
    threshold = notification.threshold
    below = "" if threshold is None else f" below {amount(notification, threshold)}"
    return f"{_sentence(notification)}, but auto-reload{below} did not happen"


def _payment_unsettled(notification: Notification) -> str:
    if notification.value in (PaymentOutcome.UNKNOWN, PaymentOutcome.CLAIMED):
        return f"it is not known whether a top-up of {notification.account} was paid"
    return _sentence(notification)


def _faults(notification: Notification) -> str:
    faults = "1 fault" if notification.value == "1" else f"{_value(notification)} faults"
    return METRICS[Metric.CONFIGURATION].sentence.format(value=faults)


def _runs_dry(notification: Notification) -> str:
    """Returns when a balance is used up, and how much of it is left."""
    value, limit = notification.value, notification.threshold
    if value is None or (limit is not None and Decimal(value) >= limit):
        return _threshold_passed(notification)
    sentence = f"{notification.account} runs dry in about {_value(notification)}"
    if notification.balance is None:
        return sentence
    return f"{sentence} · {with_unit(notification.balance, notification.currency or 'units')} left"


_PROBLEMS: Mapping[Metric, Callable[[Notification], str]] = {
    Metric.RUNWAY: _runs_dry,
    Metric.EMPTY: _nothing_left,
    Metric.EXPIRY: _expires,
    Metric.PROVIDER_FLAG: _low_by_provider,
    Metric.AUTO_RELOAD: _auto_reload_missed,
    Metric.TOP_UP: _payment_unsettled,
    Metric.CONFIGURATION: _faults,
}
"""The metrics whose problem takes more than one sentence and a threshold to describe."""
