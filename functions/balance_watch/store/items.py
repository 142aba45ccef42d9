"""From the domain to the table's items and back: pure. docs/architecture.md has the layout.

Every item is meant to stay within 1 KB, so that writing it takes one write unit.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any

from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.payment import Paid, Payment, PaymentOutcome
from balance_watch.domain.reading import AutoReload, FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.spending import Day
from balance_watch.domain.state import AccountState, RuleState, TopUpSeen
from balance_watch.domain.trend import Sample
from balance_watch.store.sizes import size_of

Item = dict[str, Any]
"""An item in boto3's plain form: strings, Decimals, booleans, lists, maps."""

MALFORMED_ITEM = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)
"""What reading an item raises that was damaged, or is of another version."""

STATE = "STATE"
RUN = {"pk": "RUN", "sk": "RUN"}
POLICY = {"pk": "POLICY", "sk": "LAST_GOOD"}
_READING = "AT#"
WRITE_UNIT = 1024
"""Bytes that one write unit pays for ("Write operation consumption", DynamoDB developer guide)."""

_TRAIL_BYTES, _SHORT_TRAIL_BYTES = 400, 120
_EPOCH = date(1970, 1, 1)


def account_key(account: str) -> str:
    """Returns the partition of an account: its state, its readings, its top-ups."""
    return f"ACCOUNT#{account}"


def state_key(account: str) -> Item:
    """Returns the key of an account's state."""
    return {"pk": account_key(account), "sk": STATE}


def reading_key(account: str, at: datetime) -> Item:
    """Returns the key of the reading of one tick: a tick has one, however often it is written."""
    return {"pk": account_key(account), "sk": reading_sort(at)}


def reading_sort(at: datetime) -> str:
    """Returns the sort key of a reading; readings sort by time."""
    return f"{_READING}{text_of(at)}"


def top_up_key(account: str) -> Item:
    """Returns the key of the latest payment into an account."""
    return {"pk": account_key(account), "sk": "TOPUP"}


def reading_to_item(account: str, reading: Reading, days: int) -> Item:
    """Returns the history's item; it expires after so many days."""
    return {
        **reading_key(account, reading.observed_at),
        **_reading_map(reading),
        "expires_at": int((reading.observed_at + timedelta(days=days)).timestamp()),
    }


def reading_from_item(item: Mapping[str, Any]) -> Reading:
    """Returns the reading of a history's item."""
    return _reading(item, time_of(item["sk"].removeprefix(_READING)))


def state_to_item(state: AccountState) -> Item:
    """Returns an account's state; times within it are whole seconds, as ticks are."""
    item: Item = {**state_key(state.account), "checked_at": maybe_text(state.checked_at)}
    if state.reading is not None:
        item["reading"] = {
            "observed_at": text_of(state.reading.observed_at),
            **_reading_map(state.reading),
        }
    if state.failure is not None:
        item["failure"] = without_none(
            {
                "kind": state.failure.kind.value,
                "message": state.failure.message,
                "since": maybe_text(state.failing_since),
                "count": state.failures,
            }
        )
    if state.rules:
        item["rules"] = {
            name: {
                "of": rule.metric.value,
                "since": _seconds(rule.since),
                "checks": rule.checks,
                "firing": rule.firing,
            }
            for name, rule in state.rules.items()
        }
    if state.alerts:
        item["alerts"] = {metric.value: alert_to_item(it) for metric, it in state.alerts.items()}
    if state.days:
        item["days"] = _days_text(state.days)
    if state.top_up is not None:
        item["jump"] = {**state.top_up._asdict(), "at": text_of(state.top_up.at)}
    item["jump_told"] = maybe_text(state.top_up_notified_at)
    item["provider"] = state.provider
    item = without_none(item)
    if state.trend:
        room = WRITE_UNIT - size_of(item) - len("trail")
        item["trail"] = _trail_text(state.trend, min(_TRAIL_BYTES, max(_SHORT_TRAIL_BYTES, room)))
    return item


def state_from_item(item: Mapping[str, Any]) -> AccountState:
    """Returns the state of an account's item; one that cannot be understood raises."""
    reading = item.get("reading")
    failure = item.get("failure")
    return AccountState(
        account=item["pk"].removeprefix(account_key("")),
        checked_at=maybe_time(item.get("checked_at")),
        reading=_reading(reading, time_of(reading["observed_at"])) if reading else None,
        failures=int(failure["count"]) if failure else 0,
        failure=ReadFailure(FailureKind(failure["kind"]), failure["message"]) if failure else None,
        failing_since=maybe_time(failure.get("since")) if failure else None,
        rules={
            name: RuleState(
                Metric(rule["of"]), _at(rule["since"]), int(rule["checks"]), rule["firing"]
            )
            for name, rule in item.get("rules", {}).items()
            if rule["of"] in set(Metric)
        },
        # A metric that is not known is of a newer version that was rolled back.
        alerts={
            Metric(metric): alert_from_item(it)
            for metric, it in item.get("alerts", {}).items()
            if metric in set(Metric)
        },
        trend=_trail(item.get("trail", "")),
        days=_days(item.get("days", "")),
        top_up=_jump(item["jump"]) if "jump" in item else None,
        top_up_notified_at=maybe_time(item.get("jump_told")),
        provider=item.get("provider"),
    )


def payment_to_item(account: str, payment: Payment) -> Item:
    """Returns the latest payment into an account."""
    return {
        **top_up_key(account),
        "claimed_at": text_of(payment.claimed_at),
        "answers": payment.idempotency_key,
        "outcome": payment.outcome.value,
        "earlier": [[text_of(each.at), each.idempotency_key] for each in payment.earlier],
    }


def payment_from_item(item: Mapping[str, Any]) -> Payment:
    """Returns the payment of an item; one that cannot be understood raises."""
    return Payment(
        time_of(item["claimed_at"]),
        item.get("answers", ""),
        PaymentOutcome(item["outcome"]),
        tuple(Paid(time_of(at), answers) for at, answers in item.get("earlier", ())),
    )


def _reading_map(reading: Reading) -> Item:
    """Short names: with 400 days of readings, names are a good part of what is stored and paid."""
    auto = reading.auto_reload
    return without_none(
        {
            "bal": reading.balance,
            "cur": reading.currency,
            "credits": reading.credits,
            "points": reading.points,
            "flag": reading.provider_flag,
            "limit": reading.provider_threshold,
            "reload": auto and auto.enabled,
            "reload_at": auto and auto.threshold,
            "reload_by": auto and auto.amount,
            "as_of": maybe_text(reading.provider_time),
            "status": reading.status,
        }
    )


def _reading(item: Mapping[str, Any], observed_at: datetime) -> Reading:
    reload = item.get("reload")
    return Reading(
        observed_at=observed_at,
        balance=_number(item["bal"]),
        currency=item["cur"],
        credits=item.get("credits"),
        points=item.get("points"),
        provider_flag=item.get("flag"),
        provider_threshold=item.get("limit"),
        auto_reload=None
        if reload is None
        else AutoReload(reload, item.get("reload_at"), item.get("reload_by")),
        provider_time=maybe_time(item.get("as_of")),
        status=item.get("status"),
    )


def alert_to_item(alert: Alert) -> Item:
    """Returns what an item holds of an alert."""
    return without_none(
        {
            "rule": alert.rule,
            "severity": alert.severity.value,
            "since": _seconds(alert.since),
            "firing": alert.firing,
            "told": alert.notified and alert.notified.value,
            "told_at": alert.notified_at and _seconds(alert.notified_at),
            "fired_at": alert.fired_at and _seconds(alert.fired_at),
            "fired_as": alert.fired_as and alert.fired_as.value,
            "channels": list(alert.channels),
            "ended_at": alert.ended_at and _seconds(alert.ended_at),
        }
    )


def alert_from_item(item: Mapping[str, Any]) -> Alert:
    """Returns the alert that a part of an item holds; one that is not understood raises."""
    return Alert(
        rule=item["rule"],
        severity=Severity(item["severity"]),
        since=_at(item["since"]),
        firing=item["firing"],
        notified=Severity(item["told"]) if "told" in item else None,
        notified_at=_at(item["told_at"]) if "told_at" in item else None,
        fired_at=_at(item["fired_at"]) if "fired_at" in item else None,
        fired_as=Severity(item["fired_as"]) if "fired_as" in item else None,
        channels=tuple(item["channels"]),
        ended_at=_at(item["ended_at"]) if "ended_at" in item else None,
    )


def _number(value: object) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError("not a number")
    return value


def _jump(item: Mapping[str, Any]) -> TopUpSeen:
    return TopUpSeen(time_of(item["at"]), _number(item["before"]), _number(item["after"]))


def _seconds(at: datetime) -> int:
    """A time within a state: six bytes instead of twenty."""
    return int(at.timestamp())


def _at(seconds: Decimal) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _trail_text(window: tuple[Sample, ...], room: int) -> str:
    """Packs the window as `minutes:balance`, minutes since the sample before, first the epoch.

    Where there is no room for it, every other sample goes, never the latest.
    """
    minutes = [_seconds(it.at) // 60 for it in window]
    gaps = [now - before for before, now in pairwise((0, *minutes))]
    text = " ".join(f"{gap}:{it.balance:f}" for gap, it in zip(gaps, window, strict=True))
    if len(text) <= room or len(window) == 1:
        return text
    return _trail_text(window[(len(window) + 1) % 2 :: 2], room)


def _trail(text: str) -> tuple[Sample, ...]:
    pairs = [pair.split(":") for pair in text.split()]
    minutes = accumulate(int(gap) for gap, _ in pairs)
    return tuple(
        Sample(datetime.fromtimestamp(minute * 60, UTC), Decimal(balance))
        for minute, (_, balance) in zip(minutes, pairs, strict=True)
    )


def _days_text(days: tuple[Day, ...]) -> str:
    """Packs days as `day:spent:seconds:fell`, days since the epoch; without the last if it is 0."""
    return " ".join(
        f"{(it.day - _EPOCH).days}:{it.spent}:{int(it.covered.total_seconds())}"
        + (f":{it.fell}" if it.fell else "")
        for it in days
    )


def _days(text: str) -> tuple[Day, ...]:
    parts = (day.split(":") for day in text.split())
    return tuple(
        Day(
            _EPOCH + timedelta(int(day)),
            Decimal(spent),
            timedelta(seconds=int(seconds)),
            *map(Decimal, fell),
        )
        for day, spent, seconds, *fell in parts
    )


def without_none(item: Item) -> Item:
    """Returns an item without what is not known: nothing is stored of it."""
    return {name: value for name, value in item.items() if value is not None}


def text_of(at: datetime) -> str:
    """Writes a time to the second, so that texts sort as times do.

    Not by strftime: it writes the year 1, a provider's way to say never, with a single digit.
    """
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def time_of(text: str) -> datetime:
    """Returns the time that `text_of` wrote; any other text raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


def maybe_text(at: datetime | None) -> str | None:
    """As `text_of`; None for None."""
    return None if at is None else text_of(at)


def maybe_time(text: str | None) -> datetime | None:
    """As `time_of`; None for None."""
    return None if text is None else time_of(text)
