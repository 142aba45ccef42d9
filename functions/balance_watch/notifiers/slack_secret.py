"""The secret of Slack: its webhooks, and what presses of buttons are signed with."""

import re

from balance_watch.notifiers.webhooks import addresses_in, parse_entries
from balance_watch.validation import Faults, Json

SLACK = "slack"
"""The name of the secret under the prefix, and of the kind of channel."""

_SIGNING_SECRET = re.compile(r"[!-~]{16,200}")


def parse_slack(secret: Json, where: str, faults: Faults) -> dict[str, str]:
    """Returns the addresses of `{"webhooks": {NAME: URL}, "signing_secret": "…"}` by name.

    The signing secret may be absent.
    """
    entries = parse_entries(secret, "webhooks", where, faults, "signing_secret")
    text = secret.get("signing_secret") if isinstance(secret, dict) else None
    if text is not None and signing_secret_of(secret) is None:
        faults.add(where, "signing_secret must be the one of the Slack app, 16 characters or more")
    return addresses_in(entries, where, faults, query=False)


def signing_secret_of(secret: Json) -> str | None:
    """Returns what presses of buttons are signed with, or None if the secret has nothing valid."""
    text = secret.get("signing_secret") if isinstance(secret, dict) else None
    stripped = text.strip() if isinstance(text, str) else ""
    return stripped if _SIGNING_SECRET.fullmatch(stripped) else None
