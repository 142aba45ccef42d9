"""Lost secrets: those that the run before found, and that no longer exist.

A run records the names of its secrets for the next one, with short digests of the accounts in each.
The names are without the prefix, so that no secret is lost when the prefix changes.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

_REPORTED_FOR = timedelta(days=1)
"""How long a lost secret is a fault."""

_BYTES = 10_000
"""The room for secrets in the run's item: enough for the names of some hundreds."""

_MOST_LOST = 50
_NAME_OVERHEAD = 5
DIGEST_LENGTH = 4

Digests = frozenset[str]
"""The digests of the accounts in a secret."""

RememberedSecrets = Mapping[str, Digests | None]
"""The digests of each secret by its name; None for a secret with more accounts than fit."""


class SecretPresence(Struct, frozen=True):
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


class LostSecret(Struct, frozen=True):
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
    new = {name: LostSecret(now, accounts) for name, accounts in remembered.items()}
    candidates = {
        name: secret
        for name, secret in {**(new if presence.is_whole else {}), **lost}.items()
        if name not in existing and now - secret.since < _REPORTED_FOR
    }
    if not candidates:
        return {}
    found = _digests(name for accounts in presence.accounts_of.values() for name in accounts)
    lost_now = [pair for pair in sorted(candidates.items()) if not _has_moved(*pair, found)]
    kept = dict(lost_now[:_MOST_LOST])
    fits = _within_bounds({name: len(it.accounts or ()) for name, it in kept.items()})
    return {name: kept[name] if fits[name] else replace(kept[name], accounts=None) for name in fits}


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
    before = {name: remembered[name] for name in presence.uncertain & remembered.keys()}
    numbers = {
        name: len(accounts) + len(before.get(name) or ())
        for name, accounts in presence.accounts_of.items()
    }
    current: dict[str, Digests | None] = {}
    for name, fits in _within_bounds(numbers).items():
        digests = _digests(presence.accounts_of[name]) if fits else None
        if digests is not None and name in before:
            earlier = before[name]
            digests = None if earlier is None else digests | earlier
        current[name] = digests
    return current


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


def _digests(accounts: Iterable[str]) -> Digests:
    return frozenset(map(account_digest, accounts))


def _within_bounds(numbers: Mapping[str, int]) -> dict[str, bool]:
    """Returns the secrets whose names fit, and whether the digests of their accounts fit too.

    Names come before digests, and those of channels before those of accounts.

    Args:
        numbers: how many accounts each secret has.
    """
    room = _BYTES
    bounded: dict[str, bool] = {}
    for name in sorted(numbers, key=lambda name: (_holds_accounts(name), name)):
        room -= len(name.encode()) + _NAME_OVERHEAD
        if room < 0:
            break
        bounded[name] = False
    for name in bounded:
        size = DIGEST_LENGTH * numbers[name]
        if size <= room:
            room -= size
            bounded[name] = True
    return bounded
