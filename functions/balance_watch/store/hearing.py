"""The run record's secrets, subscribers, channels and paused accounts, as attributes: pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from balance_watch.domain.lost_secrets import DIGEST_LENGTH, Digests, LostSecret
from balance_watch.domain.run import FailingChannel, RunRecord, TopicSubscribers
from balance_watch.store.items import (
    Item,
    maybe_text,
    maybe_time,
    text_of,
    time_of,
    without_none,
)

_UNKNOWN = "?"
"""Stands for digests that did not fit into the record: base64 has no such character."""


def hearing_to_item(record: RunRecord) -> Item:
    """Returns the attributes of these parts of a run record."""
    topic = record.subscribers
    known = {} if topic is None else {"digest": topic.digest, "at": text_of(topic.at)}
    return {
        "secrets": {name: _text_of(digests) for name, digests in record.secrets.items()},
        "lost": {
            name: {"since": text_of(it.since), "accounts": _text_of(it.accounts)}
            for name, it in record.lost_secrets.items()
        },
        "channels": dict(record.channels),
        "paused": {name: text_of(until) for name, until in record.paused.items()},
        "subscribers": without_none({**known, "confirmed": topic and topic.confirmed}),
        "rejecting": {name: _failing_to_item(it) for name, it in record.failing_channels},
    }


def hearing_from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Returns these fields of a RunRecord; raises one of MALFORMED_ITEM.

    An item of an earlier release has none of the attributes.
    """
    failing = {name: _dead(map_) for name, map_ in item.get("gone", {}).items()}
    failing |= {name: _failing(map_) for name, map_ in item.get("rejecting", {}).items()}
    return {
        "failing_channels": tuple(sorted(failing.items())),
        "subscribers": _subscribers(item.get("subscribers", {})),
        "paused": {str(name): time_of(until) for name, until in item.get("paused", {}).items()},
        "channels": {str(name): str(digest) for name, digest in item.get("channels", {}).items()},
        "secrets": {name: _digests(text) for name, text in item.get("secrets", {}).items()},
        "lost_secrets": {
            name: LostSecret(time_of(lost["since"]), _digests(lost["accounts"]))
            for name, lost in item.get("lost", {}).items()
        },
    }


def _failing_to_item(channel: FailingChannel) -> Item:
    return without_none(
        {
            "digest": channel.digest,
            "since": text_of(channel.since),
            "until": text_of(channel.until),
            "why": channel.why,
            "refused_since": maybe_text(channel.refused_since),
            "refusals": channel.refusals or None,
            "pauses": channel.pauses or None,
            "try_at": maybe_text(channel.try_at),
            "unsure_at": maybe_text(channel.unsure_at),
        }
    )


def _failing(item: Mapping[str, Any]) -> FailingChannel:
    since, until = time_of(item["since"]), time_of(item["until"])
    refusals, pauses = int(item.get("refusals", 0)), int(item.get("pauses", 0))
    # An earlier release stored only that the latest failure was such an answer.
    unsure_at = maybe_time(item.get("unsure_at")) or (until if pauses and not refusals else None)
    return FailingChannel(
        str(item["digest"]),
        since,
        until,
        str(item["why"]),
        maybe_time(item.get("refused_since")),
        refusals,
        pauses,
        maybe_time(item.get("try_at")),
        unsure_at,
    )


def _dead(item: Mapping[str, Any]) -> FailingChannel:
    """Returns a channel that an earlier release took for dead, and tried once a day."""
    at = time_of(item["at"])
    since, again = at - timedelta(hours=1), at + timedelta(days=1)
    return FailingChannel(str(item["digest"]), since, at, str(item["why"]), since, 3, 9, again)


def _subscribers(item: Mapping[str, Any]) -> TopicSubscribers | None:
    if not item:
        return None
    confirmed = None if item.get("confirmed") is None else int(item["confirmed"])
    return TopicSubscribers(str(item["digest"]), time_of(item["at"]), confirmed)


def _text_of(digests: Digests | None) -> str:
    return _UNKNOWN if digests is None else "".join(sorted(digests))


def _digests(text: str) -> Digests | None:
    if text == _UNKNOWN:
        return None
    starts = range(0, len(text), DIGEST_LENGTH)
    return frozenset(text[start : start + DIGEST_LENGTH] for start in starts)
