"""What tells the purse of an account from another one, under the same name or under another."""

import hashlib
import json
from base64 import urlsafe_b64encode
from functools import lru_cache

from balance_watch.domain.account import Account
from balance_watch.domain.payment import Purse
from balance_watch.providers.request import host_of
from balance_watch.providers.spec import Spec

_BYTES = 2
"""So few that nobody can find out a key by trial: one of 65,536 keys fits. Another key is taken for
the same one as seldom."""


def purse_of(spec: Spec, account: Account) -> str:
    """Returns three characters that stand for provider, host, key and variables."""
    digest = purse_digest(spec, account)
    return urlsafe_b64encode(digest[:_BYTES]).decode().rstrip("=")


def purse_digest(spec: Spec, account: Account) -> bytes:
    """Returns what no two purses share. It tells who has a key, so it stays in memory."""
    parts = [
        account.provider,
        host_of(spec, account),
        account.auth,
        sorted(account.credentials.items()),
        sorted(account.variables.items()),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def paid_purse(spec: Spec, account: Account) -> Purse:
    """Returns the purse that a payment into an account goes into, whatever the account's name.

    A secret beside a key is left out: it is changed without changing the purse. The digest takes a
    tenth of a second, so that nobody can find out a key by trial.
    """
    keys = {name: it for name, it in account.credentials.items() if "secret" not in name}
    parts = [
        account.provider,
        host_of(spec, account),
        sorted((keys or account.credentials).items()),
        account.variables.get("trx"),
    ]
    return Purse(account.name, _slow_digest(json.dumps(parts).encode()))


@lru_cache(maxsize=64)  # a run asks for the same purse several times
def _slow_digest(text: bytes) -> str:
    digest = hashlib.scrypt(text, salt=b"balance-watch", n=2**14, r=8, p=1, dklen=12)
    return urlsafe_b64encode(digest).decode()
