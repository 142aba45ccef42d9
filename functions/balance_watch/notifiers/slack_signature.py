"""Slack's signature of a request: whether a request comes from Slack, and has just been sent.

docs.slack.dev/authentication/verifying-requests-from-slack: `v0=` and the HMAC-SHA256, in hex, of
`v0:<timestamp>:<body>`, by the signing secret of the app. The body is signed as it was sent.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

TIMESTAMP, SIGNATURE = "x-slack-request-timestamp", "x-slack-signature"

MAX_AGE = timedelta(minutes=5)
"""An older request may be one that somebody recorded and sends again (same page)."""

MAX_BODY = 1_000_000
"""No message of 50 blocks is as long; a longer body is refused before anything is computed."""

_SECONDS = re.compile(r"[0-9]{1,11}")


def is_from_slack(
    headers: Iterable[tuple[str, str]], body: bytes, signing_secret: str, now: datetime
) -> bool:
    """Tells whether Slack has signed a request, within the last five minutes.

    Args:
        headers: names in any case, with their values; a name that occurs twice is no valid one.
        body: the body as it was sent.
        signing_secret: the secret of the app; with an empty one, nothing is from Slack.
        now: the time on the clock.
    """
    found = [(name.lower(), value) for name, value in headers]
    timestamps = [value for name, value in found if name == TIMESTAMP]
    signatures = [value for name, value in found if name == SIGNATURE]
    if not signing_secret or len(body) > MAX_BODY or (len(timestamps), len(signatures)) != (1, 1):
        return False
    (timestamp,), (signature,) = timestamps, signatures
    if _SECONDS.fullmatch(timestamp) is None:
        return False
    if abs(now.timestamp() - int(timestamp)) > MAX_AGE.total_seconds():
        return False
    expected = sign(signing_secret, timestamp, body)
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


def sign(signing_secret: str, timestamp: str, body: bytes) -> str:
    """Returns the signature of a body that is sent at a time, in seconds since the epoch."""
    signed = f"v0:{timestamp}:".encode() + body
    return f"v0={hmac.new(signing_secret.encode(), signed, hashlib.sha256).hexdigest()}"
