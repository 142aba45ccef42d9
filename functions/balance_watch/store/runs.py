"""What the run's item holds beside the claim: configuration, silences, who is alerted on."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.silences import Silence
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    alert_from_item,
    alert_to_item,
    text_of,
    time_of,
    without_none,
)

_SILENCE = "silence:"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeadChannel:
    """A webhook that answered that it is gone for good.

    `digest` tells its address from another, and does not tell the address.
    """

    digest: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What one run leaves to the next beside the accounts' own states.

    `alerted` names the accounts that have an alert, so that the next run knows them if they
    disappear; `gone` has the webhooks that are not to be tried.
    """

    configuration: ConfigurationState = field(default_factory=ConfigurationState)
    policy_digest: str | None = None
    alerted: tuple[str, ...] = ()
    dead_channels: tuple[tuple[str, DeadChannel], ...] = ()


def record_to_item(notes: RunRecord) -> Item:
    """Returns the attributes of the run's item that hold the notes."""
    return {
        "configuration": configuration_to_item(notes.configuration),
        "policy_digest": notes.policy_digest or "",
        "alerted": list(notes.alerted),
        "gone": {
            channel: {"digest": it.digest, "at": text_of(it.at), "why": it.why}
            for channel, it in notes.dead_channels
        },
    }


def record_from_item(item: Mapping[str, Any]) -> RunRecord:
    """Returns the notes in the run's item; one that cannot be understood begins anew."""
    try:
        gone = item.get("gone", {}).items()
        return RunRecord(
            configuration_from_item(item.get("configuration", {})),
            item.get("policy_digest"),
            tuple(map(str, item.get("alerted", ()))),
            tuple(
                (name, DeadChannel(it["digest"], time_of(it["at"]), it["why"])) for name, it in gone
            ),
        )
    except MALFORMED_ITEM as error:
        _log.error("notes of the last run not understood", extra={"why": type(error).__name__})
        return RunRecord()


def configuration_to_item(state: ConfigurationState) -> Item:
    """Returns what the run's item holds of the configuration."""
    alert = None if state.alert is None else alert_to_item(state.alert)
    told = [[fault, text_of(at)] for fault, at in state.notified]
    return without_none({"faults": list(state.faults), "alert": alert, "told": told})


def configuration_from_item(item: Mapping[str, Any]) -> ConfigurationState:
    """Returns the configuration's state out of the run's item."""
    alert = item.get("alert")
    faults = tuple(map(str, item.get("faults", ())))
    told = tuple((str(fault), time_of(at)) for fault, at in item.get("told", ()))
    return ConfigurationState(faults, alert_from_item(alert) if alert else None, told)


def silence_attribute(name: str) -> str:
    """Returns the attribute of a silence: one each, so that two commands do not meet."""
    return f"{_SILENCE}{name}"


def silence_to_item(silence: Silence) -> Item:
    """Returns what an attribute holds of a silence."""
    return {
        "match": dict(silence.match),
        "until": text_of(silence.until),
        "reason": silence.reason,
        "created_at": text_of(silence.created_at),
    }


def silences_from_item(item: Mapping[str, Any]) -> tuple[Silence, ...]:
    """Returns the silences in the run's item, the first to end first."""
    found = []
    for attribute, it in item.items():
        if not attribute.startswith(_SILENCE):
            continue
        name = attribute.removeprefix(_SILENCE)
        try:
            until, created = time_of(it["until"]), time_of(it["created_at"])
            match = {fact: glob for fact, glob in it["match"].items() if isinstance(glob, str)}
            if not match or len(match) < len(it["match"]):
                raise ValueError("no globs")
            found.append(Silence(name, match, until, str(it["reason"]), created))
        except MALFORMED_ITEM as error:
            facts = {"silence": name, "why": type(error).__name__}
            _log.error("silence not understood: it silences nothing", extra=facts)
    return tuple(sorted(found, key=lambda each: each.until))


def ended_silences(silences: Iterable[Silence], now: datetime) -> list[str]:
    """Returns the attributes of silences that have ended."""
    return [silence_attribute(each.name) for each in silences if each.until <= now]
