"""Lost secrets: those that the run before found, and that no longer exist.

A run records the names of its secrets for the next one, with short digests of the accounts in each.
The names are without the prefix, so that no secret is lost when the prefix changes.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_REPORTED_FOR = timedelta(days=1)
"""How long a lost secret is a fault."""

_BYTES = 10_000
"""The room for secrets in the run's item: enough for the names of some hundreds."""

_MAX_LOST = 50
_NAME_OVERHEAD = 5
DIGEST_LENGTH = 4

Digests = frozenset[str]
"""The digests of the accounts in a secret."""

RememberedSecrets = Mapping[str, Digests | None]
"""The digests of each secret by its name; None for a secret with more accounts than fit."""


@dataclass(frozen=True, slots=True)
class SecretPresence:
    """Which secrets a run found, by name without the prefix.

    Attributes:
        accounts_of: the accounts in each; none in a secret of channels.
        uncertain: the secrets that cannot be read or have a fault, so that they may hold more.
        foreign: the secrets whose name is not one that balance-watch reads.
        is_whole: False while there is a secret that cannot be read and whose name is unknown.
    """

    accounts_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    uncertain: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class LostSecret:
    """A secret that is gone: since which tick, and the digests of its accounts, if known."""

    since: datetime
    accounts: Digests | None


LostSecrets = Mapping[str, LostSecret]
"""The lost secrets by name."""


def account_digest(account: str) -> str:
    """Returns four characters that tell an account from others, with one mistake in millions."""
    return b64encode(hashlib.sha256(account.encode()).digest()[:3]).decode()


def lost_secrets(
    remembered: RememberedSecrets, lost: LostSecrets, presence: SecretPresence, now: datetime
) -> dict[str, LostSecret]:
    """Returns the secrets that are lost now.

    A secret is no longer lost once it is back, once all of its accounts are in other secrets, or a
    day after it disappeared. So whoever removed it on purpose has nothing to do.

    Args:
        remembered: the secrets of the run before.
        lost: those that were lost in the run before.
        presence: the secrets that this run found.
        now: the tick.
    """
    existing = presence.accounts_of.keys() | presence.foreign
    found = {
        account_digest(name) for accounts in presence.accounts_of.values() for name in accounts
    }
    new = {name: LostSecret(now, accounts) for name, accounts in remembered.items()}
    if not presence.is_whole:
        new = {}
    candidates = {**new, **lost}
    lost_now = {
        name: it
        for name, it in sorted(candidates.items())
        if name not in existing
        and now - it.since < _REPORTED_FOR
        and not _has_moved(name, it, found)
    }
    kept = dict(list(lost_now.items())[:_MAX_LOST])
    accounts = _within_bounds({name: it.accounts for name, it in kept.items()})
    return {name: LostSecret(kept[name].since, accounts[name]) for name in accounts}


def remember(remembered: RememberedSecrets, presence: SecretPresence) -> RememberedSecrets:
    """Returns the secrets that the next run compares its own with.

    An uncertain secret keeps the accounts that it had. Of more secrets than fit into the item, the
    last ones by name are left out: if one of them disappears, no fault reports it.

    Args:
        remembered: the secrets of the run before.
        presence: the secrets that this run found.
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
    """Returns the fault that reports a lost secret."""
    what = "its channels"
    if _holds_accounts(name):
        number = None if lost.accounts is None else len(lost.accounts)
        what = {None: "its accounts", 1: "its account"}.get(number, f"its {number} accounts")
    return (
        f"secret {prefix}{name}: it is gone, and {what} with it. If you removed it on purpose,"
        " ignore this: it ends after a day."
    )


def _has_moved(name: str, lost: LostSecret, found: AbstractSet[str]) -> bool:
    """Tells whether a secret was of accounts, and all that it had are in other secrets."""
    return _holds_accounts(name) and lost.accounts is not None and lost.accounts <= found


def _holds_accounts(name: str) -> bool:
    return name.partition("/")[0] == "accounts"


def _within_bounds(secrets: RememberedSecrets) -> dict[str, Digests | None]:
    """Returns what fits into the item: first all names, those of channels first, then digests."""
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
