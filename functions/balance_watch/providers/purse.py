"""What tells the purse of an account from another one under the same name."""

import hashlib
import json
from base64 import urlsafe_b64encode

from balance_watch.domain.account import Account
from balance_watch.providers.request import host_of
from balance_watch.providers.spec import Spec

_BYTES = 2
"""So few that nobody can find out a key by trial: one of 65,536 keys fits. Another key is taken for
the same one as seldom."""


def purse_of(spec: Spec, account: Account) -> str:
    """Returns three characters that stand for provider, host, key and variables."""
    parts = [
        account.provider,
        host_of(spec, account),
        account.auth,
        sorted(account.credentials.items()),
        sorted(account.variables.items()),
    ]
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return urlsafe_b64encode(digest[:_BYTES]).decode().rstrip("=")
