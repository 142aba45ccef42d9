"""What Slack sends when somebody presses a button, and the messages that answer it.

docs.slack.dev/reference/interaction-payloads/block_actions-payload. Whoever has a webhook of the
app can post a button with any value, so that a signed request is not trusted beyond its sender.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from balance_watch.domain.press import Deed, Person, Press, Subject
from balance_watch.notifiers.literal import printable
from balance_watch.notifiers.slack_buttons import alerts_in, parse_action, with_presses
from balance_watch.notifiers.slack_messages import escape_mrkdwn
from balance_watch.validation import Faults, Json, convert, is_address

_RESPONSE_HOST = "hooks.slack.com"
_USER_ID = re.compile(r"[A-Z0-9]{2,40}")
_ALERT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAX_VALUE, _MAX_NAME, _MAX_ACCOUNT = 2000, 80, 400
_LATEST = 253_402_300_799
"""The last second of the year 9999."""


class _Value(msgspec.Struct):
    """The value of a button."""

    alert: str
    at: int
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """A press of a button.

    Attributes:
        deed: what the button does.
        duration: for how long, if it silences; a key of `SILENCE_DURATIONS`.
        subject: the alert.
        person: who pressed it.
        response_url: where Slack takes the answer, for half an hour. It is a secret.
        text: the text of the message, for push notifications.
        blocks: the blocks of the message.
    """

    deed: Deed
    duration: str
    subject: Subject
    person: Person
    response_url: str = field(repr=False)
    text: str = ""
    blocks: Sequence[Json] = ()

    @property
    def alerts(self) -> list[str]:
        """The ids of all alerts of the message that have buttons, the pressed one's too."""
        return list(dict.fromkeys((self.subject.alert_id, *alerts_in(self.blocks))))


def parse_interaction(
    body: bytes, trusted_hosts: Collection[str] = frozenset()
) -> Interaction | None:
    """Returns the press of a request's body; None if it is of no button that does something.

    Args:
        body: the body of a request that Slack has signed.
        trusted_hosts: each `host:port` that is answered to as well as Slack.

    Raises:
        ValueError: the body is not what Slack sends.
    """
    payload = _payload(body)
    action = _first(payload.get("actions"))
    if payload.get("type") != "block_actions" or action is None:
        return None
    found = parse_action(action.get("action_id"))
    if found is None:
        return None
    message = payload.get("message")
    message = message if isinstance(message, dict) else {}
    text, blocks = message.get("text"), message.get("blocks")
    url = payload.get("response_url")
    return Interaction(
        *found,
        _subject(action.get("value")),
        _person(payload.get("user")),
        url if isinstance(url, str) and is_response_url(url, trusted_hosts) else "",
        text if isinstance(text, str) else "",
        blocks if isinstance(blocks, list) else (),
    )


def _payload(body: bytes) -> dict[str, Any]:
    (text,) = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)["payload"]
    payload = _parsed(text)
    if not isinstance(payload, dict):
        raise ValueError("no object")  # noqa: TRY004 (one exception for whatever is invalid)
    return payload


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None


def _first(actions: Json) -> dict[str, Any] | None:
    is_one = isinstance(actions, list) and actions and isinstance(actions[0], dict)
    return actions[0] if is_one else None


def _subject(value: Json) -> Subject:
    if not isinstance(value, str) or len(value) > _MAX_VALUE:
        raise ValueError("no value")
    faults = Faults()
    found = convert(_Value, _parsed(value), "value", faults)
    if (
        found is None
        or faults
        or not _ALERT_ID.fullmatch(found.alert)
        or not 0 <= found.at <= _LATEST
    ):
        raise ValueError("invalid value")
    if found.account is not None:
        found.account.encode()  # half of a surrogate pair is no text that a table can have
        if not 0 < len(found.account) <= _MAX_ACCOUNT:
            raise ValueError("invalid account")
    return Subject(found.alert, datetime.fromtimestamp(found.at, UTC), found.account)


def _person(user: Json) -> Person:
    user = user if isinstance(user, dict) else {}
    user_id = user.get("id")
    if not isinstance(user_id, str) or not _USER_ID.fullmatch(user_id):
        raise ValueError("no user")
    name = user.get("username") or user.get("name")
    shown = printable(name)[:_MAX_NAME].strip() if isinstance(name, str) else ""
    return Person(user_id, shown or user_id)


def is_response_url(url: str, trusted_hosts: Collection[str] = frozenset()) -> bool:
    """Tells whether an address is Slack's own, over https, or of a trusted host.

    Nothing else is ever answered to.
    """
    if not is_address(url):
        return False
    parts = urlsplit(url)
    is_slacks = (parts.scheme, parts.netloc) == ("https", _RESPONSE_HOST)
    return is_slacks or parts.netloc in trusted_hosts


def updated_message(
    interaction: Interaction, presses: Mapping[str, Sequence[Press]]
) -> dict[str, Any]:
    """Returns the answer that replaces the message by one that tells what was pressed."""
    return {
        "replace_original": True,
        "text": interaction.text,
        "mrkdwn": False,
        "blocks": list(with_presses(interaction.blocks, presses)),
    }


def private_message(text: str) -> dict[str, Any]:
    """Returns the answer that whoever pressed sees alone."""
    return {
        "replace_original": False,
        "response_type": "ephemeral",
        "text": escape_mrkdwn(text),
    }
