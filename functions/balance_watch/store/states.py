"""The state of an account as an item, and back: pure.

It is meant to stay within one write unit, so that a quiet account costs one unit for its state.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric
from balance_watch.domain.state import AccountState, Removed, RuleState, TopUpSeen
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
from balance_watch.store.packs import readings_from_text, readings_to_text
from balance_watch.store.readings import reading_from_map, reading_to_map
from balance_watch.store.sizes import WRITE_UNIT, size_of
from balance_watch.store.spending import spending_from_item, spending_to_item


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
            "recent": readings_to_text(state.recent, state.reading) or None,
            "failure": _failure_to_item(state),
            "rules": _rules_to_item(state.rules) or None,
            "alerts": _alerts_to_item(state.alerts) or None,
            "jump": _top_up_to_item(state.top_up),
            "jump_told": maybe_text(state.top_up_notified_at),
            "provider": state.provider,
            "purse": state.purse,
            "gaps": " ".join(str(int(gap.total_seconds())) for gap in state.gaps) or None,
            **_removed_to_item(state.removed),
        }
    )
    return item | spending_to_item(state, room=WRITE_UNIT - size_of(item))


def state_from_item(item: Mapping[str, Any]) -> AccountState:
    """Returns the state of an account's item; raises one of MALFORMED_ITEM.

    An unknown metric is of a newer version that was rolled back: its rules and alerts are left out.
    """
    failure = item.get("failure")
    reading = _reading_from_item(item["reading"]) if item.get("reading") else None
    return AccountState(
        account=account_of(item),
        checked_at=maybe_time(item.get("checked_at")),
        reading=reading,
        recent=_recent_from_item(item, reading),
        failures=int(failure["count"]) if failure else 0,
        failure=ReadFailure(FailureKind(failure["kind"]), failure["message"]) if failure else None,
        failing_since=maybe_time(failure.get("since")) if failure else None,
        rules=_rules_from_item(item.get("rules", {})),
        alerts=_alerts_from_item(item.get("alerts", {})),
        **spending_from_item(item),
        top_up=_top_up_from_item(item["jump"]) if "jump" in item else None,
        top_up_notified_at=maybe_time(item.get("jump_told")),
        provider=item.get("provider"),
        purse=item.get("purse"),
        removed=_removed_from_item(item),
        gaps=tuple(timedelta(seconds=int(gap)) for gap in item.get("gaps", "").split()),
    )


def _reading_to_item(reading: Reading | None) -> Item | None:
    if reading is None:
        return None
    return {"observed_at": text_of(reading.observed_at), **reading_to_map(reading)}


def _reading_from_item(item: Mapping[str, Any]) -> Reading:
    return reading_from_map(item, time_of(item["observed_at"]))


def _recent_from_item(item: Mapping[str, Any], latest: Reading | None) -> tuple[Reading, ...]:
    """Returns the readings of the last hour; malformed ones are left out, and only they."""
    try:
        return readings_from_text(item.get("recent", ""), latest)
    except MALFORMED_ITEM:
        return ()


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
            **({"by": list(rule.thresholds)} if rule.thresholds else {}),
            **({"seen": seconds_of(rule.seen_at)} if rule.seen_at else {}),
        }
        for name, rule in rules.items()
    }


def _rules_from_item(item: Mapping[str, Any]) -> dict[str, RuleState]:
    return {name: _rule_from_item(rule) for name, rule in item.items() if rule["of"] in set(Metric)}


def _rule_from_item(item: Mapping[str, Any]) -> RuleState:
    since = time_from_seconds(item["since"])
    firing, grave = item["firing"], item.get("grave", False)
    thresholds = tuple(number_from(it) for it in item.get("by", ()))
    seen_at = time_from_seconds(item["seen"]) if "seen" in item else None
    metric, checks = Metric(item["of"]), int(item["checks"])
    return RuleState(metric, since, checks, firing, grave, thresholds, seen_at)


def _alerts_to_item(alerts: Mapping[Metric, Alert]) -> Item:
    return {metric.value: alert_to_item(alert) for metric, alert in alerts.items()}


def _alerts_from_item(item: Mapping[str, Any]) -> dict[Metric, Alert]:
    return {
        Metric(metric): alert_from_item(alert)
        for metric, alert in item.items()
        if metric in set(Metric)
    }


def _removed_to_item(removed: Removed | None) -> Item:
    if removed is None:
        return {}
    return {
        "removed_at": text_of(removed.at),
        "removed_rules": _rules_to_item(removed.rules),
        "removed_alerts": _alerts_to_item(removed.alerts),
    }


def _removed_from_item(item: Mapping[str, Any]) -> Removed | None:
    if "removed_at" not in item:
        return None
    return Removed(
        time_of(item["removed_at"]),
        _rules_from_item(item.get("removed_rules", {})),
        _alerts_from_item(item.get("removed_alerts", {})),
    )


def _top_up_to_item(top_up: TopUpSeen | None) -> Item | None:
    return None if top_up is None else {**top_up._asdict(), "at": text_of(top_up.at)}


def _top_up_from_item(item: Mapping[str, Any]) -> TopUpSeen:
    return TopUpSeen(time_of(item["at"]), number_from(item["before"]), number_from(item["after"]))
