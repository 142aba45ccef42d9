"""A loopback receiver of signed webhooks, which verifies them by the Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from typing import Any

from local.loopback import Reply, Request
from local.scripted_inbox import CANARY, Judged, ScriptedInbox

PATH = f"/hooks/{CANARY}"
KEY = b"Canary9Qx: 32 bytes to sign with"
SIGNING_SECRET = f"whsec_{b64encode(KEY).decode()}"
_TOLERANCE = 300


class WebhookReceiver(ScriptedInbox):
    """Keeps the JSON of each webhook that is signed, and its id."""

    accepted_reply = Reply(204)

    @property
    def secret(self) -> dict[str, Any]:
        """The webhook `default` with its signing secret."""
        url = f"{self.url}{PATH}?tenant={CANARY}"
        return {"webhooks": {"default": url}, "signing_secret": SIGNING_SECRET}

    def judge(self, request: Request) -> Judged:
        """Returns the webhook, with its faults."""
        if (request.method, request.path) != ("POST", PATH) or "tenant" not in request.query:
            return Judged({}, ("no such path",), 404)
        headers = request.headers
        webhook_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        key = b64decode(SIGNING_SECRET.removeprefix("whsec_"))
        signed = f"{webhook_id}.{sent_at}.".encode() + request.body
        wanted = "v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        if wanted not in headers.get("webhook-signature", "").split(" "):
            return Judged({}, ("not signed",), 401)
        if not webhook_id or abs(time.time() - int(sent_at)) > _TOLERANCE:
            return Judged({}, ("too old",), 401)
        return Judged({"id": webhook_id, **json.loads(request.body)})
