"""The state of an account as an item, and back: pure.

It is meant to stay within one write unit, so that a quiet account costs one unit for its state.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from itertools import accumulate, pairwise
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

_TREND_BYTES, _SHORT_TREND_BYTES = 400, 80
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = Context(prec=12)
_WHOLE_DAY = timedelta(days=1)


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
    if size_of(item) > WRITE_UNIT - _SHORT_TREND_BYTES and state.days:
        del item["days"]
        item["week"] = _days_to_short_text(state.days)
    if state.trend:
        free = WRITE_UNIT - size_of(item) - len("trail")
        room = min(_TREND_BYTES, max(_SHORT_TREND_BYTES, free))
        item |= _trend_to_item(state.trend, room)
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
        trend=_trend_from_item(item),
        days=_days_from_item(item),
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


def _trend_to_item(trend: tuple[Sample, ...], room: int) -> Item:
    """Writes a trend as `minutes:balance`, the minutes since the sample before (first: the epoch).

    `spans` is about the samples before which the balance was topped up, or was not observed for all
    the time: `number:spent:minutes`. If all of it is longer than the room, every other sample is
    left out, but never the latest.
    """
    firsts = (Sample(_EPOCH, Decimal(0)), *trend)
    gaps = [_minutes_between(before, after) for before, after in pairwise(firsts)]
    text = " ".join(f"{gap}:{it.balance:f}" for gap, it in zip(gaps, trend, strict=True))
    spans = " ".join(
        f"{number}:{after.spent:f}:{_minutes(after.covered)}"
        for number, (before, after) in enumerate(pairwise(trend), 1)
        if (after.spent, _minutes(after.covered)) != _difference(before, after)
    )
    if len(text) + len(spans) > room and len(trend) > 1:
        return _trend_to_item(_thinned(trend), room)
    return {"trail": text, **({"spans": spans} if spans else {})}


def _trend_from_item(item: Mapping[str, Any]) -> tuple[Sample, ...]:
    pairs = [pair.split(":") for pair in item.get("trail", "").split()]
    minutes = accumulate(int(gap) for gap, _ in pairs)
    trend = [
        Sample(_EPOCH + timedelta(minutes=at), Decimal(balance))
        for at, (_, balance) in zip(minutes, pairs, strict=True)
    ]
    spans = {
        int(number): (Decimal(spent), int(covered))
        for number, spent, covered in (it.split(":") for it in item.get("spans", "").split())
    }
    for number, (before, after) in enumerate(pairwise(tuple(trend)), 1):
        spent, covered = spans.get(number, _difference(before, after))
        trend[number] = after._replace(spent=spent, covered=timedelta(minutes=covered))
    return tuple(trend)


def _thinned(trend: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Leaves out every other sample, and adds what was spent before it to the next one."""
    return tuple(
        trend[index].after(trend[index - 1]) if index else trend[index]
        for index in range((len(trend) + 1) % 2, len(trend), 2)
    )


def _difference(before: Sample, after: Sample) -> tuple[Decimal, int]:
    """Returns what was spent between two samples, in how many minutes, if there was no top-up."""
    return _KEPT.subtract(before.balance, after.balance), _minutes_between(before, after)


def _minutes_between(before: Sample, after: Sample) -> int:
    return seconds_of(after.at) // 60 - seconds_of(before.at) // 60


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds()) // 60


def _days_to_text(days: tuple[Day, ...]) -> str:
    """Writes days as `day:spent:seconds`, in days since the epoch."""
    return " ".join(
        f"{_number_of(day)}:{day.spent}:{int(day.covered.total_seconds())}" for day in days
    )


def _days_to_short_text(days: tuple[Day, ...]) -> str:
    """Writes days as `day@spent/seconds`, the days since the day before (first: the epoch).

    That a day follows the one before, and that all of it was observed, go without saying.
    """
    gaps = (number - before for before, number in pairwise((0, *map(_number_of, days))))
    return " ".join(
        f"{'' if gap == 1 else f'{gap}@'}{day.spent.normalize():f}"
        f"{'' if day.covered == _WHOLE_DAY else f'/{int(day.covered.total_seconds())}'}"
        for gap, day in zip(gaps, days, strict=True)
    )


def _days_from_item(item: Mapping[str, Any]) -> tuple[Day, ...]:
    """Returns the days of an item; those of an earlier release may have a fourth part."""
    if "week" in item:
        return tuple(_days_from_short_text(item["week"]))
    parts = (day.split(":") for day in item.get("days", "").split())
    return tuple(
        Day(_date(int(day)), Decimal(spent), timedelta(seconds=int(seconds)))
        for day, spent, seconds, *_ in parts
    )


def _days_from_short_text(text: str) -> Iterator[Day]:
    number = 0
    for part in text.split():
        gap, has_gap, rest = part.rpartition("@")
        spent, has_seconds, seconds = rest.partition("/")
        number += int(gap) if has_gap else 1
        covered = timedelta(seconds=int(seconds)) if has_seconds else _WHOLE_DAY
        yield Day(_date(number), Decimal(spent), covered)


def _number_of(day: Day) -> int:
    return (day.day - _EPOCH.date()).days


def _date(number: int) -> date:
    return _EPOCH.date() + timedelta(number)
