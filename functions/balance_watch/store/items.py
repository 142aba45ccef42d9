"""From the domain to the table's items and back: pure. docs/architecture.md has the layout.

Every item is meant to stay within 1 KB, so that writing it takes one write unit.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from balance_watch.domain.alerts import AccountState, RuleState
from balance_watch.domain.configuration import ConfigurationState
from balance_watch.domain.episode import Alert
from balance_watch.domain.notification import Notification, Owed, Reason
from balance_watch.domain.reading import AutoReload, FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.window import Sample

Item = dict[str, Any]
"""An item in boto3's plain form: strings, Decimals, booleans, lists, maps."""

STATE = "STATE"
RUN = {"pk": "RUN", "sk": "RUN"}
POLICY = {"pk": "POLICY", "sk": "LAST_GOOD"}
OUTBOX = "OUTBOX"
_NUMERIC = (Metric.BALANCE, Metric.CREDITS, Metric.POINTS, Metric.PROVIDER_FLAG)
_READING = "AT#"
_WINDOW_BYTES = 400


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


def reading_item(account: str, reading: Reading, days: int) -> Item:
    """Returns the history's item; it expires after so many days."""
    return {
        **reading_key(account, reading.observed_at),
        **_reading_map(reading),
        "expires_at": int((reading.observed_at + timedelta(days=days)).timestamp()),
    }


def reading_from(item: Mapping[str, Any]) -> Reading:
    """Returns the reading of a history's item."""
    return _reading(item, _time(item["sk"].removeprefix(_READING)))


def state_item(state: AccountState) -> Item:
    """Returns an account's state; times within it are whole seconds, as ticks are."""
    item: Item = {**state_key(state.account), "checked_at": _maybe_text(state.checked_at)}
    if state.reading is not None:
        item["reading"] = {
            "observed_at": text_of(state.reading.observed_at),
            **_reading_map(state.reading),
        }
    if state.failure is not None:
        item["failure"] = _without_none(
            {
                "kind": state.failure.kind.value,
                "message": state.failure.message,
                "since": _maybe_text(state.failing_since),
                "count": state.failures,
            }
        )
    if state.rules:
        item["rules"] = {
            name: {"since": text_of(rule.since), "checks": rule.checks, "firing": rule.firing}
            for name, rule in state.rules.items()
        }
    if state.alerts:
        item["alerts"] = {metric.value: _alert_map(it) for metric, it in state.alerts.items()}
    if state.window:
        item["window"] = _window_text(state.window)
    return _without_none(item)


def state_from(item: Mapping[str, Any]) -> AccountState:
    """Returns the state of an account's item; one that cannot be understood raises."""
    reading = item.get("reading")
    failure = item.get("failure")
    return AccountState(
        account=item["pk"].removeprefix(account_key("")),
        checked_at=_maybe_time(item.get("checked_at")),
        reading=_reading(reading, _time(reading["observed_at"])) if reading else None,
        failures=int(failure["count"]) if failure else 0,
        failure=ReadFailure(FailureKind(failure["kind"]), failure["message"]) if failure else None,
        failing_since=_maybe_time(failure.get("since")) if failure else None,
        rules={
            name: RuleState(_time(rule["since"]), int(rule["checks"]), rule["firing"])
            for name, rule in item.get("rules", {}).items()
        },
        # A metric that is not known is of a newer version that was rolled back.
        alerts={
            Metric(metric): _alert(it)
            for metric, it in item.get("alerts", {}).items()
            if metric in set(Metric)
        },
        window=_window(item.get("window", "")),
    )


def configuration_map(state: ConfigurationState) -> Item:
    """Returns what the run's item holds of the configuration."""
    alert = None if state.alert is None else _alert_map(state.alert)
    return _without_none({"faults": list(state.faults), "alert": alert})


def configuration_from(item: Mapping[str, Any]) -> ConfigurationState:
    """Returns the configuration's state out of the run's item."""
    alert = item.get("alert")
    return ConfigurationState(tuple(item.get("faults", ())), _alert(alert) if alert else None)


def owed_key(owed: Owed) -> Item:
    """Returns the key of what is owed: in the order in which it was said, once per channel."""
    said = owed.notification
    return {"pk": OUTBOX, "sk": f"{text_of(said.said_at)}#{said.alert_id}#{owed.channel}"}


def owed_item(owed: Owed) -> Item:
    """Returns the outbox's item: everything that a channel needs to send it."""
    said = owed.notification
    return {
        **owed_key(owed),
        "channel": owed.channel,
        "notification": json.dumps(
            _without_none(
                {
                    "alert_id": said.alert_id,
                    "account": said.account,
                    "provider": said.provider,
                    "rule": said.rule,
                    "metric": said.metric.value,
                    "severity": said.severity.value,
                    "reason": said.reason.value,
                    "since": text_of(said.since),
                    "said_at": text_of(said.said_at),
                    "value": said.value,
                    "threshold": _maybe_digits(said.threshold),
                    "currency": said.currency,
                    "balance": _maybe_digits(said.balance),
                    "observed_at": _maybe_text(said.observed_at),
                    "labels": dict(said.labels),
                    "detail": said.detail,
                    "trend": [f"{each:f}" for each in said.trend],
                    "link": said.link,
                }
            ),
            ensure_ascii=False,
        ),
    }


def owed_from(item: Mapping[str, Any]) -> Owed:
    """Returns what an outbox's item owes; one that cannot be understood raises."""
    said = json.loads(item["notification"])
    if Metric(said["metric"]) in _NUMERIC and "value" in said:
        Decimal(said["value"])
    return Owed(
        Notification(
            alert_id=said["alert_id"],
            account=said["account"],
            provider=said["provider"],
            rule=said["rule"],
            metric=Metric(said["metric"]),
            severity=Severity(said["severity"]),
            reason=Reason(said["reason"]),
            since=_time(said["since"]),
            said_at=_time(said["said_at"]),
            value=said.get("value"),
            threshold=_maybe_number(said.get("threshold")),
            currency=said.get("currency"),
            balance=_maybe_number(said.get("balance")),
            observed_at=_maybe_time(said.get("observed_at")),
            labels=said["labels"],
            detail=said["detail"],
            trend=tuple(Decimal(each) for each in said["trend"]),
            link=said.get("link"),
        ),
        item["channel"],
    )


def _reading_map(reading: Reading) -> Item:
    """Short names: with 400 days of readings, names are a good part of what is stored and paid."""
    auto = reading.auto_reload
    return _without_none(
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
            "as_of": _maybe_text(reading.provider_time),
            "status": reading.status,
        }
    )


def _reading(item: Mapping[str, Any], observed_at: datetime) -> Reading:
    reload = item.get("reload")
    return Reading(
        observed_at=observed_at,
        balance=item["bal"],
        currency=item["cur"],
        credits=item.get("credits"),
        points=item.get("points"),
        provider_flag=item.get("flag"),
        provider_threshold=item.get("limit"),
        auto_reload=None
        if reload is None
        else AutoReload(reload, item.get("reload_at"), item.get("reload_by")),
        provider_time=_maybe_time(item.get("as_of")),
        status=item.get("status"),
    )


def _alert_map(alert: Alert) -> Item:
    return _without_none(
        {
            "rule": alert.rule,
            "severity": alert.severity.value,
            "since": text_of(alert.since),
            "firing": alert.firing,
            "told": alert.told and alert.told.value,
            "told_at": _maybe_text(alert.told_at),
            "fired_at": _maybe_text(alert.fired_at),
            "fired_as": alert.fired_as and alert.fired_as.value,
            "channels": list(alert.channels),
        }
    )


def _alert(item: Mapping[str, Any]) -> Alert:
    return Alert(
        rule=item["rule"],
        severity=Severity(item["severity"]),
        since=_time(item["since"]),
        firing=item["firing"],
        told=Severity(item["told"]) if "told" in item else None,
        told_at=_maybe_time(item.get("told_at")),
        fired_at=_maybe_time(item.get("fired_at")),
        fired_as=Severity(item["fired_as"]) if "fired_as" in item else None,
        channels=tuple(item["channels"]),
    )


def _window_text(window: tuple[Sample, ...]) -> str:
    """Packs the window as `hour:balance`, hours since the epoch.

    Where the numbers are long, every other sample goes, never the latest.
    """
    text = " ".join(f"{int(it.hour.timestamp()) // 3600}:{it.balance:f}" for it in window)
    return text if len(text) <= _WINDOW_BYTES else _window_text(window[(len(window) + 1) % 2 :: 2])


def _window(text: str) -> tuple[Sample, ...]:
    pairs = (pair.split(":") for pair in text.split())
    return tuple(
        Sample(datetime.fromtimestamp(int(hour) * 3600, UTC), Decimal(balance))
        for hour, balance in pairs
    )


def _without_none(item: Item) -> Item:
    return {name: value for name, value in item.items() if value is not None}


def text_of(at: datetime) -> str:
    """Writes a time to the second, so that texts sort as times do.

    Not by strftime: it writes the year 1, a provider's way to say never, with a single digit.
    """
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe_text(at: datetime | None) -> str | None:
    return None if at is None else text_of(at)


def _maybe_time(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def _maybe_digits(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _maybe_number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
