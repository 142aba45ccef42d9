"""The run record's secrets, subscribers and channels, as attributes: pure."""

from collections.abc import Mapping
from typing import Any

from balance_watch.domain.lost_secrets import DIGEST_LENGTH, Digests, LostSecret
from balance_watch.domain.run import RejectingChannel, RunRecord, TopicSubscribers
from balance_watch.store.items import Item, text_of, time_of, without_none

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
        "subscribers": without_none({**known, "confirmed": topic and topic.confirmed}),
        "rejecting": {
            name: {
                "digest": it.digest,
                "since": text_of(it.since),
                "until": text_of(it.until),
                "why": it.why,
            }
            for name, it in record.rejecting
        },
    }


def hearing_from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Returns these fields of a RunRecord; raises one of MALFORMED_ITEM.

    An item of an earlier release has none of the attributes.
    """
    return {
        "rejecting": tuple(
            (name, _rejecting(map_)) for name, map_ in sorted(item.get("rejecting", {}).items())
        ),
        "subscribers": _subscribers(item.get("subscribers", {})),
        "channels": {str(name): str(digest) for name, digest in item.get("channels", {}).items()},
        "secrets": {name: _digests(text) for name, text in item.get("secrets", {}).items()},
        "lost_secrets": {
            name: LostSecret(time_of(lost["since"]), _digests(lost["accounts"]))
            for name, lost in item.get("lost", {}).items()
        },
    }


def _rejecting(item: Mapping[str, Any]) -> RejectingChannel:
    since, until = time_of(item["since"]), time_of(item["until"])
    return RejectingChannel(str(item["digest"]), since, until, str(item["why"]))


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
