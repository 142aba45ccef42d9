"""Secrets that were there at the run before and are gone: what is lost, and until when it is told.

A run leaves the names of its secrets to the next one, and short digests of the accounts in each.
Names are without the prefix, so that another prefix loses nothing.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

_TOLD_FOR = timedelta(days=1)
_BYTES = 10_000
"""What the secrets of a run take in its item, at most: the names of some hundreds."""

_LOST = 50
_NAME_OVERHEAD = 5
DIGEST_LENGTH = 4

Digests = frozenset[str]
"""The digests of the accounts in a secret."""

RememberedSecrets = Mapping[str, Digests | None]
"""The secrets of a run by name; None: they hold more accounts than a run remembers."""


@dataclass(frozen=True, slots=True)
class SecretPresence:
    """Which secrets a run found, by name without the prefix.

    `accounts_of` has the accounts in each, none for a secret of channels; `uncertain` are those
    that cannot be read or have a fault, so that they may hold more; `foreign` are those whose name
    means nothing. While `is_whole` is False, a secret cannot be read and its name is unknown.
    """

    accounts_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    uncertain: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    is_whole: bool = True


class LostSecret(NamedTuple):
    """A secret that is gone: since which tick, and the digests of its accounts, if known."""

    since: datetime
    accounts: Digests | None


LostSecrets = Mapping[str, LostSecret]
"""The lost secrets by name."""


def account_digest(account: str) -> str:
    """Returns four characters that tell an account from others; one in millions is mistaken."""
    return b64encode(hashlib.sha256(account.encode()).digest()[:3]).decode()


def lost_secrets(
    remembered: RememberedSecrets, lost: LostSecrets, presence: SecretPresence, now: datetime
) -> dict[str, LostSecret]:
    """Returns the secrets that are lost now.

    A secret is no longer lost once it is back, once all of its accounts are in other secrets, or a
    day after it went: whoever removed it on purpose has nothing to do.

    Args:
        remembered: the secrets at the run before.
        lost: those that were lost at the run before.
        presence: the secrets that there are.
        now: the tick.
    """
    here = presence.accounts_of.keys() | presence.foreign
    found = {
        account_digest(name) for accounts in presence.accounts_of.values() for name in accounts
    }
    new = {name: LostSecret(now, accounts) for name, accounts in remembered.items()}
    if not presence.is_whole:
        new = {}
    candidates = {**new, **lost}
    still = {
        name: it
        for name, it in sorted(candidates.items())
        if name not in here and now - it.since < _TOLD_FOR and not _has_moved(name, it, found)
    }
    kept = dict(list(still.items())[:_LOST])
    accounts = _within_bounds({name: it.accounts for name, it in kept.items()})
    return {name: LostSecret(kept[name].since, accounts[name]) for name in accounts}


def remember(remembered: RememberedSecrets, presence: SecretPresence) -> RememberedSecrets:
    """Returns the secrets as the next run compares its own with them.

    A secret that is uncertain keeps the accounts that it had. Of more secrets than fit into the
    bounds, the last ones by name are left out: if such a secret goes, no fault is told.

    Args:
        remembered: the secrets at the run before.
        presence: the secrets that there are.
    """
    if not presence.is_whole:
        return remembered
    current: dict[str, Digests | None] = {}
    for name, accounts in presence.accounts_of.items():
        digests: Digests | None = frozenset(map(account_digest, accounts))
        if name in presence.uncertain and name in remembered:
            before = remembered[name]
            digests = None if digests is None or before is None else digests | before
        current[name] = digests
    return _within_bounds(current)


def lost_fault(name: str, lost: LostSecret, prefix: str) -> str:
    """Returns the fault of the configuration that a lost secret is."""
    what = "its channels"
    if _holds_accounts(name):
        number = None if lost.accounts is None else len(lost.accounts)
        what = {None: "its accounts", 1: "its account"}.get(number, f"its {number} accounts")
    return (
        f"secret {prefix}{name}: it is gone, and {what} with it. If you removed it on purpose,"
        " ignore this: it ends after a day."
    )


def _has_moved(name: str, lost: LostSecret, found: AbstractSet[str]) -> bool:
    """Tells whether all accounts of a secret of accounts are in other secrets; or it had none."""
    return _holds_accounts(name) and lost.accounts is not None and lost.accounts <= found


def _holds_accounts(name: str) -> bool:
    return name.partition("/")[0] == "accounts"


def _within_bounds(secrets: RememberedSecrets) -> dict[str, Digests | None]:
    """Returns the secrets as they fit: names before digests, those of channels first."""
    room = _BYTES
    bounded: dict[str, Digests | None] = {}
    for name in sorted(secrets, key=lambda name: (_holds_accounts(name), name)):
        room -= len(name.encode()) + _NAME_OVERHEAD
        if room < 0:
            break
        bounded[name] = None
    for name in bounded:
        digests = secrets[name]
        size = DIGEST_LENGTH * len(digests or ())
        if digests is not None and size <= room:
            room -= size
            bounded[name] = digests
    return bounded
