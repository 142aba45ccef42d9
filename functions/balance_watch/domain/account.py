"""An account to watch, as it is configured."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from unicodedata import normalize

from msgspec import field

from balance_watch.domain.confidential import Confidential
from balance_watch.domain.credit import Budget, Credit, SettledCosts


class Account(Confidential, frozen=True, eq=False):
    """One prepaid account. `credentials` never appear in its repr.

    `alert_below` is in the account's own currency. `base_url` replaces the scheme and host of the
    provider's address. `auth` chooses one of the provider's ways of sending the key. `runs_dry` and
    `empty` replace the policy's defaults, and `expires_at` the time that the provider reports.
    `declared` is the credit or the budget of an account whose provider tells costs and no balance,
    and `settled` what is known of the costs of past days.
    `purse` tells its money from that of another provider, host, key or variables.
    """

    shown = ("name", "provider")

    name: str
    provider: str
    credentials: Mapping[str, str] = field(default_factory=dict)
    alert_below: Decimal | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    base_url: str | None = None
    currency: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    auth: str | None = None
    runs_dry: tuple[timedelta, ...] | None = None
    empty: bool | None = None
    expires_at: datetime | None = None
    declared: Credit | Budget | None = None
    settled: SettledCosts | None = None
    purse: str | None = None

    def __eq__(self, other: object) -> bool:
        """Tells whether it is configured in the same way, whatever is known of it by now."""
        return isinstance(other, Account) and _configured(self) == _configured(other)

    def __hash__(self) -> int:
        """Returns the hash of its name."""
        return hash(self.name)

    @property
    def facts(self) -> dict[str, str]:
        """Returns what a `match` can test: account, provider and `labels.<name>`."""
        return account_facts(self.name, self.provider, self.labels)


def _configured(account: Account) -> list[object]:
    found = {"settled", "purse"}
    return [getattr(account, it) for it in account.__struct_fields__ if it not in found]


def canonical_name(text: str) -> str:
    """Returns a name in its one form: `é` may be one character, or an `e` and an accent.

    Keyboards and file systems write either (https://unicode.org/reports/tr15/, NFC).
    """
    return normalize("NFC", text.strip())


def account_facts(account: str, provider: str, labels: Mapping[str, str]) -> dict[str, str]:
    """Returns the facts of an account, by the names that a `match` uses."""
    labelled = {f"labels.{name}": value for name, value in labels.items()}
    return {"account": account, "provider": provider, **labelled}


def matches(globs: Mapping[str, str], facts: Mapping[str, str]) -> bool:
    """Tells whether every glob matches. A missing fact matches no glob, not even `*`.

    A glob also matches the very text that it is: an account named `search [prod]` matches itself.
    Two ways to write a text in Unicode are one.
    """
    return all(fact in facts and _is_match(facts[fact], glob) for fact, glob in globs.items())


def literal_fact(globs: Mapping[str, str], *, exact: bool = False) -> tuple[str, str] | None:
    """Returns a fact that whatever these globs match has, in the form of `same_text`.

    It is the account if that is named without a pattern, since no other fact has as few; None if
    every glob is a pattern.

    Args:
        globs: globs by fact.
        exact: they are no globs, but the very facts.
    """
    found = [(fact, same_text(it)) for fact, it in globs.items() if exact or not _is_pattern(it)]
    return min(found, key=lambda it: it[0] != "account", default=None)


def same_text(text: str) -> str:
    """Returns the one form of all ways to write a text in Unicode."""
    return normalize("NFC", text)


def _is_pattern(glob: str) -> bool:
    return any(character in glob for character in "*?[")


def _is_match(text: str, glob: str) -> bool:
    text, glob = same_text(text), same_text(glob)
    return text == glob or fnmatchcase(text, glob)
