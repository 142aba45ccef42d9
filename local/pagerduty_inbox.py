"""A loopback inbox for PagerDuty's Events API v2, which holds to its documented limits.

https://github.com/PagerDuty/developer-docs/tree/main/docs/events-API-v2
"""

import json
from collections.abc import Iterator
from typing import Any

from local.loopback import Reply, Request
from local.scripted_inbox import CANARY, Judged, ScriptedInbox

ROUTING_KEY = f"{CANARY}routing"
_MAX_EVENT = 512 * 1024
_MAX_DEDUP_KEY = 255
_MAX_SUMMARY = 1024
_SEVERITIES = ("critical", "error", "warning", "info")
_ACTIONS = ("trigger", "acknowledge", "resolve")


class PagerDutyInbox(ScriptedInbox):
    """Keeps the accepted events of one routing key."""

    canary = ROUTING_KEY
    accepted_reply = Reply(202, b'{"status": "success", "message": "Event processed"}')

    @property
    def secret(self) -> dict[str, Any]:
        """The routing key `default`, and this server as the region."""
        return {"routing_keys": {"default": ROUTING_KEY}, "base_url": self.url}

    def judge(self, request: Request) -> Judged:
        """Returns the event, with its faults."""
        if (request.method, request.path) != ("POST", "/v2/enqueue"):
            return Judged({}, ("no such path",), 404)
        try:
            event = json.loads(request.body)
        except ValueError:
            return Judged({}, ("not JSON",))
        faults = list(_faults(event))
        if len(request.body) > _MAX_EVENT:
            faults.append("an event of more than 512 KB")
        return Judged(event, tuple(faults))

    @property
    def open(self) -> dict[str, str]:
        """The alerts that are open, by their dedup_key, with the latest summary."""
        alerts: dict[str, str] = {}
        for event in self.messages:
            if event["event_action"] == "resolve":
                alerts.pop(event["dedup_key"], None)
            else:
                alerts[event["dedup_key"]] = event["payload"]["summary"]
        return alerts


def _faults(event: dict[str, Any]) -> Iterator[str]:
    if event.get("routing_key") != ROUTING_KEY:
        yield "no such routing key"
    if event.get("event_action") not in _ACTIONS:
        yield "event_action"
    if not 0 < len(event.get("dedup_key", "")) <= _MAX_DEDUP_KEY:
        yield "dedup_key"
    if event.get("event_action") != "trigger":
        return
    payload = event.get("payload", {})
    if not 0 < len(payload.get("summary", "")) <= _MAX_SUMMARY:
        yield "summary"
    if not payload.get("source"):
        yield "source"
    if payload.get("severity") not in _SEVERITIES:
        yield "severity"
    if not all(link.get("href") for link in event.get("links", [])):
        yield "links"
