"""The state of an account as an item, and back: pure.

It is meant to stay within one write unit, so that a quiet account costs one unit for its state.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from itertools import pairwise
from typing import Any

from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric
from balance_watch.domain.spending import Day, Fall
from balance_watch.domain.state import AccountState, RuleState, TopUpSeen
from balance_watch.domain.trend import Sample
from balance_watch.domain.use_profile import NO_PROFILE, Profile
from balance_watch.store.alerts import alert_from_item, alert_to_item
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    account_key,
    account_of,
    maybe_text,
    maybe_time,
    number_from,
    seconds_of,
    text_of,
    time_from_seconds,
    time_of,
    without_none,
)
from balance_watch.store.readings import reading_from_map, reading_to_map
from balance_watch.store.sizes import WRITE_UNIT, size_of
from balance_watch.store.use_profiles import parse_profile, serialize_profile

_TREND_BYTES, _SHORT_TREND_BYTES = 400, 120
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = Context(prec=12)


def state_key(account: str) -> Item:
    """Returns the key of an account's state."""
    return {"pk": account_key(account), "sk": "STATE"}


def state_to_item(state: AccountState) -> Item:
    """Returns the item of an account's state; its times are whole seconds, as ticks are."""
    item = without_none(
        {
            **state_key(state.account),
            "checked_at": maybe_text(state.checked_at),
            "reading": _reading_to_item(state.reading),
            "failure": _failure_to_item(state),
            "rules": _rules_to_item(state.rules) or None,
            "alerts": _alerts_to_item(state.alerts) or None,
            "days": _days_to_text(state.days) or None,
            **_profile_to_item(state.profile),
            "fall": _fall_to_text(state.fall),
            "jump": _top_up_to_item(state.top_up),
            "jump_told": maybe_text(state.top_up_notified_at),
            "provider": state.provider,
        }
    )
    if state.trend:
        free = WRITE_UNIT - size_of(item) - len("trail")
        room = min(_TREND_BYTES, max(_SHORT_TREND_BYTES, free))
        item["trail"] = _trend_to_text(state.trend, room)
    return item


def state_from_item(item: Mapping[str, Any]) -> AccountState:
    """Returns the state of an account's item; raises one of MALFORMED_ITEM.

    An unknown metric is of a newer version that was rolled back: its rules and alerts are left out.
    """
    reading, failure = item.get("reading"), item.get("failure")
    return AccountState(
        account=account_of(item),
        checked_at=maybe_time(item.get("checked_at")),
        reading=_reading_from_item(reading) if reading else None,
        failures=int(failure["count"]) if failure else 0,
        failure=ReadFailure(FailureKind(failure["kind"]), failure["message"]) if failure else None,
        failing_since=maybe_time(failure.get("since")) if failure else None,
        rules={
            name: _rule_from_item(rule)
            for name, rule in item.get("rules", {}).items()
            if rule["of"] in set(Metric)
        },
        alerts={
            Metric(metric): alert_from_item(alert)
            for metric, alert in item.get("alerts", {}).items()
            if metric in set(Metric)
        },
        trend=_trend_from_text(item.get("trail", "")),
        days=_days_from_text(item.get("days", "")),
        profile=_profile_from_item(item),
        fall=_fall_from_text(item["fall"]) if "fall" in item else None,
        top_up=_top_up_from_item(item["jump"]) if "jump" in item else None,
        top_up_notified_at=maybe_time(item.get("jump_told")),
        provider=item.get("provider"),
    )


def _reading_to_item(reading: Reading | None) -> Item | None:
    if reading is None:
        return None
    return {"observed_at": text_of(reading.observed_at), **reading_to_map(reading)}


def _reading_from_item(item: Mapping[str, Any]) -> Reading:
    return reading_from_map(item, time_of(item["observed_at"]))


def _failure_to_item(state: AccountState) -> Item | None:
    if state.failure is None:
        return None
    return without_none(
        {
            "kind": state.failure.kind.value,
            "message": state.failure.message,
            "since": maybe_text(state.failing_since),
            "count": state.failures,
        }
    )


def _rules_to_item(rules: Mapping[str, RuleState]) -> Item:
    return {
        name: {
            "of": rule.metric.value,
            "since": seconds_of(rule.since),
            "checks": rule.checks,
            "firing": rule.firing,
            **({"grave": True} if rule.grave else {}),
        }
        for name, rule in rules.items()
    }


def _rule_from_item(item: Mapping[str, Any]) -> RuleState:
    since = time_from_seconds(item["since"])
    firing, grave = item["firing"], item.get("grave", False)
    return RuleState(Metric(item["of"]), since, int(item["checks"]), firing, grave)


def _alerts_to_item(alerts: Mapping[Metric, Alert]) -> Item:
    return {metric.value: alert_to_item(alert) for metric, alert in alerts.items()}


def _top_up_to_item(top_up: TopUpSeen | None) -> Item | None:
    return None if top_up is None else {**top_up._asdict(), "at": text_of(top_up.at)}


def _top_up_from_item(item: Mapping[str, Any]) -> TopUpSeen:
    return TopUpSeen(time_of(item["at"]), number_from(item["before"]), number_from(item["after"]))


def _profile_to_item(profile: Profile) -> Item:
    if profile == NO_PROFILE:
        return {}
    hours, rest = serialize_profile(profile)
    return {"use": hours, "used": rest}


def _profile_from_item(item: Mapping[str, Any]) -> Profile:
    """Returns the profile of an item; a malformed one begins anew, and only that."""
    if "use" not in item:
        return NO_PROFILE
    try:
        return parse_profile(bytes(item["use"]), item["used"])
    except MALFORMED_ITEM:
        return NO_PROFILE


def _fall_to_text(fall: Fall | None) -> str | None:
    """Writes a fall as `minutes:size`, the minutes since the epoch; with `:?` if not confirmed."""
    if fall is None:
        return None
    return f"{seconds_of(fall.at) // 60}:{fall.size}{'' if fall.counted else ':?'}"


def _fall_from_text(text: str) -> Fall:
    minutes, size, *unconfirmed = text.split(":")
    at = datetime.fromtimestamp(int(minutes) * 60, UTC)
    return Fall(at, Decimal(size), counted=not unconfirmed)


def _trend_to_text(trend: tuple[Sample, ...], room: int) -> str:
    """Writes a trend as `minutes:balance`, the minutes since the sample before (first: the epoch).

    What was spent, and in how many minutes, follow if that is not just the difference between two
    samples. If the text is longer than the room, every other sample is left out, never the latest.
    """
    firsts = (Sample(_EPOCH, Decimal(0)), *trend)
    pairs = (_sample_to_text(before, after) for before, after in pairwise(firsts))
    text = " ".join(pairs)
    if len(text) <= room or len(trend) == 1:
        return text
    return _trend_to_text(_thinned(trend), room)


def _thinned(trend: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Leaves out every other sample, and adds what was spent before it to the next one."""
    first = (len(trend) + 1) % 2
    return tuple(
        sample if index < 1 else sample.after(trend[index - 1])
        for index, sample in enumerate(trend)
        if index % 2 == first
    )


def _sample_to_text(before: Sample, after: Sample) -> str:
    minutes, covered = _minutes_of(after) - _minutes_of(before), _minutes(after.covered)
    text = f"{minutes}:{after.balance:f}"
    if before.at == _EPOCH or (after.spent, covered) == (_spent_between(before, after), minutes):
        return text
    return f"{text}:{after.spent:f}:{covered}"


def _minutes_of(sample: Sample) -> int:
    return seconds_of(sample.at) // 60


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60


def _spent_between(before: Sample, after: Sample) -> Decimal:
    return _KEPT.subtract(before.balance, after.balance)


def _trend_from_text(text: str) -> tuple[Sample, ...]:
    trend: list[Sample] = []
    at = _EPOCH
    for part in text.split():
        minutes, balance, *more = part.split(":")
        at += timedelta(minutes=int(minutes))
        sample = Sample(at, Decimal(balance))
        if more:
            spent, covered = more
            sample = Sample(at, sample.balance, Decimal(spent), timedelta(minutes=int(covered)))
        elif trend:
            spent_since = _spent_between(trend[-1], sample)
            sample = Sample(at, sample.balance, spent_since, timedelta(minutes=int(minutes)))
        trend.append(sample)
    return tuple(trend)


def _days_to_text(days: tuple[Day, ...]) -> str:
    """Writes days as `day:spent:seconds`, in days since the epoch."""
    return " ".join(
        f"{(day.day - _EPOCH.date()).days}:{day.spent}:{int(day.covered.total_seconds())}"
        for day in days
    )


def _days_from_text(text: str) -> tuple[Day, ...]:
    """Returns the days of a text; one of an earlier release may have a fourth part."""
    parts = (day.split(":") for day in text.split())
    return tuple(
        Day(_EPOCH.date() + timedelta(int(day)), Decimal(spent), timedelta(seconds=int(seconds)))
        for day, spent, seconds, *_ in parts
    )
